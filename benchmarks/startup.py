"""How fast a network of embedded nodes comes up and goes down, and what an idle node costs.

Run it with ``.venv/bin/python benchmarks/startup.py``; it takes a minute and needs a quiet machine. For each network it
runs the program ``nomos-testing`` on an idle scenario with the demo's 1,000 wallets, reads the phases from the run's
journal, watches the node processes for a while, and ends the run with SIGINT. The KZG parameters are there, as they are
after the first run in a directory.

Times depend on the machine, so each also stands as a multiple of two references timed in the same run: starting an
empty asyncio program, and one Poseidon2 permutation.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil

from nomos_core.da.kzg_generator import write_test_params
from nomos_core.poseidon2 import permute

PROGRAMS: Final = ("nomos-node", "nomos-executor", "nomos-testing", "local_runner")
NETWORKS: Final = ((1, 1), (4, 0))
"""Validators and executors."""
TARGETS: Final = {
    "ready after deploy": 2.5,
    "ready after the command": 4.0,
    "torn down": 1.0,
    "--help": 0.25,
    "CPU of an idle node": 10.0,
}
"""Seconds, and per cent of a core: what four nodes shall not exceed."""
REPEATS: Final = 5
PATIENCE: Final = 120.0

_BIN = Path(sys.executable).parent
_SCENARIO = {"slot": {"seconds": 2.0}, "wallets": 1000, "run_for": 3600}


@dataclass(frozen=True, slots=True)
class References:
    """Seconds, the best of several."""

    empty_program: float
    permutation: float

    @classmethod
    def measured(cls) -> References:
        empty = [sys.executable, "-c", "import asyncio; asyncio.run(asyncio.sleep(0))"]
        return cls(_best(lambda: _timed_command(empty)), _best(_permutation))

    def ratio(self, seconds: float) -> str:
        return f"{seconds / self.empty_program:.1f} empty asyncio programs"

    def cpu_ratio(self, percent: float) -> str:
        return f"{percent / 100 / self.permutation:.0f} permutations a second"


@dataclass(frozen=True, slots=True)
class NodeCost:
    name: str
    resident: float
    """MiB, what is shared with the other nodes included."""
    unique: float
    """MiB that would be free without this node."""
    start_cpu: float
    """CPU seconds until the network was ready."""
    idle_cpu: float
    """Per cent of a core while nothing but the chain goes on."""


@dataclass(frozen=True, slots=True)
class Startup:
    """Seconds."""

    phases: Mapping[str, float]
    """When each was reached, from the command's start."""
    ready_after_deploy: float
    torn_down: float
    """From SIGINT to the end of the process."""
    nodes: Sequence[NodeCost]


def main() -> int:
    parser = argparse.ArgumentParser(description="Time a network's start and end, and an idle node's cost.")
    parser.add_argument("--idle", type=float, default=20.0, metavar="SECONDS", help="how long nodes are watched")
    idle = parser.parse_args().idle
    references = References.measured()
    print(f"reference: an empty asyncio program takes {references.empty_program * 1000:.0f} ms")
    print(f"reference: a Poseidon2 permutation takes {references.permutation * 1e6:.1f} us")
    _print_help_times(references)
    with tempfile.TemporaryDirectory(prefix="startup-kzg-") as directory:
        kzg = Path(directory, "kzgrs_test_params")
        write_test_params(kzg)
        for validators, executors in NETWORKS:
            _print_startup(f"{validators}+{executors}", _startup(validators, executors, idle, kzg), references)
    return 0


# Measuring


def _best(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(REPEATS))


