"""The 32-byte ids from which all keys of a network's nodes follow."""

from __future__ import annotations

from random import Random

from nomos_core.hashing import blake2b_256
from nomos_core.node_identity import NodeIdentity
from nomos_testing.surroundings import THIS_MACHINE
from nomos_testing.topology.spec import TopologySpec


def node_identities(spec: TopologySpec, rng: Random = THIS_MACHINE.rng) -> tuple[NodeIdentity, ...]:
    """Return the spec's own ids, else ids that follow from its seed, else ids drawn by ``rng``."""
    if spec.ids is not None:
        return tuple(NodeIdentity(node_id) for node_id in spec.ids)
    if spec.seed is None:
        return tuple(NodeIdentity(rng.randbytes(32)) for _ in range(spec.node_count))
    return tuple(NodeIdentity(_seeded_id(spec.seed, index)) for index in range(spec.node_count))


def joining_identity(spec: TopologySpec, name: str, rng: Random = THIS_MACHINE.rng) -> NodeIdentity:
    """Return the id of a node that joins later: from the seed and the node's name, or from ``rng``."""
    return NodeIdentity(rng.randbytes(32) if spec.seed is None else _seeded_id(spec.seed, name))


def _seeded_id(seed: int, index: int | str) -> bytes:
    return blake2b_256(f"logos-blockchain-testing/node id/{seed}/{index}".encode())
