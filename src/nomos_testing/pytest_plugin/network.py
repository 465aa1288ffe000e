"""A network that stays up while tests use it, in an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from nomos_testing.deployers.shared.errors import DeployError
from nomos_testing.pytest_plugin.failure import ScenarioNotPassed, not_passed
from nomos_testing.pytest_plugin.loop_threads import LoopThread, result_of, waited_for
from nomos_testing.pytest_plugin.runs import raise_not_deployed
from nomos_testing.runtime.errors import RunFailed

if TYPE_CHECKING:
    from nomos_testing.deployers.shared.protocol import Deployer
    from nomos_testing.outcome import Verdict
    from nomos_testing.runtime.context import RunContext
    from nomos_testing.runtime.runner import Runner
    from nomos_testing.scenario.scenario import Scenario


class RunningNetwork:
    """A network that tests share. It fails with the tests that fail, so that its evidence is kept."""

    def __init__(self, deployer: Deployer, scenario: Scenario) -> None:
        """
        Raises:
            ScenarioNotPassed: the network did not come up.
        """
        __tracebackhide__ = True
        if scenario.workloads or scenario.expectations:
            raise ValueError(
                f"the scenario {scenario.name} of nomos_network has workloads, faults or expectations, "
                "but the tests are load and judgement of a running network\n"
                "  -> leave them out, or run the scenario with run_scenario"
            )
        self.scenario = scenario
        self._failed_tests: list[str] = []
        self._ready: Future[Runner] = Future()
        self._leave = asyncio.Event()
        self._over = False
        self._handing_over = Lock()
        """Held while work is handed over, because an event loop that has ended would never do it."""
        self._thread = LoopThread(self._serve(deployer), f"network of {scenario.name}")
        self._thread.done.add_done_callback(self._note_end)
        try:
            self._runner = waited_for(self._ready, self._thread.cancel)
        except DeployError as error:
            raise_not_deployed(scenario.name, error)

    @property
    def run_directory(self) -> Path:
        """The directory of its run: journal, node configurations, logs."""
        return self._runner.run_directory.path

    @property
    def urls(self) -> dict[str, str]:
        """The base of each node's HTTP API, by the node's name."""
        return {node.name: node.url for node in self._runner.context.cluster().nodes}

    def run(self, work: Callable[[RunContext], Awaitable[Any]]) -> Any:
        """Do something with the network, and return the result; in an async test a coroutine that returns it.

        Args:
            work: gets the context of the run: ``lambda ctx: ctx.node_clients().all_clients()[0].consensus_info()``. It
                runs in the network's event loop.

        Raises:
            ScenarioNotPassed: the network has ended.
        """
        __tracebackhide__ = True
        with self._handing_over:
            over = self._over
            if not over:
                future = asyncio.run_coroutine_threadsafe(self._work(work), self._thread.loop)
        if over:
            raise not_passed(waited_for(self._thread.done, self._thread.cancel))
        return result_of(future, future.cancel)

    def note_failure(self, test: str) -> None:
        """Note that a test failed while it used the network."""
        if test not in self._failed_tests:
            self._failed_tests.append(test)

    def close(self) -> None:
        """End the network.

        Raises:
            ScenarioNotPassed: it did not last until the end, or could not be healed. Failed tests are no reason.
        """
        __tracebackhide__ = True
        with suppress(RuntimeError):  # its loop is closed, because it has ended by itself
            self._thread.loop.call_soon_threadsafe(self._leave.set)
        verdict = waited_for(self._thread.done, self._thread.cancel)
        if not verdict.passed and verdict.failure != self._failure():
            raise not_passed(verdict)

    async def _serve(self, deployer: Deployer) -> Verdict:
        try:
            async with deployer.deployed(self.scenario) as runner:
                self._ready.set_result(runner)
                return await runner.serve(self._until_closed())
        finally:
            with self._handing_over:
                self._over = True
            await asyncio.sleep(0)  # what was handed over begins, so that the end of the loop cancels it

    async def _until_closed(self) -> None:
        await self._leave.wait()
        failure = self._failure()
        if failure is not None:
            raise RunFailed(failure)

    def _failure(self) -> str | None:
        return f"tests failed: {', '.join(self._failed_tests)}" if self._failed_tests else None

    async def _work(self, work: Callable[[RunContext], Awaitable[Any]]) -> Any:
        try:
            return await work(self._runner.context)
        except asyncio.CancelledError:
            if not self._over:
                raise
            raise ScenarioNotPassed(f"the network of {self.scenario.name} ended while the test used it") from None

    def _note_end(self, done: Future[Verdict]) -> None:
        if not self._ready.done():
            self._ready.set_exception(done.exception() or ScenarioNotPassed("the network ended before it was ready"))
