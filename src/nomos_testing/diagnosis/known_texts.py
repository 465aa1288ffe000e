"""Texts of nodes and of the framework that name a cause."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_TEXTS: Final = (
    ("wallet-too-small", r"requires seeded accounts|cannot keep that rate|users are asked for, and genesis funds"),
    ("wallet-too-small", r"transactions of its note of \d+ tokens were lost|insufficient (funds|balance)"),
    (
        "kzg-missing",
        r"missing KZG parameters|KZG params missing|failed to load KZG|KZG parameters at .* cannot be read",
    ),
    ("kzg-missing", r"kzgrs_test_params.*(no such file|not found|damaged|expected)|\.zkey.*(no such file|not found)"),
    (
        "circuits-missing",
        r"real proofs are needed|circuit file not found|witness_generator.*(no such|not found|missing)",
    ),
    ("circuits-missing", r"NOMOS_CIRCUITS|missing zksign|=groth16, but"),
    ("proof-failed", r"proof (verification|generation) (failed|timeout)|invalid proof"),
    ("port-taken", r"address already in use|port in use|failed to bind|the port is taken|EADDRINUSE|cannot listen on"),
    ("disk-full", r"no space left on device|database or disk is full|disk quota exceeded|file too large"),
    ("out-of-memory", r"OOMKilled|out of memory|cannot allocate memory|exit code 137"),
    ("program-wrong", r"is no node\b|is nomos-(node|executor), but the|can't be run:|exec format error"),
    ("image-missing", r"docker image '.*' is|image not found|ImagePull|cannot pull|for arm64|for amd64"),
    (
        "control-missing",
        r"requires (node|network) control|clock that can be shifted|no node can join",
    ),
    (
        "control-missing",
        r"^faults?\.\d+\.|the deployer \w+ has no|libfaketime|network faults need|cannot limit",
    ),
    ("permission-missing", r"this account may not|not writable|cannot be made: |permission denied|cannot be used: "),
    ("program-missing", r"program \S+ was not found|(NODE|EXECUTOR)_BIN=.* (does not exist|is not executable)"),
    ("program-missing", r"packages of the embedded node are not installed|No module named"),
    ("configuration-refused", r"invalid configuration|unknown (field|variant)|missing field|genesis .*refused"),
)
_PATTERNS: Final = tuple((known, re.compile(pattern, re.IGNORECASE)) for known, pattern in _TEXTS)


_AFTER_THE_START: Final = frozenset(
    {"wallet-too-small", "kzg-missing", "circuits-missing", "proof-failed", "port-taken", "disk-full", "out-of-memory"}
    | {"control-missing"}
)
"""The kinds that also the text of a failure during the run may name. The others are of the start only."""
_HARMLESS: Final = re.compile(r"^\S+\s+(TRACE|DEBUG|INFO|WARN)\s")


@dataclass(frozen=True, slots=True)
class Telling:
    """A line that names a cause."""

    known: str
    """The kind of the cause."""
    line: str
    """The line."""


def telling_line(lines: Iterable[str], *, running: bool) -> Telling | None:
    """Return the first line that names a cause; None if none does. Lines of a log below ``ERROR`` are left out.

    ``running``: the lines are of a network that has come up.
    """
    for line in lines:
        if _HARMLESS.match(line):
            continue
        known = known_by(line)
        if known is not None and (not running or known in _AFTER_THE_START):
            return Telling(known, line)
    return None


def known_by(text: str) -> str | None:
    """Return the kind of cause that one line names; None if it names none."""
    return next((known for known, pattern in _PATTERNS if pattern.search(text)), None)
