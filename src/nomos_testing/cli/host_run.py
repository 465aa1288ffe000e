"""One scenario on this machine, from deployment to exit code, with what a person sees of it."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Final

from nomos_testing.deployers.errors import DeployError
from nomos_testing.deployers.local.deployer import LocalDeployer
from nomos_testing.report.console import print_summary
from nomos_testing.report.live import live_view
from nomos_testing.runtime.errors import Interrupted
from nomos_testing.runtime.journal import JOURNAL_NAME, read_journal
from nomos_testing.runtime.outcome import Verdict
from nomos_testing.runtime.signals import stopped_by_signals
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

PASSED: Final = 0
FAILED: Final = 1

_LEVELS: Final = {
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}


def run_on_host(scenario: Scenario, settings: Settings, *, runs_directory: Path, what: str) -> int:
    """Run and report; ``what`` names the program in its failure line.

    Returns:
        The exit code: 0 passed, 1 failed or could not run, 128 + n interrupted by signal n.
    """
    set_framework_log_level(settings.framework_log)
    try:
        verdict = asyncio.run(_deploy_and_run(scenario, settings, runs_directory))
    except DeployError as error:
        if error.run_directory is None:  # nothing has been shown yet
            for warning in settings.warnings:
                print(f"warning: {warning}", file=sys.stderr)
        print(f"{what} failed: {error}", file=sys.stderr)
        if error.run_directory is not None:
            print(f"evidence: {error.run_directory}", file=sys.stderr)
        return FAILED
    except Interrupted as interrupted:
        print(f"{what} {interrupted}", file=sys.stderr)
        return interrupted.exit_code
    sys.stdout.flush()
    print_summary(read_journal(verdict.run_directory / JOURNAL_NAME))
    if not verdict.passed:
        print(f"{what} failed: {verdict.failure}", file=sys.stderr)
    return PASSED if verdict.passed else FAILED


def set_framework_log_level(directives: str) -> None:
    """Follow ``RUST_LOG``: its bare level, or that of ``nomos_testing``; other targets are somebody else's."""
    level = "warn"
    for directive in directives.lower().split(","):
        target, separator, name = directive.strip().rpartition("=")
        if name in _LEVELS and (not separator or target in {"nomos_testing", "runner_examples"}):
            level = name
    logging.basicConfig(
        level=_LEVELS[level], format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )


async def _deploy_and_run(scenario: Scenario, settings: Settings, runs_directory: Path) -> Verdict:
    with stopped_by_signals(), live_view() as listener:
        deployer = LocalDeployer(settings=settings, runs_directory=runs_directory, listeners=[listener])
        async with deployer.deployed(scenario) as runner:
            return await runner.run()
