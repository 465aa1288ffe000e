"""All checks of ``nomos-testing doctor``, and their table."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nomos_testing.deployers.local.programs import Installation
from nomos_testing.doctor.checks import COMPOSE, K8S, LOCAL, RUNNERS, Check, State, can_run, of_runner
from nomos_testing.doctor.compose_runner import check_compose
from nomos_testing.doctor.k8s_runner import check_k8s
from nomos_testing.doctor.local_runner import check_local
from nomos_testing.doctor.machine import check_machine
from nomos_testing.evidence.node_logs import plain_text
from nomos_testing.settings import Settings

_MARKS = {State.OK: "ok", State.LIMITED: "!", State.MISSING: "MISSING"}


async def examine(
    environ: Mapping[str, str],
    *,
    runner: str | None,
    runs_directory: Path,
    installation: Installation | None = None,
) -> list[Check]:
    """Check everything that a runner needs, without starting or changing anything.

    Args:
        runner: only what this one needs; None: what any of them needs.
        runs_directory: where the evidence of runs goes.
        installation: where the node programs are; that of this process by default.
    """
    settings = Settings.from_environ(environ)
    places = Installation.running() if installation is None else installation
    checks = await asyncio.to_thread(lambda: list(check_machine(settings, environ, runs_directory)))
    if runner in {None, LOCAL}:
        checks += await asyncio.to_thread(lambda: list(check_local(settings, environ, places)))
    if runner in {None, COMPOSE}:
        checks += [check async for check in check_compose(settings, environ)]
    if runner in {None, K8S}:
        checks += [check async for check in check_k8s(settings, environ)]
    return of_runner(checks, runner)


def table(checks: Sequence[Check]) -> list[str]:
    """Return the lines for people: each check, and below those that are not well, what to do."""
    width = max(len(check.what) for check in checks)
    lines = []
    for check in checks:
        only = "" if check.runners == RUNNERS else f" [{', '.join(check.runners)}]"
        first, *more = _lines(check.found)
        lines.append(f"{_MARKS[check.state]:>7}  {check.what:<{width}}  {first}{only}")
        lines += [f"{'':>7}  {'':<{width}}  {line}" for line in more]
        if check.remedy is not None:
            lines += [f"{'':>7}  {'':<{width}}  -> {line}" for line in _lines(check.remedy)]
    return lines


def conclusion(checks: Sequence[Check], runner: str | None) -> list[str]:
    """Return a line for each runner that was looked at."""
    return [
        f"{each}: {'can run' if can_run(checks, each) else 'cannot run: ' + _lacking(checks, each)}"
        for each in RUNNERS
        if runner in {None, each}
    ]


def as_json(checks: Sequence[Check], runner: str | None) -> dict[str, Any]:
    """Return the checks as JSON values."""
    return {
        "can_run": {each: can_run(checks, each) for each in RUNNERS if runner in {None, each}},
        "checks": [
            {
                "what": check.what,
                "state": str(check.state),
                "found": check.found,
                "remedy": check.remedy,
                "runners": list(check.runners),
            }
            for check in checks
        ],
    }


def _lacking(checks: Sequence[Check], runner: str) -> str:
    return ", ".join(dict.fromkeys(check.what for check in of_runner(checks, runner) if check.state is State.MISSING))


def _lines(text: str) -> list[str]:
    return [plain_text(line) for line in text.splitlines()] or [""]
