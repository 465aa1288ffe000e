"""The identification of a program as a node, before any node starts.

``--version`` tells nearly all. Both nodes answer their name and version in the same words; where ``NOMOS_PROBE`` is set
the embedded node adds that it is one. A program that answers something else may still be a node under another name. It
is one if it takes ``--check-config`` and misses the configuration then, which is what both nodes say in the same words.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nomos_testing.deployers.shared.errors import described_status

PROBE_VARIABLE: Final = "NOMOS_PROBE"
"""Asks the embedded node to say that it is one; the real node does not know it."""
EMBEDDED_ANSWER: Final = "(embedded node of logos-blockchain-testing)"
"""The end of the embedded node's ``--version``; also in ``nomos_node.command_line`` and ``scripts/lib/programs.sh``."""
PROBE_SECONDS: Final = 20.0
"""Longest time of an answer. A busy machine takes a second or two to start Python."""

_NAMED: Final = re.compile(r"^(nomos-node|nomos-executor) (\S+)")
_MISSES_THE_CONFIGURATION: Final = re.compile(r"^error: .*required argument", re.MULTILINE)
_SHOWN: Final = 120
"""Characters of a program's output in a message."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """The kind of node that a program is.

    Attributes:
        embedded: it is the node of this project.
        name: ``nomos-node`` or ``nomos-executor``; None where it did not say.
        version: what it calls its version; None where it did not say.
    """

    embedded: bool
    name: str | None = None
    version: str | None = None


class NoNode(Exception):
    """The program is not a node. The text says what it did instead."""


@dataclass(frozen=True, slots=True)
class _Answer:
    code: int
    text: str

    def __str__(self) -> str:
        ended = f"it ended with {self.code}" if self.code >= 0 else f"it was {described_status(self.code)}"
        line = self.text.strip().split("\n", 1)[0]
        return f"{ended} and wrote {line[:_SHOWN]!r}" if line else f"{ended} and wrote nothing"


def identify(
    programs: list[Path], environment: Mapping[str, str], *, seconds: float = PROBE_SECONDS
) -> dict[Path, Identity | NoNode]:
    """Ask all programs at once, each of them once."""
    different = list(dict.fromkeys(programs))
    if not different:
        return {}

    def asked(program: Path) -> Identity | NoNode:
        try:
            return _identify(program, environment, seconds)
        except NoNode as refusal:
            return refusal

    with ThreadPoolExecutor(len(different), "program-probe") as threads:
        return dict(zip(different, threads.map(asked, different), strict=True))


def _identify(program: Path, environment: Mapping[str, str], seconds: float) -> Identity:
    version = _ask(program, "--version", {**environment, PROBE_VARIABLE: "1"}, seconds)
    named = _NAMED.match(version.text)
    if version.code == 0 and named is not None:
        return Identity(embedded=EMBEDDED_ANSWER in version.text, name=named[1], version=named[2])
    usage = _ask(program, "--check-config", environment, seconds)
    if usage.code == 2 and _MISSES_THE_CONFIGURATION.search(usage.text):
        return Identity(embedded=False)
    raise NoNode(f"{program} is no node: {version} when asked for its --version")


def _ask(program: Path, argument: str, environment: Mapping[str, str], seconds: float) -> _Answer:
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            [program, argument],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise NoNode(f"{program} can't be run: {error.strerror}") from None
    with process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with what it has started; it is not reaped yet
            raise NoNode(
                f"{program} is no node: it did not end within {seconds:g} s when asked for {argument}"
            ) from None
    answer = _Answer(process.returncode, output.decode(errors="replace"))
    _log.debug("asked %s %s: %s (%.0f ms)", program, argument, answer, 1000 * (time.monotonic() - began))
    return answer
