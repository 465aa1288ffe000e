"""The course of one fault on a running cluster: injection, heal, and the check that the heal came through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nomos_testing.client.errors import NodeClientError
from nomos_testing.cluster.interfaces import Cluster, Impairment, NodeHandle
from nomos_testing.faults.fault import Control, Fault, FaultControls
from nomos_testing.waiting.machine import Patience
from nomos_testing.waiting.waiting import Seen, WaitTimeout, wait_until

VERIFY_SLOTS: Final = 60
"""How long a healed node may take until it answers and has a peer. Peers dial a lost node every few seconds."""
_VERIFY_POLL: Final = 0.1


@dataclass(frozen=True, slots=True)
class Injection:
    """A concrete fault on a running cluster. Healing is idempotent, and safe after an injection that failed."""

    fault: Fault
    cluster: Cluster
    patience: Patience

    async def inject(self) -> Impairment | None:
        """Inject a fault, and return when it has taken effect. A returned impairment of links must be lifted.

        Raises:
            ClusterError: it could not be done.
        """
        return await self.fault.inject(self._controls)

    async def heal(self, impairment: Impairment | None) -> None:
        """Undo the fault.

        Raises:
            ClusterError: it could not be undone.
        """
        await self.fault.heal(self._controls, impairment)

    async def unverified_reason(self, *, network_is_whole: bool) -> str | None:
        """Say why the heal is not verified. None: it is verified.

        A node is healed when it answers and has a peer. Links are checked once the last fault of them is gone.
        """
        for node in sorted(self.fault.hit_nodes()):
            reason = await self._unverified_node(self._controls.node(node), network_is_whole=network_is_whole)
            if reason is not None:
                return reason
        if self.fault.control is not Control.NETWORK or not network_is_whole:
            return None
        verification = await self._controls.network.verify()
        return None if verification.verified else (verification.reason or "the links were not seen to be whole")

    async def _unverified_node(self, node: NodeHandle, *, network_is_whole: bool) -> str | None:
        peers_wanted = 1 if network_is_whole and len(self.cluster.nodes) > 1 else 0

        async def look() -> Seen:
            await self.fault.keep_healed(self._controls)
            try:
                peers = (await node.client.network_info()).n_peers
            except NodeClientError as error:
                return Seen(False, f"{node.name}: {error.reason}")
            return Seen(peers >= peers_wanted, f"{node.name}: {peers} peers, {peers_wanted} wanted")

        try:
            await wait_until(
                f"{node.name} to be among its peers", look, timeout=self.patience.slots(VERIFY_SLOTS), poll=_VERIFY_POLL
            )
        except WaitTimeout as error:
            return str(error)
        return None

    @property
    def _controls(self) -> FaultControls:
        return FaultControls(self.cluster)