def _timed_command(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _permutation(count: int = 1000) -> float:
    state = (1, 2, 3)
    started = time.perf_counter()
    for _ in range(count):
        state = permute(state)
    return (time.perf_counter() - started) / count


def _startup(validators: int, executors: int, idle: float, kzg: Path) -> Startup:
    with tempfile.TemporaryDirectory(prefix="startup-") as directory:
        scenario = {**_SCENARIO, "topology": {"validators": validators, "executors": executors}}
        file = Path(directory, "idle.yaml")
        file.write_text(json.dumps(scenario))  # JSON is YAML
        command = [str(_BIN / "nomos-testing"), "run", str(file), "--runs-dir", directory]
        environment = {**os.environ, "POL_PROOF_DEV_MODE": "true", "NOMOS_KZGRS_PARAMS_PATH": str(kzg)}
        began = time.time()
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return _watched(process, Path(directory), began, idle)
        finally:
            process.kill()
            process.wait()


def _watched(process: subprocess.Popen[bytes], directory: Path, began: float, idle: float) -> Startup:
    entries = _wait_for_run(process, directory)
    started = {entry["node"]: psutil.Process(entry["pid"]) for entry in entries if entry["kind"] == "node_started"}
    before = {name: _cpu_seconds(node) for name, node in started.items()}
    watched_from = time.monotonic()
    time.sleep(idle)
    seconds = time.monotonic() - watched_from
    nodes = [_cost(name, node, before[name], seconds) for name, node in started.items()]
    interrupted = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(PATIENCE)
    torn_down = time.monotonic() - interrupted
    at = {phase: time_ - began for phase, time_ in _phase_starts(entries)}
    phases = {
        "deploy begins": at["configure"],
        "configured": at["start"],
        "every node answers": at["ready"],
        "ready": at["capture"],
    }
    return Startup(phases, at["capture"] - at["configure"], torn_down, nodes)


def _wait_for_run(process: subprocess.Popen[bytes], directory: Path) -> list[dict[str, Any]]:
    """The journal up to the phase ``run``."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for journal in directory.glob("*/journal.jsonl"):
            entries = [json.loads(line) for line in journal.read_text().splitlines(keepends=True) if line[-1] == "\n"]
            if any(entry["kind"] == "phase_started" and entry["phase"] == "run" for entry in entries):
                return entries
        if process.poll() is not None:
            raise SystemExit(f"nomos-testing ended with {process.returncode} before the network was ready")
        time.sleep(0.05)
    raise SystemExit(f"waited {PATIENCE:.0f} s for the network to be ready")


def _phase_starts(entries: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    for entry in entries:
        if entry["kind"] == "phase_started":
            yield entry["phase"], datetime.fromisoformat(entry["time"]).timestamp()


def _cost(name: str, node: psutil.Process, cpu_before: float, seconds: float) -> NodeCost:
    memory = node.memory_full_info()
    used = _cpu_seconds(node) - cpu_before
    return NodeCost(name, memory.rss / 2**20, memory.uss / 2**20, cpu_before, 100 * used / seconds)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


# Printing


def _print_help_times(references: References) -> None:
    print("\n--help")
    for program in PROGRAMS:
        command = [str(_BIN / program), "--help"]
        seconds = _best(lambda command=command: _timed_command(command))  # type: ignore[misc]
        print(f"  {program:<24}{_judged(seconds, '--help')}   {references.ratio(seconds)}")


def _print_startup(network: str, startup: Startup, references: References) -> None:
    print(f"\n{network}: from the command on")
    for phase, seconds in startup.phases.items():
        judged = _judged(seconds, "ready after the command") if phase == "ready" else f"{seconds:6.2f} s"
        print(f"  {phase:<24}{judged}   {references.ratio(seconds)}")
    for what, seconds in (("ready after deploy", startup.ready_after_deploy), ("torn down", startup.torn_down)):
        print(f"  {what:<24}{_judged(seconds, what)}   {references.ratio(seconds)}")
    print(f"{network}: each node")
    for node in startup.nodes:
        idle = f"{node.idle_cpu:.1f} % of a core idle ({references.cpu_ratio(node.idle_cpu)})"
        verdict = _verdict(node.idle_cpu, TARGETS["CPU of an idle node"])
        memory = f"{node.resident:.0f} MiB resident, {node.unique:.0f} MiB its own"
        print(f"  {node.name:<14}{node.start_cpu:.2f} s of CPU to start, {idle} {verdict}, {memory}")


def _judged(seconds: float, target: str) -> str:
    return f"{seconds:6.2f} s {_verdict(seconds, TARGETS[target])}"


def _verdict(value: float, target: float) -> str:
    return f"(target {target:g}: {'met' if value < target else 'MISSED'})"


if __name__ == "__main__":
    sys.exit(main())
