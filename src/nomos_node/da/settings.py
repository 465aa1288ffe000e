"""Settings of data availability, from the sections ``da_network``, ``da_verifier``, ``da_sampling``, ``da_dispersal``.

A network of one subnetwork has no data availability: a blob has at least two columns, each in a subnetwork of its own.
Durations are in seconds. They are already scaled to the slots of the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nomos_core.config import NodeConfig
from nomos_core.config.data_availability import DaDispersal
from nomos_core.config.node import ExecutorConfig
from nomos_node.da.kzg import KzgSettings
from nomos_node.da.peer_failures import FailureLimits
from nomos_node.da.publish_trigger import TriggerSettings
from nomos_node.network.addresses import AddressError, parse_endpoint
from nomos_node.network.settings import GossipsubSettings, NetworkSettings

_LEAST_COLUMNS: Final = 2
_NO_GOSSIP: Final = GossipsubSettings(heartbeat_interval=60.0)
"""Settings of a network that has no topics: members do not gossip."""
_LEAST_COOLDOWN: Final = 0.25


class DaSettingError(Exception):
    """Error: a setting of data availability is invalid. The message names its key and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipSettings:
    """Settings of the members of a session."""

    subnetworks: int
    replication_factor: int
    """Least number of members of each subnetwork."""
    min_members: int
    """With fewer providers a session has no membership."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """Settings of the connections to members."""

    min_dispersal_peers: int
    """Connections to each subnetwork."""
    min_replication_peers: int
    """Connections to each subnetwork this node is a member of."""
    interval: float
    """Time between two looks at the connections. 0 turns the balancer off."""
    redial_cooldown: float
    """Time in which a peer that did not answer is not dialled again."""
    limits: FailureLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationSettings:
    """Settings of replication."""

    seen_limit: int
    """Most messages to remember as passed on."""
    seen_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingSettings:
    """Settings of sampling."""

    samples: int
    """Number of good samples that make a blob available."""
    subnetworks: int
    """Number of subnetworks of the blob's session that are asked."""
    delay: float
    """Time from the arrival of a blob's transaction to its sampling. The shares need it to arrive."""
    commitments_wait: float
    retry_interval: float
    """Time between two attempts at a blob."""
    validity: float
    """Time after which a blob that could not be sampled is given up."""
    share_retries: int
    commitments_retries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DispersalSettings:
    """Settings of dispersal."""

    kzg: KzgSettings
    timeout: float
    """Time of one attempt."""
    retries: int
    retry_cooldown: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DaSettings:
    """All settings of data availability."""

    kzg: KzgSettings
    network: NetworkSettings
    membership: MembershipSettings
    connections: ConnectionSettings
    replication: ReplicationSettings
    trigger: TriggerSettings
    sampling: SamplingSettings
    dispersal: DispersalSettings | None
    """None on validators."""


def da_settings(config: NodeConfig) -> DaSettings | None:
    """Read the settings. Return None for a network without data availability.

    Raises:
        DaSettingError: a setting can't be used.
    """
    columns, membership = config.da_verifier.share_verifier_settings.domain_size, config.da_network.membership
    if columns < _LEAST_COLUMNS or membership.subnetwork_size < _LEAST_COLUMNS:
        return None
    if columns & (columns - 1):
        raise DaSettingError(
            f"da_verifier.share_verifier_settings.domain_size: {columns} columns, expected a power of two"
        )
    return DaSettings(
        kzg=KzgSettings(Path(config.da_verifier.share_verifier_settings.global_params_path), columns),
        network=_network(config),
        membership=MembershipSettings(
            subnetworks=membership.subnetwork_size,
            replication_factor=membership.replication_factor,
            min_members=config.da_network.min_session_members,
        ),
        connections=_connections(config),
        replication=ReplicationSettings(
            seen_limit=config.da_backend.replication_settings.seen_message_cache_size,
            seen_seconds=config.da_backend.replication_settings.seen_message_ttl.seconds,
        ),
        trigger=_trigger(config),
        sampling=_sampling(config, columns),
        dispersal=_dispersal(config.da_dispersal, columns) if isinstance(config, ExecutorConfig) else None,
    )


