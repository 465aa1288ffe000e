"""Sections ``da_network``, ``da_verifier``, ``da_sampling`` and, on executors, ``da_dispersal``."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from nomos_core.config.durations import MINUTE, BoundedDuration, Duration, PlainDuration, bounded
from nomos_core.config.network import random_ed25519_secret
from nomos_core.config.scalars import (
    U16,
    U64,
    Ed25519Secret,
    FixedPoint,
    Flag,
    Multiaddr,
    NonNegativeFloat,
    Path,
    Unit,
    USize,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaPolicy:
    serde_name: ClassVar = "DAConnectionPolicySettings"
    min_dispersal_peers: USize
    min_replication_peers: USize
    max_dispersal_failures: USize
    max_sampling_failures: USize
    max_replication_failures: USize
    malicious_threshold: USize


@dataclass(frozen=True, slots=True, kw_only=True)
class DaMonitor:
    serde_name: ClassVar = "DAConnectionMonitorSettings"
    failure_time_window: BoundedDuration
    time_decay_factor: FixedPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class DaReplication:
    serde_name: ClassVar = "ReplicationConfig"
    seen_message_cache_size: USize
    seen_message_ttl: Annotated[Duration, bounded(MINUTE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DaSubnets:
    """``num_of_subnets`` is the number of samples taken of each blob."""

    serde_name: ClassVar = "SubnetsConfig"
    num_of_subnets: USize
    shares_retry_limit: USize
    commitments_retry_limit: USize


@dataclass(frozen=True, slots=True, kw_only=True)
class DaNetworkBackend:
    serde_name: ClassVar = "DaNetworkBackendSettings"
    node_key: Ed25519Secret = field(default_factory=random_ed25519_secret, repr=False)
    listening_address: Multiaddr
    policy_settings: DaPolicy
    monitor_settings: DaMonitor
    balancer_interval: PlainDuration
    redial_cooldown: PlainDuration
    replication_settings: DaReplication
    subnets_settings: DaSubnets


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorDaNetworkBackend:
    serde_name: ClassVar = "DaNetworkExecutorBackendSettings"
    validator_settings: DaNetworkBackend
    num_subnets: U16


@dataclass(frozen=True, slots=True, kw_only=True)
class DaMembership:
    """``subnetwork_size`` is the number of subnetworks."""

    subnetwork_size: USize
    replication_factor: USize
    session_id: U64 = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DaApiAdapter:
    serde_name: ClassVar = "ApiAdapterSettings"
    api_port: U16
    is_secure: Flag


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorDaNetwork:
    serde_name: ClassVar = "NetworkConfig"
    backend: DaNetworkBackend
    membership: DaMembership
    api_adapter_settings: DaApiAdapter
    subnet_refresh_interval: PlainDuration
    subnet_threshold: USize
    min_session_members: USize


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorDaNetwork:
    serde_name: ClassVar = "NetworkConfig"
    backend: ExecutorDaNetworkBackend
    membership: DaMembership
    api_adapter_settings: DaApiAdapter
    subnet_refresh_interval: PlainDuration
    subnet_threshold: USize
    min_session_members: USize


DaNetwork = ValidatorDaNetwork | ExecutorDaNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareVerifier:
    """``domain_size`` is the number of columns of a blob."""

    serde_name: ClassVar = "KzgrsDaVerifierSettings"
    global_params_path: Path
    domain_size: USize


@dataclass(frozen=True, slots=True, kw_only=True)
class DaStorageAdapter:
    serde_name: ClassVar = "VerifierStorageAdapterSettings"
    blob_storage_directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolTrigger:
    """The real node wants a prune interval of at least a second; the embedded one runs faster slots, too."""

    serde_name: ClassVar = "MempoolPublishTriggerConfig"
    publish_threshold: NonNegativeFloat
    share_duration: BoundedDuration
    prune_duration: BoundedDuration
    prune_interval: BoundedDuration


@dataclass(frozen=True, slots=True, kw_only=True)
class DaVerifier:
    serde_name: ClassVar = "DaVerifierServiceSettings"
    share_verifier_settings: ShareVerifier
    tx_verifier_settings: Unit
    network_adapter_settings: Unit
    storage_adapter_settings: DaStorageAdapter
    mempool_trigger_settings: MempoolTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingBackend:
    serde_name: ClassVar = "KzgrsSamplingBackendSettings"
    num_samples: U16
    num_subnets: U16
    old_blobs_check_interval: PlainDuration
    blobs_validity_duration: PlainDuration


@dataclass(frozen=True, slots=True, kw_only=True)
class DaSampling:
    serde_name: ClassVar = "DaSamplingServiceSettings"
    sampling_settings: SamplingBackend
    share_verifier_settings: ShareVerifier
    commitments_wait_duration: PlainDuration
    sdp_blob_trigger_sampling_delay: PlainDuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    serde_name: ClassVar = "EncoderSettings"
    num_columns: USize
    with_cache: Flag
    global_params_path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class DispersalBackend:
    serde_name: ClassVar = "DispersalKZGRSBackendSettings"
    encoder_settings: Encoder
    dispersal_timeout: BoundedDuration
    retry_cooldown: BoundedDuration
    retry_limit: USize


@dataclass(frozen=True, slots=True, kw_only=True)
class DaDispersal:
    serde_name: ClassVar = "DispersalServiceSettings"
    backend: DispersalBackend
