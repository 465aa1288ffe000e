"""How each fault is injected on a cluster, healed, and seen to be healed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

from nomos_testing.client.errors import NodeClientError
from nomos_testing.cluster.interfaces import (
    Cluster,
    ClusterError,
    Impairment,
    NetworkControl,
    NodeControl,
    NodeHandle,
)
from nomos_testing.faults.vocabulary import (
    ClockSkew,
    DiskFull,
    Fault,
    Kill,
    LinkFault,
    NodeFault,
    Partition,
    Pause,
    Restart,
    Stop,
)
from nomos_testing.waiting.waiting import Seen, WaitTimeout, wait_until

VERIFY_SECONDS: Final = 60.0
"""Nobody waits so long for a node that is well: peers dial a lost node every few seconds."""
_VERIFY_POLL: Final = 0.1
_REQUEST_SECONDS: Final = 2.0

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Injection:
    """A concrete fault on a running cluster. Healing is idempotent and fits whatever became of the injection."""

    fault: Fault
    cluster: Cluster

    async def inject(self) -> Impairment | None:
        """Returns when it has taken effect; the impairment of links is what has to be lifted again.

        Raises:
            ClusterError: it could not be done.
        """
        if isinstance(self.fault, NodeFault):
            await self._hit_node(self.fault, self._node(self.fault.node))
            return None
        return await self._hit_links(self.fault)

    async def heal(self, impairment: Impairment | None) -> None:
        """
        Raises:
            ClusterError: it could not be undone.
        """
        if isinstance(self.fault, NodeFault):
            await self._heal_node(self.fault, self._node(self.fault.node))
        elif impairment is not None:
            await self._network.lift(impairment)

    async def doubt(self, *, network_is_whole: bool) -> str | None:
        """Why the heal is not seen to have come through; None where it is.

        A node is healed when it answers and has a peer. Links are only looked at once the last fault of them is gone.
        """
        if isinstance(self.fault, NodeFault):
            return await self._doubt_node(self._node(self.fault.node), network_is_whole=network_is_whole)
        if not network_is_whole:
            return None
        verification = await self._network.verify()
        return None if verification.verified else (verification.reason or "the links were not seen to be whole")

    async def _hit_node(self, fault: NodeFault, node: NodeHandle) -> None:
        control = self._control
        match fault:
            case Restart():
                await control.restart(node, wipe_data=fault.wipe_data)
            case Kill():
                await control.kill(node)
            case Stop():
                await control.stop(node)
            case Pause():
                await control.pause(node)
            case DiskFull():
                await control.fill_disk(node)
            case ClockSkew():
                await control.skew_clock(node, fault.seconds)

    async def _heal_node(self, fault: NodeFault, node: NodeHandle) -> None:
        control = self._control
        match fault:
            case Pause() if control.running(node):
                await control.resume(node)
            case DiskFull():
                await control.free_disk(node)
            case ClockSkew():
                await control.skew_clock(node, 0.0)
        if not control.running(node):
            await control.start(node)

    async def _hit_links(self, fault: Fault) -> Impairment:
        network = self._network
        match fault:
            case Partition(groups, one_way):
                return await network.partition(groups, one_way=one_way)
            case LinkFault():
                return await network.impair(fault.effect(), fault.links)
        raise ClusterError(f"{fault} is not concrete: the planner gives it its nodes")

    async def _doubt_node(self, node: NodeHandle, *, network_is_whole: bool) -> str | None:
        peers_wanted = 1 if network_is_whole and len(self.cluster.nodes) > 1 else 0

        async def look() -> Seen:
            if isinstance(self.fault, DiskFull) and not self._control.running(node):
                await self._control.start(node)  # it may die of a failed write some time after there is room again
            try:
                peers = (await node.client.network_info(timeout=_REQUEST_SECONDS)).n_peers
            except NodeClientError as error:
                return Seen(False, f"{node.name}: {error.reason}")
            return Seen(peers >= peers_wanted, f"{node.name}: {peers} peers, {peers_wanted} wanted")

        try:
            await wait_until(f"{node.name} to be among its peers", look, timeout=VERIFY_SECONDS, poll=_VERIFY_POLL)
        except WaitTimeout as error:
            return str(error)
        return None

    def _node(self, name: str) -> NodeHandle:
        return next(node for node in self.cluster.nodes if node.name == name)

    @property
    def _control(self) -> NodeControl:
        return _there(self.cluster.node_control(), "node control")

    @property
    def _network(self) -> NetworkControl:
        return _there(self.cluster.network_control(), "network control")


def _there(control: F | None, what: str) -> F:
    if control is None:
        raise ClusterError(f"this deployer has no {what}")
    return control
