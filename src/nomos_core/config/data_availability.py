"""Sections ``da_network``, ``da_verifier``, ``da_sampling`` and, for executors, ``da_dispersal``."""

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
    """Section ``da_network.backend.policy_settings``: connections to keep, and failure rates at which a peer is left
    alone.
    """

    serde_name: ClassVar = "DAConnectionPolicySettings"
    min_dispersal_peers: USize
    """Connections to keep to members of each subnetwork."""
    min_replication_peers: USize
    """Connections to keep to members of each subnetwork that this node belongs to."""
    max_dispersal_failures: USize
    """Rate of failed dispersals at which a peer is left alone for a while. For the embedded node 0 is no limit."""
    max_sampling_failures: USize
    """Rate of failed samplings at which a peer is left alone for a while. For the embedded node 0 is no limit."""
    max_replication_failures: USize
    """Rate of failed replications at which a peer is left alone for a while. For the embedded node 0 is no limit."""
    malicious_threshold: USize
    """Rate of failures of one kind at which a peer is left alone for good. For the embedded node 0 is no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaMonitor:
    """Section ``da_network.backend.monitor_settings``: decay of a peer's failure rate.

    Each failure adds 1 to the rate. Before that, the earlier rate is multiplied by ``time_decay_factor * exp(-elapsed /
    failure_time_window)``.
    """

    serde_name: ClassVar = "DAConnectionMonitorSettings"
    failure_time_window: BoundedDuration
    """Time in which the earlier rate falls to 1/e of what the factor leaves."""
    time_decay_factor: FixedPoint
    """Factor of the earlier rate: a fixed-point number as text, at least 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaReplication:
    """Section ``da_network.backend.replication_settings``: messages that are not passed on again."""

    serde_name: ClassVar = "ReplicationConfig"
    seen_message_cache_size: USize
    """Messages that are remembered."""
    seen_message_ttl: Annotated[Duration, bounded(MINUTE)]
    """Time for which a message is remembered, at least a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaSubnets:
    """Section ``da_network.backend.subnets_settings``: the subnetworks that are asked for samples."""

    serde_name: ClassVar = "SubnetsConfig"
    num_of_subnets: USize
    """Subnetworks that are drawn for sampling. It must be ``num_samples`` of ``da_sampling`` or more."""
    shares_retry_limit: USize
    """Further requests for a share after the first one failed."""
    commitments_retry_limit: USize
    """Further requests for commitments after the first one failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaNetworkBackend:
    """Section ``da_network.backend``; for executors ``da_network.backend.validator_settings``."""

    serde_name: ClassVar = "DaNetworkBackendSettings"
    node_key: Ed25519Secret = field(default_factory=random_ed25519_secret, repr=False)
    """Ed25519 seed of the DA swarm, 32 bytes. Its public key must be the ``provider_id`` of the declaration."""
    listening_address: Multiaddr
    """Multiaddress (UDP, QUIC) of the DA swarm. It must be a locator of the declaration."""
    policy_settings: DaPolicy
    """Connections and tolerated failures."""
    monitor_settings: DaMonitor
    """Counting of failures."""
    balancer_interval: PlainDuration
    """Time between two checks for missing connections. In the embedded node 0 turns them off."""
    redial_cooldown: PlainDuration
    """Time before a peer is dialled again."""
    replication_settings: DaReplication
    """Memory of replicated messages."""
    subnets_settings: DaSubnets
    """Subnetworks for sampling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorDaNetworkBackend:
    """Section ``da_network.backend`` of an executor."""

    serde_name: ClassVar = "DaNetworkExecutorBackendSettings"
    validator_settings: DaNetworkBackend
    """Settings that validators have as well."""
    num_subnets: U16
    """Number of subnetworks, from 0 to 65535. The embedded node does not use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaMembership:
    """Section ``da_network.membership``. All nodes of a network must have the same."""

    subnetwork_size: USize
    """Number of subnetworks (not their size). Below 2 the embedded node runs without data availability."""
    replication_factor: USize
    """Members that each subnetwork has at least. A session with fewer providers is refused."""
    session_id: U64 = 0
    """Number of a session. The embedded node does not use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaApiAdapter:
    """Section ``da_network.api_adapter_settings``. The embedded node does not use it."""

    serde_name: ClassVar = "ApiAdapterSettings"
    api_port: U16
    """TCP port of the HTTP API of all other nodes, from which the real node fetches commitments."""
    is_secure: Flag
    """True: HTTPS instead of HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorDaNetwork:
    """Section ``da_network`` of a validator."""

    serde_name: ClassVar = "NetworkConfig"
    backend: DaNetworkBackend
    """Swarm of the data availability network."""
    membership: DaMembership
    """Subnetworks and their members."""
    api_adapter_settings: DaApiAdapter
    """Access to the HTTP API of other nodes."""
    subnet_refresh_interval: PlainDuration
    """Time after which the real node draws the subnetworks for sampling anew. The embedded node does not use it."""
    subnet_threshold: USize
    """Connected subnetworks from which on the real node is ready. The embedded node does not use it."""
    min_session_members: USize
    """Providers that a session needs. With fewer, nothing is dispersed or sampled in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorDaNetwork:
    """Section ``da_network`` of an executor."""

    serde_name: ClassVar = "NetworkConfig"
    backend: ExecutorDaNetworkBackend
    """Swarm of the data availability network."""
    membership: DaMembership
    """Subnetworks and their members."""
    api_adapter_settings: DaApiAdapter
    """Access to the HTTP API of other nodes."""
    subnet_refresh_interval: PlainDuration
    """Time after which the real node draws the subnetworks for sampling anew. The embedded node does not use it."""
    subnet_threshold: USize
    """Connected subnetworks from which on the real node is ready. The embedded node does not use it."""
    min_session_members: USize
    """Providers that a session needs. With fewer, nothing is dispersed or sampled in it."""


DaNetwork = ValidatorDaNetwork | ExecutorDaNetwork
"""Section ``da_network`` of either kind of node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareVerifier:
    """Parameters of the verification of shares. All nodes of a network must have the same."""

    serde_name: ClassVar = "KzgrsDaVerifierSettings"
    global_params_path: Path
    """File of KZG parameters (``da.kzg_params``)."""
    domain_size: USize
    """Columns of a blob, a power of two. Below 2 the embedded node runs without data availability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaStorageAdapter:
    """Section ``da_verifier.storage_adapter_settings``. The embedded node does not use it."""

    serde_name: ClassVar = "VerifierStorageAdapterSettings"
    blob_storage_directory: Path
    """Directory for blobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolTrigger:
    """Section ``da_verifier.mempool_trigger_settings``: when a member puts a blob's transaction into its mempool.

    A member publishes the transaction once it has all columns that it is assigned to. The real node wants a prune
    interval of at least a second; the embedded node runs with faster slots and takes any.
    """

    serde_name: ClassVar = "MempoolPublishTriggerConfig"
    publish_threshold: NonNegativeFloat
    """Fraction of the assigned columns, at least 0, that suffices after ``share_duration``."""
    share_duration: BoundedDuration
    """Time to wait for all assigned columns."""
    prune_duration: BoundedDuration
    """Time after which a blob is forgotten."""
    prune_interval: BoundedDuration
    """Time between two searches for blobs that are due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaVerifier:
    """Section ``da_verifier``."""

    serde_name: ClassVar = "DaVerifierServiceSettings"
    share_verifier_settings: ShareVerifier
    """Parameters of the verification of shares."""
    tx_verifier_settings: Unit
    """Always null."""
    network_adapter_settings: Unit
    """Always null."""
    storage_adapter_settings: DaStorageAdapter
    """Place for blobs."""
    mempool_trigger_settings: MempoolTrigger
    """Publication of transactions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingBackend:
    """Section ``da_sampling.sampling_settings``."""

    serde_name: ClassVar = "KzgrsSamplingBackendSettings"
    num_samples: U16
    """Good samples that a blob needs, from 1 to the number of columns."""
    num_subnets: U16
    """Number of subnetworks, from 0 to 65535. The embedded node does not use it."""
    old_blobs_check_interval: PlainDuration
    """Time between two checks for old blobs. The embedded node samples a failed blob again after it."""
    blobs_validity_duration: PlainDuration
    """Time after which a blob is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaSampling:
    """Section ``da_sampling``."""

    serde_name: ClassVar = "DaSamplingServiceSettings"
    sampling_settings: SamplingBackend
    """Number of samples and their times."""
    share_verifier_settings: ShareVerifier
    """Parameters of the verification of shares; those of ``da_verifier``."""
    commitments_wait_duration: PlainDuration
    """Time to wait for the commitments of a blob from the network."""
    sdp_blob_trigger_sampling_delay: PlainDuration
    """Time between the arrival of a blob's transaction and its sampling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """Section ``da_dispersal.backend.encoder_settings``."""

    serde_name: ClassVar = "EncoderSettings"
    num_columns: USize
    """Columns of a blob. The embedded node wants it to be the ``domain_size`` of ``da_verifier``."""
    with_cache: Flag
    """Cache of the real node's encoder. The embedded node does not use it."""
    global_params_path: Path
    """File of KZG parameters (``da.kzg_params``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispersalBackend:
    """Section ``da_dispersal.backend``."""

    serde_name: ClassVar = "DispersalKZGRSBackendSettings"
    encoder_settings: Encoder
    """Encoding of blobs."""
    dispersal_timeout: BoundedDuration
    """Time for one attempt to disperse a blob."""
    retry_cooldown: BoundedDuration
    """Time between two attempts."""
    retry_limit: USize
    """Further attempts after the first one failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaDispersal:
    """Section ``da_dispersal``, which only executors have."""

    serde_name: ClassVar = "DispersalServiceSettings"
    backend: DispersalBackend
    """Encoding and dispersal of blobs."""
