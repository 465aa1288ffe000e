"""Sections ``network`` and ``blend``: the libp2p swarm of the chain, and the mix network's settings."""

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
    from secrets import token_bytes

    return token_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class GossipsubConfig:
    """All of it or nothing: the defaults are libp2p's, used when the section is missing."""

    serde_name: ClassVar = "ConfigDef"
    history_length: USize
    history_gossip: USize
    mesh_n: USize
    mesh_n_low: USize
    mesh_n_high: USize
    retain_scores: USize
    gossip_lazy: USize
    gossip_factor: Float
    heartbeat_initial_delay: PlainDuration
    heartbeat_interval: PlainDuration
    fanout_ttl: PlainDuration
    check_explicit_peers_ticks: U64
    duplicate_cache_time: PlainDuration
    validate_messages: Flag
    allow_self_origin: Flag
    do_px: Flag
    prune_peers: USize
    prune_backoff: PlainDuration
    unsubscribe_backoff: PlainDuration
    backoff_slack: U32
    flood_publish: Flag
    graft_flood_threshold: PlainDuration
    mesh_outbound_min: USize
    opportunistic_graft_ticks: U64
    opportunistic_graft_peers: USize
    gossip_retransimission: U32
    max_messages_per_rpc: USize | None = None
    max_ihave_length: USize
    max_ihave_messages: USize
    iwant_followup_time: PlainDuration
    published_message_ids_cache_time: PlainDuration


@dataclass(frozen=True, slots=True, kw_only=True)
class KademliaConfig:
    serde_name: ClassVar = "Settings"
    query_timeout_secs: U64 | None = None
    replication_factor: NonZeroUSize | None = None
    parallelism: NonZeroUSize | None = None
    disjoint_query_paths: Flag | None = None
    max_packet_size: USize | None = None
    kbucket_inserts: Text | None = None
    periodic_bootstrap_interval_secs: U64 | None = None
    client_mode: Flag = field(default=False, metadata={"written": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifyConfig:
    serde_name: ClassVar = "Settings"
    agent_version: Text | None = None
    interval_secs: U64 | None = None
    push_listen_addr_updates: Flag | None = None
    cache_size: USize | None = None
    hide_listen_addrs: Flag | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSyncConfig:
    serde_name: ClassVar = "Config"
    peer_response_timeout: Milliseconds = _FIVE_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticNat:
    serde_name: ClassVar = "Settings"
    external_address: Multiaddr


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonatConfig:
    serde_name: ClassVar = "Settings"
    max_candidates: USize | None = None
    probe_interval_millisecs: U64 | None = None
    retest_successful_external_addresses_interval: PlainDuration = _ONE_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class NatMappingConfig:
    serde_name: ClassVar = "Settings"
    timeout: PlainDuration = _ONE_SECOND
    lease_duration: PlainDuration = _TWO_HOURS
    max_retries: U32 = 3
    renewal_delay_fraction: NonNegativeFloat = 0.8
    retry_interval: PlainDuration = _HALF_A_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayMonitorConfig:
    serde_name: ClassVar = "Settings"
    check_interval: PlainDuration = _FIVE_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class TraversalNat:
    serde_name: ClassVar = "TraversalSettings"
    autonat: AutonatConfig = AutonatConfig()
    mapping: NatMappingConfig = NatMappingConfig()
    gateway_monitor: GatewayMonitorConfig = GatewayMonitorConfig()


class _NatCodec:
    """The variant stands in the key ``type``; unknown keys beside it go unnoticed, as in the real node."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmConfig:
    host: Ipv4
    port: U16
    """UDP."""
    node_key: Ed25519Secret = field(default_factory=random_ed25519_secret, repr=False)
    gossipsub_config: GossipsubConfig | None = None
    kademlia_config: KademliaConfig = KademliaConfig()
    identify_config: IdentifyConfig = IdentifyConfig()
    chain_sync_config: ChainSyncConfig = ChainSyncConfig()
    nat_config: Nat = TraversalNat()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkBackend:
    serde_name: ClassVar = "BackendSettings"
    swarm: SwarmConfig
    initial_peers: tuple[Multiaddr, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    serde_name: ClassVar = "Config"
    backend: NetworkBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class PeeringDegree:
    serde_name: ClassVar = "RangeInclusive"
    start: U64
    end: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendCoreBackend:
    serde_name: ClassVar = "BackendConfig"
    listening_address: Multiaddr
    core_peering_degree: PeeringDegree
    edge_node_connection_timeout: PlainDuration
    max_edge_node_incoming_connections: U64
    max_dial_attempts_per_peer: NonZeroU64


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendZk:
    serde_name: ClassVar = "ZkSettings"
    secret_key_kms_id: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendCore:
    serde_name: ClassVar = "Config"
    backend: BlendCoreBackend
    zk: BlendZk


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendEdgeBackend:
    serde_name: ClassVar = "BackendConfig"
    max_dial_attempts_per_peer_per_message: NonZeroU64
    replication_factor: NonZeroU64


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendEdge:
    serde_name: ClassVar = "Config"
    backend: BlendEdgeBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendConfig:
    serde_name: ClassVar = "Config"
    non_ephemeral_signing_key: Ed25519Secret = field(repr=False)
    recovery_path_prefix: Path
    core: BlendCore
    edge: BlendEdge
