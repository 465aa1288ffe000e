"""Names of the loggers: those of this node, which a filter matches, and those of the libraries."""

from __future__ import annotations

from typing import Final

TARGETS: Final = (
    "nomos_node",
    "nomos_consensus",
    "chain_leader",
    "chain_network",
    "nomos_mempool",
    "nomos_network",
    "nomos_da_network",
    "nomos_da_sampling",
    "nomos_da_dispersal",
    "nomos_da_verifier",
    "nomos_blend",
    "nomos_sdp",
    "nomos_time",
    "nomos_http",
    "nomos_storage",
    "nomos_tracing",
)
LIBRARIES: Final = ("asyncio", "libp2p", "multiaddr", "quic", "trio", "uvicorn")
