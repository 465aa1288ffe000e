"""Sections ``network`` and ``blend``: the libp2p swarm of the chain, and the mix network."""

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final

from nomos_core.config.codecs import Reading, key_text
from nomos_core.config.document import Mapping, Node
from nomos_core.config.durations import Duration, Milliseconds, PlainDuration
from nomos_core.config.field_errors import InvalidField, one_of, wrong_type
from nomos_core.config.scalars import (
    U16,
    U32,
    U64,
    Ed25519Secret,
    Flag,
    Float,
    Ipv4,
    Multiaddr,
    NonNegativeFloat,
    NonZeroU64,
    NonZeroUSize,
    Path,
    Text,
    USize,
)
from nomos_core.config.structs import StructCodec
from nomos_core.config.writing import Plain

_ONE_SECOND: Final = Duration.of(1)
_FIVE_SECONDS: Final = Duration.of(5)
_HALF_A_MINUTE: Final = Duration.of(30)
_ONE_MINUTE: Final = Duration.of(60)
_FIVE_MINUTES: Final = Duration.of(300)
_TWO_HOURS: Final = Duration.of(7200)


def random_ed25519_secret() -> bytes:
    """Return a random Ed25519 seed, 32 bytes. A missing ``node_key`` gets one."""
    from secrets import token_bytes

    return token_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class GossipsubConfig:
    """Section ``network.backend.swarm.gossipsub_config``: settings of libp2p's gossipsub.

    The section has all its keys or is missing; then libp2p's defaults hold. The embedded node uses only
    ``history_length``, ``history_gossip``, ``mesh_n``, ``mesh_n_low``, ``mesh_n_high``, ``heartbeat_interval``,
    ``fanout_ttl`` and ``duplicate_cache_time``.
    """

    serde_name: ClassVar = "ConfigDef"
    history_length: USize
    """Heartbeats for which messages are kept, so that peers can ask for them."""
    history_gossip: USize
    """Heartbeats whose messages are announced to other peers."""
    mesh_n: USize
    """Peers that the mesh of a topic should have."""
    mesh_n_low: USize
    """Peers below which the mesh of a topic takes further ones."""
    mesh_n_high: USize
    """Peers above which the mesh of a topic drops some."""
    retain_scores: USize
    """Peers with the best scores that are kept when a mesh is pruned."""
    gossip_lazy: USize
    """Peers outside the mesh to which messages are announced at least."""
    gossip_factor: Float
    """Fraction of the peers outside the mesh to which messages are announced, from 0 to 1."""
    heartbeat_initial_delay: PlainDuration
    """Time before the first heartbeat."""
    heartbeat_interval: PlainDuration
    """Time between two heartbeats, which maintain the meshes."""
    fanout_ttl: PlainDuration
    """Time for which the peers of a topic are kept that this node only publishes to."""
    check_explicit_peers_ticks: U64
    """Heartbeats between two checks of the connections to explicit peers."""
    duplicate_cache_time: PlainDuration
    """Time for which the id of a message is remembered, so that it is not handled twice."""
    validate_messages: Flag
    """True: messages are passed on only after the application accepted them."""
    allow_self_origin: Flag
    """True: messages are accepted that name this node as their origin."""
    do_px: Flag
    """True: a peer that is pruned gets the addresses of other peers."""
    prune_peers: USize
    """Addresses that such a peer gets."""
    prune_backoff: PlainDuration
    """Time during which a pruned peer is not taken into the mesh again."""
    unsubscribe_backoff: PlainDuration
    """The same time after a peer left the topic."""
    backoff_slack: U32
    """Heartbeats that are added to such a time."""
    flood_publish: Flag
    """True: own messages go to all peers of the topic, not only to those of the mesh."""
    graft_flood_threshold: PlainDuration
    """Time after a prune in which another request for the mesh counts as a fault."""
    mesh_outbound_min: USize
    """Peers of a mesh to which this node itself must have made the connection."""
    opportunistic_graft_ticks: U64
    """Heartbeats between two attempts to improve the scores of a mesh."""
    opportunistic_graft_peers: USize
    """Peers that such an attempt adds."""
    gossip_retransimission: U32
    """Times that a peer may ask for the same message. The key is misspelt in libp2p as well."""
    max_messages_per_rpc: USize | None = None
    """Messages that one RPC may hold; None: no limit."""
    max_ihave_length: USize
    """Message ids that one announcement may hold."""
    max_ihave_messages: USize
    """Announcements that a peer may send in a heartbeat."""
    iwant_followup_time: PlainDuration
    """Time to wait for a message that a peer announced."""
    published_message_ids_cache_time: PlainDuration
    """Time for which the ids of own messages are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KademliaConfig:
    """Section ``network.backend.swarm.kademlia_config``: settings of libp2p's Kademlia. None is libp2p's default.

    The embedded node does not use it.
    """

    serde_name: ClassVar = "Settings"
    query_timeout_secs: U64 | None = None
    """Seconds for one query."""
    replication_factor: NonZeroUSize | None = None
    """Peers that keep a record, at least 1."""
    parallelism: NonZeroUSize | None = None
    """Requests of a query at the same time, at least 1."""
    disjoint_query_paths: Flag | None = None
    """True: the paths of a query share no peer."""
    max_packet_size: USize | None = None
    """Bytes of a packet."""
    kbucket_inserts: Text | None = None
    """Name of the rule by which peers enter the routing table."""
    periodic_bootstrap_interval_secs: U64 | None = None
    """Seconds between two refreshes of the routing table."""
    client_mode: Flag = field(default=False, metadata={"written": False})
    """True: the node asks but does not answer. It is left out when a configuration is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifyConfig:
    """Section ``network.backend.swarm.identify_config``: settings of libp2p's identify. None is libp2p's default.

    The embedded node does not use it.
    """

    serde_name: ClassVar = "Settings"
    agent_version: Text | None = None
    """Text by which the node names its program to peers."""
    interval_secs: U64 | None = None
    """Seconds between two exchanges with a peer."""
    push_listen_addr_updates: Flag | None = None
    """True: peers are told of new addresses at once."""
    cache_size: USize | None = None
    """Peers whose addresses are kept."""
    hide_listen_addrs: Flag | None = None
    """True: peers are told only of external addresses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSyncConfig:
    """Section ``network.backend.swarm.chain_sync_config``."""

    serde_name: ClassVar = "Config"
    peer_response_timeout: Milliseconds = _FIVE_SECONDS
    """Time to wait for the answer of a peer, written as milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticNat:
    """Section ``network.backend.swarm.nat_config`` of type ``static``: the external address is known."""

    serde_name: ClassVar = "Settings"
    external_address: Multiaddr
    """Multiaddress (UDP, QUIC) under which other nodes reach this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonatConfig:
    """Section ``autonat`` of the NAT traversal. None is libp2p's default."""

    serde_name: ClassVar = "Settings"
    max_candidates: USize | None = None
    """Addresses that are tested."""
    probe_interval_millisecs: U64 | None = None
    """Milliseconds between two tests."""
    retest_successful_external_addresses_interval: PlainDuration = _ONE_MINUTE
    """Time after which a confirmed address is tested again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NatMappingConfig:
    """Section ``mapping`` of the NAT traversal: a port of the gateway that is mapped to this node."""

    serde_name: ClassVar = "Settings"
    timeout: PlainDuration = _ONE_SECOND
    """Time to wait for the answer of the gateway."""
    lease_duration: PlainDuration = _TWO_HOURS
    """Time for which a mapping is asked for."""
    max_retries: U32 = 3
    """Further requests after the first one failed."""
    renewal_delay_fraction: NonNegativeFloat = 0.8
    """Part of the lease, from 0, after which the mapping is renewed."""
    retry_interval: PlainDuration = _HALF_A_MINUTE
    """Time between two requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayMonitorConfig:
    """Section ``gateway_monitor`` of the NAT traversal."""

    serde_name: ClassVar = "Settings"
    check_interval: PlainDuration = _FIVE_MINUTES
    """Time between two checks of the gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraversalNat:
    """Section ``network.backend.swarm.nat_config`` of type ``traversal``: the external address must be found.

    The embedded node does no traversal.
    """

    serde_name: ClassVar = "TraversalSettings"
    autonat: AutonatConfig = AutonatConfig()
    """Tests of addresses with the help of peers."""
    mapping: NatMappingConfig = NatMappingConfig()
    """Mapping of a port of the gateway."""
    gateway_monitor: GatewayMonitorConfig = GatewayMonitorConfig()
    """Watch of the gateway."""


class _NatCodec:
    """Codec of an enum whose variant stands in the key ``type``.

    As in the real node, unknown keys beside it are not noticed.
    """

    example = "{type: static, external_address: /ip4/127.0.0.1/udp/3000/quic-v1}"
    _variants: ClassVar[dict[str, StructCodec[Any]]] = {
        "traversal": StructCodec(TraversalNat),
        "static": StructCodec(StaticNat),
    }

    def read(self, node: Node, reading: Reading) -> StaticNat | TraversalNat:
        if not isinstance(node, Mapping):
            raise wrong_type(node, "internally tagged enum Settings", self.example)
        entries = list(node.items())
        kinds = [value for key, value in entries if key_text(key) == "type"]
        if not kinds:
            raise InvalidField("missing field `type`", at=node, advice=f"write {self.example}")
        settings: StaticNat | TraversalNat = self._variant(kinds[0]).read(
            Mapping(None, node.mark, [(key, value) for key, value in entries if key_text(key) != "type"]), Reading()
        )
        return settings

    def _variant(self, node: Node) -> StructCodec[Any]:
        name = key_text(node)
        if name not in self._variants:
            names = tuple(self._variants)
            raise InvalidField(
                f"unknown variant `{name}`, expected {one_of(names)}", at=node, advice=f"write {self.example}"
            ).passing(".type", node, node)
        return self._variants[name]

    def write(self, value: StaticNat | TraversalNat) -> Plain:
        name = "static" if isinstance(value, StaticNat) else "traversal"
        content = self._variants[name].write(value)
        assert isinstance(content, dict)
        return {"type": name, **content}


Nat = Annotated[StaticNat | TraversalNat, _NatCodec()]
"""Either kind of NAT settings, with its codec."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmConfig:
    """Section ``network.backend.swarm``."""

    host: Ipv4
    """IPv4 address to listen on."""
    port: U16
    """UDP port to listen on, from 0 to 65535."""
    node_key: Ed25519Secret = field(default_factory=random_ed25519_secret, repr=False)
    """Ed25519 seed of the node, 32 bytes; random if it is missing. The peer id is derived from it."""
    gossipsub_config: GossipsubConfig | None = None
    """Settings of gossipsub; None: libp2p's defaults."""
    kademlia_config: KademliaConfig = KademliaConfig()
    """Settings of Kademlia."""
    identify_config: IdentifyConfig = IdentifyConfig()
    """Settings of identify."""
    chain_sync_config: ChainSyncConfig = ChainSyncConfig()
    """Settings of chain sync."""
    nat_config: Nat = TraversalNat()
    """External address, or how to find it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkBackend:
    """Section ``network.backend``."""

    serde_name: ClassVar = "BackendSettings"
    swarm: SwarmConfig
    """libp2p swarm."""
    initial_peers: tuple[Multiaddr, ...] = ()
    """Multiaddresses to dial at the start, for example ``/ip4/127.0.0.1/udp/3000/quic-v1``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Section ``network``."""

    serde_name: ClassVar = "Config"
    backend: NetworkBackend
    """Swarm and its first peers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeeringDegree:
    """Range of the number of peers, both ends included."""

    serde_name: ClassVar = "RangeInclusive"
    start: U64
    """Least number of peers."""
    end: U64
    """Greatest number of peers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendCoreBackend:
    """Section ``blend.core.backend``. The embedded node does not use it."""

    serde_name: ClassVar = "BackendConfig"
    listening_address: Multiaddr
    """Multiaddress (UDP, QUIC) of the Blend swarm. It should be a locator of the declaration."""
    core_peering_degree: PeeringDegree
    """Peers among the core nodes."""
    edge_node_connection_timeout: PlainDuration
    """Time for a connection from an edge node."""
    max_edge_node_incoming_connections: U64
    """Connections from edge nodes at the same time."""
    max_dial_attempts_per_peer: NonZeroU64
    """Attempts to dial a peer, at least 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendZk:
    """Section ``blend.core.zk``. The embedded node does not use it."""

    serde_name: ClassVar = "ZkSettings"
    secret_key_kms_id: Text
    """Id in ``key_management.keys`` of the secret key of the Blend declaration's ``zk_id``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendCore:
    """Section ``blend.core``: settings of a core node."""

    serde_name: ClassVar = "Config"
    backend: BlendCoreBackend
    """Swarm."""
    zk: BlendZk
    """Key for proofs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendEdgeBackend:
    """Section ``blend.edge.backend``. The embedded node does not use it."""

    serde_name: ClassVar = "BackendConfig"
    max_dial_attempts_per_peer_per_message: NonZeroU64
    """Attempts to dial a peer for a message, at least 1."""
    replication_factor: NonZeroU64
    """Whole number, at least 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendEdge:
    """Section ``blend.edge``: settings of an edge node."""

    serde_name: ClassVar = "Config"
    backend: BlendEdgeBackend
    """Swarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendConfig:
    """Section ``blend``. The embedded node reads it and does not use it."""

    serde_name: ClassVar = "Config"
    non_ephemeral_signing_key: Ed25519Secret = field(repr=False)
    """Ed25519 seed of the Blend provider, 32 bytes. Its public key is the ``provider_id``."""
    recovery_path_prefix: Path
    """Beginning of the paths in which the real node keeps Blend's state."""
    core: BlendCore
    """Settings of a core node."""
    edge: BlendEdge
    """Settings of an edge node."""
