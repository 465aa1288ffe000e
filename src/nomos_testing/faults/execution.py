"""Carries out planned faults during a run. Every fault is healed, however the run ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from nomos_testing.cluster.interfaces import Cluster, Impairment
from nomos_testing.failure import Failure, leaves, raise_all
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, FaultLeftOut, HealVerified
from nomos_testing.faults.fault_log import FaultLog
from nomos_testing.faults.injection import Injection
from nomos_testing.faults.plan import PlannedFault
from nomos_testing.journal.journal import Journal
from nomos_testing.surroundings import monotonic
from nomos_testing.waiting.machine import Patience

_log = logging.getLogger(__name__)


class FaultFailed(Failure):
    """A fault could not be injected or healed, or its heal could not be verified. ``__cause__`` is the first error."""

    def __init__(self, planned: PlannedFault, what: str) -> None:
        super().__init__(f"{planned} {what}")
        self.planned = planned


@dataclass(slots=True)
class _Case:
    """A planned fault and its state."""

    planned: PlannedFault
    injection: Injection
    impairment: Impairment | None = None
    begun: bool = False
    left_out: bool = False
    healed: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Injection and healing, one at a time."""


class FaultExecution:
    """Carries out faults, once. ``finish`` heals active faults. It can be called at any time, and repeatedly."""

    def __init__(
        self, faults: Sequence[PlannedFault], cluster: Cluster, log: FaultLog, journal: Journal, patience: Patience
    ) -> None:
        self._cases = [_Case(planned, Injection(planned.fault, cluster, patience)) for planned in faults]
        self._log = log
        self._journal = journal
        self._finished = False

    async def run(self) -> None:
        """Inject and heal each fault at its time. Return when the last one is healed.

        Raises:
            FaultFailed: one of them failed. The others are healed.
            ExceptionGroup: several failed. It holds a ``FaultFailed`` for each.
        """
        try:
            await self._carry_out_all(monotonic())
        except BaseException:
            # The network is taken down next, so nobody verifies that it is whole. The first failure is the run's.
            try:
                await self.finish(verify=False)
            except* FaultFailed as failed:
                for failure in leaves(failed):
                    _log.warning("after the faults were ended early: %s", failure)
            raise

    async def finish(self, *, verify: bool = True) -> None:
        """Inject no more faults, and heal the active ones.

        Raises:
            FaultFailed: one could not be healed. The others are healed.
            ExceptionGroup: several could not be healed. It holds a ``FaultFailed`` for each.
        """
        self._finished = True
        heals = (self._heal(case, verify=verify) for case in self._cases)
        raise_all("several faults could not be healed", await asyncio.gather(*heals, return_exceptions=True))
        if verify:
            self._note_left_out()

    def _note_left_out(self) -> None:
        for case in self._cases:
            if not case.begun and not case.left_out:
                case.left_out, planned = True, case.planned
                self._journal.write(
                    FaultLeftOut(number=planned.number, fault=str(planned.fault), planned_at=planned.inject_at)
                )

    async def _carry_out_all(self, start: float) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                for case in self._cases:
                    tasks.create_task(self._carry_out(case, start), name=str(case.planned))
        except ExceptionGroup as group:
            errors = list(leaves(group))
            if len(errors) > 1:
                raise
            raise errors[0] from errors[0].__cause__

    async def _carry_out(self, case: _Case, start: float) -> None:
        await _sleep_until(start + case.planned.inject_at)
        if self._finished:
            return
        await self._inject(case, start)
        await _sleep_until(start + case.planned.heal_at)
        await self._heal(case)

    async def _inject(self, case: _Case, start: float) -> None:
        planned = case.planned
        async with self._alone(case):
            if self._finished:
                return
            case.begun, began = True, monotonic()
            self._log.inject(planned, began)
            try:
                case.impairment = await case.injection.inject()
            except Failure as error:
                raise FaultFailed(planned, f"could not be injected: {error}") from error
        self._journal.write(
            FaultInjected(
                number=planned.number,
                fault=str(planned.fault),
                origin=planned.origin,
                planned_at=planned.inject_at,
                late=round(began - start - planned.inject_at, 6),
                seconds=round(monotonic() - began, 6),
            )
        )

    async def _heal(self, case: _Case, *, verify: bool = True) -> None:
        async with self._alone(case):
            if not case.begun or case.healed:
                return
            began = monotonic()
            try:
                await case.injection.heal(case.impairment)
            except Failure as error:
                raise FaultFailed(case.planned, f"could not be healed: {error}") from error
            case.healed, ended = True, monotonic()
            self._log.heal(case.planned, ended)
        self._journal.write(
            FaultHealed(number=case.planned.number, fault=str(case.planned.fault), seconds=round(ended - began, 6))
        )
        if verify:
            await self._verify(case)
        self._log.settle(case.planned)

    async def _verify(self, case: _Case) -> None:
        began, whole = monotonic(), self._log.network_is_whole
        try:
            reason = await case.injection.unverified_reason(network_is_whole=whole)
        except Failure as error:
            reason = str(error)
        others_there = not whole or bool(self._log.active())
        self._journal.write(
            HealVerified(
                number=case.planned.number,
                verified=reason is None and whole,
                seconds=round(monotonic() - began, 6),
                reason=reason or (None if whole else "other faults of the network are still there"),
            )
        )
        if reason is not None and not others_there:
            raise FaultFailed(case.planned, f"was healed, but: {reason}")

    @asynccontextmanager
    async def _alone(self, case: _Case) -> AsyncIterator[None]:
        """Keep others from this fault and from the nodes it acts on."""
        async with AsyncExitStack() as locks:
            await locks.enter_async_context(case.turn)
            for node in sorted(case.planned.fault.hit_nodes()):
                await locks.enter_async_context(self._log.lock(node))
            yield


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - monotonic()))