def _network(config: NodeConfig) -> NetworkSettings:
    backend = config.da_backend
    try:
        endpoint = parse_endpoint(backend.listening_address)
        if not endpoint.protocol.startswith("ip"):
            raise AddressError(f"{backend.listening_address!r}: expected the IP address to listen on, not a name")
    except AddressError as error:
        raise DaSettingError(f"da_network.backend.listening_address: {error}") from None
    return NetworkSettings(
        node_key=backend.node_key,
        listen_host=endpoint.host,
        listen_port=endpoint.port,
        identify_protocol=config.deployment.network.identify_protocol_name,
        gossipsub=_NO_GOSSIP,
    )


def _connections(config: NodeConfig) -> ConnectionSettings:
    backend = config.da_backend
    policy, monitor = backend.policy_settings, backend.monitor_settings
    return ConnectionSettings(
        min_dispersal_peers=policy.min_dispersal_peers,
        min_replication_peers=policy.min_replication_peers,
        interval=backend.balancer_interval.seconds,
        redial_cooldown=max(backend.redial_cooldown.seconds, _LEAST_COOLDOWN),
        limits=FailureLimits(
            window=monitor.failure_time_window.seconds,
            decay=float(monitor.time_decay_factor),
            dispersal=policy.max_dispersal_failures,
            sampling=policy.max_sampling_failures,
            replication=policy.max_replication_failures,
            malicious=policy.malicious_threshold,
        ),
    )


def _trigger(config: NodeConfig) -> TriggerSettings:
    trigger = config.da_verifier.mempool_trigger_settings
    return TriggerSettings(
        publish_threshold=trigger.publish_threshold,
        share_duration=trigger.share_duration.seconds,
        prune_duration=trigger.prune_duration.seconds,
        prune_interval=trigger.prune_interval.seconds,
    )


def _sampling(config: NodeConfig, columns: int) -> SamplingSettings:
    sampling, subnets = config.da_sampling, config.da_backend.subnets_settings
    samples = sampling.sampling_settings.num_samples
    if not 1 <= samples <= columns:
        raise DaSettingError(
            f"da_sampling.sampling_settings.num_samples: {samples} samples of {columns} columns, "
            f"expected 1 to {columns}"
        )
    if subnets.num_of_subnets < samples:
        raise DaSettingError(
            f"da_network.backend.subnets_settings.num_of_subnets: {subnets.num_of_subnets}, expected at least "
            f"{samples}, the num_samples of da_sampling: no blob could be sampled"
        )
    return SamplingSettings(
        samples=samples,
        subnetworks=subnets.num_of_subnets,
        delay=sampling.sdp_blob_trigger_sampling_delay.seconds,
        commitments_wait=sampling.commitments_wait_duration.seconds,
        retry_interval=sampling.sampling_settings.old_blobs_check_interval.seconds,
        validity=sampling.sampling_settings.blobs_validity_duration.seconds,
        share_retries=subnets.shares_retry_limit,
        commitments_retries=subnets.commitments_retry_limit,
    )


def _dispersal(dispersal: DaDispersal, columns: int) -> DispersalSettings:
    backend, encoder = dispersal.backend, dispersal.backend.encoder_settings
    if encoder.num_columns != columns:
        raise DaSettingError(
            f"da_dispersal.backend.encoder_settings.num_columns: {encoder.num_columns}, expected {columns}, the "
            "domain_size of da_verifier: nobody would accept the shares"
        )
    return DispersalSettings(
        kzg=KzgSettings(Path(encoder.global_params_path), encoder.num_columns),
        timeout=backend.dispersal_timeout.seconds,
        retries=backend.retry_limit,
        retry_cooldown=backend.retry_cooldown.seconds,
    )
