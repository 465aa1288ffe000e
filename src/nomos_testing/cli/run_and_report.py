"""Runs one scenario, from deployment to exit code, with the output that a person sees."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Final, TextIO

from nomos_testing.cli.kept_network import Front, kept_lines, run_behind_front
from nomos_testing.deployers.selection import deployer_class, missing_package
from nomos_testing.deployers.shared.errors import DeployError, DeployerUnavailable
from nomos_testing.deployers.shared.protocol import Deployer
from nomos_testing.evidence.run_record import NotARun, read_run
from nomos_testing.journal.events import KeepEnded
from nomos_testing.journal.journal import Listener
from nomos_testing.log_directives import LogDirectives
from nomos_testing.outcome import Verdict
from nomos_testing.report.live import live_view
from nomos_testing.report.verdict import print_result, print_verdict
from nomos_testing.runtime.control_server import ControlServer
from nomos_testing.runtime.errors import Interrupted
from nomos_testing.runtime.raised import SHOWN_BY_VIEW
from nomos_testing.runtime.runner import Runner
from nomos_testing.runtime.signals import stopped_by_signals
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

PASSED: Final = 0
FAILED: Final = 1


def run_on(
    deployer: str,
    scenario: Scenario,
    settings: Settings,
    *,
    runs_directory: Path,
    what: str,
    unavailable: int = FAILED,
    skips: bool = False,
    in_cluster: bool = False,
    live: bool = False,
    keep: float | None = None,
) -> int:
    """Run a scenario on a deployer and report.

    Args:
        deployer: ``local`` (processes of this machine), ``compose`` (containers) or ``k8s`` (pods of a cluster).
        what: names the program where there was no run, so that no summary says why.
        unavailable: the exit code where there is nothing to deploy on, such as no Docker daemon.
        skips: where there is nothing to deploy on, say that the run is skipped.
        in_cluster: a Job of the cluster runs the scenario.
        live: show the run by the view of ``nomos-testing watch``.
        keep: leave the network up after the verdict for so many seconds, and return at the verdict.

    Returns:
        The exit code: 0 passed, 1 failed, errored or could not run, 128 + n interrupted by signal n.
    """

    missing = missing_package(deployer)
    if missing is not None:
        print(f"{what} failed: {missing}", file=sys.stderr)
        return FAILED

    if in_cluster:
        return _reported(
            lambda: _run_job(scenario, settings, runs_directory),
            settings,
            what=what,
            unavailable=unavailable,
            skips=skips,
        )

    def made(listener: Listener) -> Deployer:
        return deployer_class(deployer)(
            settings=settings, runs_directory=runs_directory, listeners=[listener], kept_seconds=keep or 0.0
        )

    return run_and_report(
        scenario, settings, made, what=what, unavailable=unavailable, skips=skips, live=live, keep=keep
    )


def export_manifests(scenario: Scenario, settings: Settings, directory: Path) -> int:
    """Write the manifests of a scenario's network for ``kubectl apply``. Needs no cluster. Returns the exit code."""
    from nomos_testing.deployers.k8s.deployer import K8sDeployer

    for warning in settings.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    try:
        files = K8sDeployer(settings=settings).export(scenario, directory)
    except DeployError as error:
        print(f"scenario {scenario.name} failed: {error}", file=sys.stderr)
        return FAILED
    for file in files:
        print(file)
    print(
        f"kubectl apply -f {directory} starts the network, and kubectl delete -f {directory} removes it",
        file=sys.stderr,
    )
    return PASSED


def run_and_report(
    scenario: Scenario,
    settings: Settings,
    deployer: Callable[[Listener], Deployer],
    *,
    what: str,
    unavailable: int = FAILED,
    skips: bool = False,
    live: bool = False,
    keep: float | None = None,
) -> int:
    """Run on the deployer that ``deployer`` makes, and report. ``run_on`` describes the rest."""

    def run(front: Front | None = None) -> int:
        held = None if front is None or keep is None else _Keeping(keep, front)

        def make() -> int:
            verdict = asyncio.run(_run_with_view(scenario, deployer, held, live=live))
            if held is None:
                _print_result(verdict)
            return _exit_code(verdict)

        return _reported(make, settings, what=what, unavailable=unavailable, skips=skips)

    return run() if keep is None else run_behind_front(run)


def _run_job(scenario: Scenario, settings: Settings, runs_directory: Path) -> int:
    """Run a scenario by a Job of the cluster: its lines on standard error, its summary on standard output."""
    from nomos_testing.deployers.k8s.in_cluster import JobResult, run_in_cluster

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    async def result() -> JobResult:
        with stopped_by_signals():
            return await run_in_cluster(scenario, settings, os.environ, runs_directory=runs_directory, say=say)

    found = asyncio.run(result())
    print(found.output, end="", flush=True)
    if found.run_directory is not None:
        print(f"run directory: {found.run_directory}", file=sys.stderr)
    return found.exit_code


