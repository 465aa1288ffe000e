"""Actions that a person takes on a running network by hand: pauses and ends of nodes, cuts of links.

Each is a fault like a planned one. It has a number after those of the plan, it stands in the fault log and in the
journal with the origin ``by hand``, and expectations, reports and the watch of the machine see it as in progress.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from nomos_testing.cluster.interfaces import ClusterError, Impairment, NodeHandle
from nomos_testing.failure import Failure, raise_all
from nomos_testing.faults.fault import Control, Fault, NodeFault
from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, HealVerified
from nomos_testing.faults.injection import Injection
from nomos_testing.faults.plan import PlannedFault
from nomos_testing.faults.recovery import watch_recoveries
from nomos_testing.faults.vocabulary import Kill, Partition, Pause, Restart, Stop
from nomos_testing.runtime.background import Background
from nomos_testing.runtime.context import RunContext
from nomos_testing.runtime.control_protocol import ControlRefused
from nomos_testing.surroundings import monotonic

BY_HAND: Final = "by hand"
"""The origin of such faults."""


@dataclass(frozen=True, slots=True)
class _Done:
    """Something done by hand that is not undone."""

    planned: PlannedFault
    injection: Injection
    impairment: Impairment | None


class NetworkByHand:
    """The actions of one run. Every action is refused with ``ControlRefused`` where it is not possible."""

    def __init__(self, context: RunContext, background: Background, *, run_began: Callable[[], float]) -> None:
        """
        Args:
            context: that of the run.
            background: gets the checks of heals.
            run_began: tells when the workloads began, on the event loop's clock.
        """
        self._context = context
        self._background = background
        self._run_began = run_began
        self._done: dict[int, _Done] = {}
        self._last_number = max((planned.number for planned in context.plan().faults), default=0)
        self._used = False

    @property
    def actions(self) -> Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Any]]]:
        """The actions by name. Each takes the fields of its request."""
        return {
            "pause": lambda fields: self._inject(Pause(self._node(fields).name)),
            "kill": lambda fields: self._inject(Kill(self._node(fields).name)),
            "stop": lambda fields: self._inject(Stop(self._node(fields).name)),
            "resume": lambda fields: self.resume(self._node(fields)),
            "start": lambda fields: self.start(self._node(fields)),
            "restart": lambda fields: self.restart(self._node(fields)),
            "cut": self.cut,
            "heal": lambda _: self.heal(),
        }

    async def resume(self, node: NodeHandle) -> str:
        """Let a node continue that was paused by hand."""
        for done in self._on(node, Pause):
            return await self._heal(done)
        raise ControlRefused(f"{node.name} was not paused by hand{self._held_by(node)}")

    async def start(self, node: NodeHandle) -> str:
        """Start a node that does not run."""
        self._require(Control.NODES)
        for done in self._on(node, Kill, Stop):
            return await self._heal(done)
        if held := self._held_by(node):
            raise ControlRefused(f"{node.name} is not yours to start{held}")
        control = self._context.node_control()
        assert control is not None, "it was required"
        async with self._alone(frozenset({node.name})):
            await control.start(node)
        return f"started {node.name}"

    async def restart(self, node: NodeHandle) -> str:
        """Kill a node and start it again. What was done to it by hand is undone."""
        self._require(Control.NODES)
        was_down = self._on(node, Kill, Stop)
        for done in self._on(node, Pause, Kill, Stop):
            await self._heal(done)
        if not was_down:
            await self._inject(Restart(node.name))
        return f"restarted {node.name}"

    async def cut(self, fields: Mapping[str, Any]) -> str:
        """Cut the links between two nodes, or between a node and all others."""
        self._require(Control.NETWORK)
        names = {node.name for node in self._context.cluster().nodes}
        node = self._node(fields).name
        others = names - {node} if fields.get("other") is None else {self._node({"node": fields["other"]}).name}
        if not others - {node}:
            raise ControlRefused(f"{node} has no link to cut: name two different nodes of {', '.join(sorted(names))}")
        return await self._inject(Partition.of({node}, others))

    async def heal(self) -> list[str]:
        """Undo everything that was done by hand. The newest comes first. One that fails does not hinder the others."""
        healed: list[str] = []
        failed: list[Failure] = []
        for done in reversed(list(self._done.values())):
            try:
                healed.append(await self._heal(done))
            except Failure as error:
                failed.append(error)
        raise_all("several things could not be undone", failed)
        return healed

    async def _heal_at_the_end(self) -> None:
        await self.heal()

    async def _inject(self, fault: Fault) -> str:
        self._require(fault.control)
        self._watch()
        async with self._alone(fault.hit_nodes()):
            self._refuse_overlap(fault)
            self._last_number += 1
            began = monotonic()
            planned = PlannedFault(
                number=self._last_number,
                origin=BY_HAND,
                path=(BY_HAND,),
                fault=fault,
                inject_at=began - self._run_began(),
                heal_at=float("inf"),
            )
            injection = Injection(fault, self._context.cluster(), self._context.patience())
            log = self._context.faults()
            log.inject(planned, began)  # before anybody can see an effect of it
            try:
                impairment = await injection.inject()
            except BaseException:
                log.heal(planned, monotonic())
                log.settle(planned)
                raise
            done = self._done[planned.number] = _Done(planned, injection, impairment)
        self._context.journal().write(
            FaultInjected(
                number=planned.number,
                fault=str(fault),
                origin=BY_HAND,
                planned_at=round(planned.inject_at, 6),
                late=0.0,
                seconds=round(monotonic() - began, 6),
            )
        )
        if fault.momentary:
            await self._heal(done)
        return str(planned)

    async def _heal(self, done: _Done) -> str:
        planned, began = done.planned, monotonic()
        async with self._alone(planned.fault.hit_nodes()):
            if planned.number not in self._done:
                return f"{planned} is healed"
            await done.injection.heal(done.impairment)
            del self._done[planned.number]
            self._context.faults().heal(planned, monotonic())
        self._context.journal().write(
            FaultHealed(number=planned.number, fault=str(planned.fault), seconds=round(monotonic() - began, 6))
        )
        self._background.spawn(self._verify(done), name=f"check of the heal of {planned}", of_framework=True)
        return f"{planned} is healed"

    async def _verify(self, done: _Done) -> None:
        log, began = self._context.faults(), monotonic()
        whole = log.network_is_whole
        try:
            reason = await done.injection.unverified_reason(network_is_whole=whole)
        except ClusterError as error:
            reason = str(error)
        verified = HealVerified(
            number=done.planned.number,
            verified=reason is None and whole,
            seconds=round(monotonic() - began, 6),
            reason=reason or (None if whole else "other faults of the network are still there"),
        )
        self._context.journal().write(verified)
        log.settle(done.planned)

    def _watch(self) -> None:
        """Undo everything before the cooldown, and watch for recoveries if no planned fault does it already."""
        if self._used:
            return
        self._used = True
        self._context.on_heal(self._heal_at_the_end)
        if not self._context.plan().faults:
            self.watch_recoveries()

    def watch_recoveries(self) -> asyncio.Task[None]:
        """Journal the recovery from each fault from now on."""
        context = self._context
        slot = context.run_metrics().slot_duration
        watch = watch_recoveries(context.block_feed(), context.faults(), context.journal(), slot_seconds=slot)
        return self._background.spawn(watch, name="watch for recoveries", of_framework=True)

    def _require(self, control: Control) -> None:
        if control is Control.NETWORK:
            if self._context.network_control() is None:
                raise ControlRefused(
                    "this scenario has no control of links\n  -> say network_control: true in the scenario file"
                )
        elif self._context.node_control() is None:
            raise ControlRefused(
                "this scenario has no control of nodes\n  -> say node_control: true in the scenario file"
            )

    def _node(self, fields: Mapping[str, Any]) -> NodeHandle:
        nodes = self._context.cluster().nodes
        for node in nodes:
            if node.name == fields.get("node"):
                return node
        raise ControlRefused(
            f"there is no node {fields.get('node')!r}; the network has {', '.join(node.name for node in nodes)}"
        )

    def _on(self, node: NodeHandle, *kinds: type[Fault]) -> list[_Done]:
        return [
            done
            for done in self._done.values()
            if isinstance(done.planned.fault, kinds) and node.name in done.planned.fault.hit_nodes()
        ]

    def _held_by(self, node: NodeHandle) -> str:
        for record in self._context.faults().active():
            if node.name in record.planned.fault.hit_nodes():
                return f": {record.planned} is in progress"
        return ""

    def _refuse_overlap(self, fault: Fault) -> None:
        """Refuse a second thing done to a node at the same time, or to one that does not run. Cuts of links add up."""
        nodes = [node.name for node in self._context.cluster().nodes]
        if not isinstance(fault, NodeFault):
            return
        for record in self._context.faults().active():
            if fault.excludes(record.planned.fault, nodes):
                raise ControlRefused(f"{fault} is not possible now: {record.planned} is in progress")
        control = self._context.node_control()
        if control is not None and not control.running(self._node({"node": fault.node})):
            raise ControlRefused(f"{fault} is not possible now: {fault.node} does not run; start it first")

    @asynccontextmanager
    async def _alone(self, nodes: frozenset[str]) -> AsyncIterator[None]:
        """Keep planned faults from these nodes meanwhile."""
        async with AsyncExitStack() as locks:
            for node in sorted(nodes):
                await locks.enter_async_context(self._context.faults().lock(node))
            yield
