"""No module makes time, random numbers, threads or sockets by itself: they come from outside.

A simulated run lives on a clock, a random number generator and a network that a test gives it. That works only while no
module reaches for the real ones. Monotonic time is the running event loop's; wall time and randomness are arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[1] / "src"

TIME_AND_CHANCE = ("time", "random", "secrets", "uuid")
"""Standard modules that give time or randomness."""
THREADS_AND_SOCKETS = ("threading", "concurrent.futures", "subprocess", "multiprocessing", "socket")

ALLOWED_NAMES = {("random", "Random"), ("uuid", "UUID"), ("concurrent.futures", "Future")}
"""What may be imported of these modules: a type of what is given, and a seeded generator."""
FORBIDDEN_ATTRIBUTES = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "os": {"urandom", "getrandom"},
}
THREADS_OF_ASYNCIO = {"asyncio": {"to_thread", "create_subprocess_exec", "create_subprocess_shell"}}
"""Forbidden where threads are. The framework may use them: a simulated loop runs their work inline."""

FORBIDDEN_IMPORTS = {
    "nomos_core": TIME_AND_CHANCE,
    "nomos_node": TIME_AND_CHANCE + THREADS_AND_SOCKETS,
    "nomos_testing": TIME_AND_CHANCE,
}
"""By package."""

EXCEPTIONS: Mapping[str, str] = {
    "nomos_core.config.network": "a configuration without a node key gets a new one, like the real node's",
    "nomos_node.machine": "the real surroundings: this is where all of it comes from",
    "nomos_node.workers": "the real worker has threads",
    "nomos_node.storage.database": "the real database has a thread, whose durations go into the log and nowhere else",
    "nomos_node.api.server": "the real HTTP listeners are sockets",
    "nomos_node.network.trio_thread": "the real network runs in a thread of its own",
    "nomos_node.network.libp2p_host": (
        "the real network's inside, under trio: a simulated network takes the place of all of it. Clocks and chance of "
        "aioquic and libp2p can't be given from outside; ours is redial jitter and sequence numbers of messages"
    ),
    "nomos_node.da.encoding_process": "the real encoder is a child process",
    "nomos_node.da.kzg": "a lock, no thread: the parameters are loaded once also when two threads ask",
    "nomos_node.telemetry.hourly_file": "the log belongs to the process; its lines are stamped by `logging`",
    "nomos_node.telemetry.gelf": "the log belongs to the process, and goes to a server",
    "nomos_node.process": "the entry point, with a thread that ends the process in time",
    "nomos_node.start_when_configured": "an entry point, which runs the command that fetches the configuration",
    "nomos_testing.surroundings": "the real surroundings: this is where all of it comes from",
    "nomos_testing.cfgsync.client": "an entry point: it runs in each container before the node, without a loop",
    "nomos_testing.relay.program": "an entry point: the relay is a process without a loop, between real sockets",
    "nomos_testing.relay.forwarding": "the relay's packet path",
    "nomos_testing.deployers.shared.reaper": "an entry point: a process of its own, without a loop",
    "nomos_testing.deployers.k8s.pod_supervisor": "a program of its own: the first process of a pod, without a loop",
    "nomos_testing.runtime.process_usage": "a program of its own beside a node; the runner gives its time to it",
    "nomos_testing.deployers.local.program_probe": "it asks programs in threads, where no loop runs; for its log alone",
}
"""Modules, or packages with all that is in them, that may do it, each with the reason."""


def _modules(package: str) -> Iterator[tuple[str, ast.Module]]:
    for file in sorted((SOURCES / package).rglob("*.py")):
        name = ".".join(file.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(file.read_text(encoding="utf-8"), str(file))


def _exception_for(module: str) -> str | None:
    parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in EXCEPTIONS), None)


def violations(tree: ast.Module, forbidden: Sequence[str]) -> list[str]:
    """Name each place that makes time or randomness, as ``line: what``."""
    found = []
    attributes = FORBIDDEN_ATTRIBUTES | (THREADS_OF_ASYNCIO if "threading" in forbidden else {})
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found += [(node.lineno, alias.name) for alias in names if alias.name in forbidden]
            case ast.ImportFrom(module=str(module), names=names, level=0):
                wanted = [(module, alias.name) for alias in names]
                found += [
                    (node.lineno, f"{module}.{name}")
                    for module, name in wanted
                    if (module in forbidden or f"{module}.{name}" in forbidden) and (module, name) not in ALLOWED_NAMES
                ]
                found += [
                    (node.lineno, f"{module}.{name}") for module, name in wanted if name in attributes.get(module, ())
                ]
            case ast.Attribute(value=ast.Name(id=base) | ast.Attribute(attr=base), attr=attribute):
                if attribute in attributes.get(base, ()):
                    found.append((node.lineno, f"{base}.{attribute}"))
            case ast.Call(func=ast.Name(id="Random"), args=[], keywords=[]):
                found.append((node.lineno, "Random() without a seed"))
    return [f"{line}: {what}" for line, what in sorted(found)]


@pytest.mark.parametrize("package", FORBIDDEN_IMPORTS)
def test_time_and_chance_come_from_outside(package: str) -> None:
    broken = {
        name: places
        for name, tree in _modules(package)
        if not _exception_for(name) and (places := violations(tree, FORBIDDEN_IMPORTS[package]))
    }
    assert not broken, "use the loop's time, or take a clock or a generator as an argument"


def test_every_exception_is_needed() -> None:
    needed = {
        _exception_for(name)
        for package, forbidden in FORBIDDEN_IMPORTS.items()
        for name, tree in _modules(package)
        if violations(tree, forbidden)
    }
    assert set(EXCEPTIONS) <= needed


@pytest.mark.parametrize(
    "probe",
    [
        "import time",
        "def f():\n    import time as clock",
        "from time import monotonic",
        "import random",
        "from random import sample",
        "from random import Random\nRandom()",
        "import secrets",
        "from uuid import uuid4",
        "import os\nos.urandom(8)",
        "from os import urandom",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.utcnow()",
        "import asyncio\nasync def f():\n    await asyncio.to_thread(print)",
        "from concurrent.futures import ThreadPoolExecutor",
        "import concurrent.futures",
        "import socket",
    ],
)
def test_what_is_forbidden_is_found(probe: str) -> None:
    assert violations(ast.parse(probe), FORBIDDEN_IMPORTS["nomos_node"])


@pytest.mark.parametrize(
    "probe",
    [
        "from random import Random\nRandom(7)",
        "from datetime import datetime\ndatetime.fromtimestamp(0)",
        "import asyncio\nasync def f():\n    asyncio.get_running_loop().time()",
        "from nomos_node.time.monotonic import monotonic\nmonotonic()",
        "from nomos_testing.surroundings import monotonic\nmonotonic()",
        "from concurrent.futures import Future",
    ],
)
def test_what_is_allowed_is_not_found(probe: str) -> None:
    assert not violations(ast.parse(probe), FORBIDDEN_IMPORTS["nomos_node"])