def _reported(run: Callable[[], int], settings: Settings, *, what: str, unavailable: int, skips: bool) -> int:
    """Run a scenario, and say why there was no verdict. ``run_on`` describes the rest."""
    set_framework_log_level(settings.framework_log)
    try:
        return run()
    except DeployError as error:
        if error.run_directory is None:  # nothing has been shown yet
            for warning in settings.warnings:
                print(f"warning: {warning}", file=sys.stderr)
        if isinstance(error, DeployerUnavailable):
            text = f"warning: {error}; skipping" if skips else f"cannot run {what}: {error}"
            print(text, file=sys.stderr)
            return unavailable
        print(f"{what} failed: {error}", file=sys.stderr)
        if error.run_directory is not None:
            print(f"evidence: {error.run_directory}", file=sys.stderr)
            _print_verdict_of(error.run_directory)
        return FAILED
    except Interrupted as interrupted:
        print(f"{what} {interrupted}", file=sys.stderr)
        return interrupted.exit_code


def _print_verdict_of(run_directory: Path) -> None:
    """Print why a network did not come up, after the text of its error."""
    sys.stderr.flush()
    try:
        print_verdict(read_run(run_directory))
    except NotARun as error:
        print(f"warning: {error}", file=sys.stderr)


def set_framework_log_level(directives: str) -> None:
    """Set up the log by ``RUST_LOG`` (see ``LogDirectives``), unless the calling program has set up a log already."""
    if logging.getLogger().handlers:
        return
    handler = _StandardError()
    handler.addFilter(lambda record: not hasattr(record, SHOWN_BY_VIEW))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", handlers=[handler])
    LogDirectives.parse(directives).apply()


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to the current ``sys.stderr``. A live view replaces it, so that lines appear above the progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        self.setStream(sys.stderr)
        super().emit(record)


async def run_scenario(deployer: Deployer, scenario: Scenario, at_verdict: _AtVerdict | None = None) -> Verdict:
    """Run a scenario from deployment to teardown. A signal ends the run in order.

    Raises:
        DeployError: the network did not come up.
        Interrupted: SIGINT, SIGTERM or SIGHUP ended the run; its ``exit_code`` is the shell's convention.
    """
    with stopped_by_signals() as signals:
        async with ControlServer() as server, deployer.deployed(scenario) as runner:
            await server.serve(runner.run_directory.path, runner.context, runner.by_hand)
            try:
                verdict = await runner.run()
                if at_verdict is not None:
                    await at_verdict(runner, server, verdict, signals)
                return verdict
            finally:
                await server.retire()


_AtVerdict = Callable[[Runner, ControlServer, Verdict, Sequence[Signals]], Awaitable[None]]
"""Called at the verdict, while the network is up."""


@dataclass(frozen=True, slots=True)
class _Keeping:
    """The wish to keep the network after the verdict."""

    seconds: float
    front: Front

    async def hold(self, runner: Runner, server: ControlServer, verdict: Verdict, signals: Sequence[Signals]) -> None:
        """Let the front return with the verdict, and hold the network until its time is over."""
        async with runner.kept(self.seconds) as until:
            server.keep(until)
            _print_result(verdict)
            urls = {node.name: node.url for node in runner.context.cluster().nodes}
            print(*kept_lines(verdict.run_directory, urls, until), sep="\n")
            self.front.release(_exit_code(verdict), verdict.run_directory)
            reason = await self._end(server, signals)
        runner.context.journal().write(KeepEnded(reason))

    async def _end(self, server: ControlServer, signals: Sequence[Signals]) -> str:
        """Wait for the end, and return its reason."""
        try:
            async with asyncio.timeout(self.seconds):
                await server.wait_for_end()
        except TimeoutError:
            return "its time is over"
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not signals or task is None:
                raise
            task.uncancel()  # the verdict stands, and the network ends in order
            return signals[0].name
        return "by hand"


async def _run_with_view(
    scenario: Scenario, deployer: Callable[[Listener], Deployer], held: _Keeping | None, *, live: bool
) -> Verdict:
    with ExitStack() as view:
        listener = view.enter_context(_view(live=live))
        if held is None:
            return await run_scenario(deployer(listener), scenario)

        async def hold(runner: Runner, server: ControlServer, verdict: Verdict, signals: Sequence[Signals]) -> None:
            view.close()
            await held.hold(runner, server, verdict, signals)

        return await run_scenario(deployer(listener), scenario, hold)


def _print_result(verdict: Verdict) -> None:
    sys.stdout.flush()
    print_result(read_run(verdict.run_directory))


def _exit_code(verdict: Verdict) -> int:
    return PASSED if verdict.passed else FAILED


def _view(*, live: bool) -> AbstractContextManager[Listener]:
    if not live:
        return live_view()
    from nomos_testing.live.beside_run import view_beside_run

    return view_beside_run()
