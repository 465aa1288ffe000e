"""The sections ``da_network``, ``da_verifier``, ``da_sampling`` and, for executors, ``da_dispersal``."""

from __future__ import annotations

import math
from typing import Final

from nomos_core.config.data_availability import (
    DaApiAdapter,
    DaDispersal,
    DaMembership,
    DaMonitor,
    DaNetworkBackend,
    DaPolicy,
    DaReplication,
    DaSampling,
    DaStorageAdapter,
    DaSubnets,
    DaVerifier,
    DispersalBackend,
    Encoder,
    ExecutorDaNetwork,
    ExecutorDaNetworkBackend,
    MempoolTrigger,
    SamplingBackend,
    ShareVerifier,
    ValidatorDaNetwork,
)
from nomos_core.config.durations import Duration
from nomos_testing.cluster.interfaces import Role
from nomos_testing.configgen.node_plan import NodePlan
from nomos_testing.configgen.options import DataAvailabilityTimes, slot_scale

_SUBNET_REFRESH_INTERVAL: Final = Duration.of(30)


def validator_da_network(plan: NodePlan) -> ValidatorDaNetwork:
    return ValidatorDaNetwork(
        backend=_backend(plan),
        membership=_membership(plan),
        api_adapter_settings=_api_adapter(plan),
        subnet_refresh_interval=_SUBNET_REFRESH_INTERVAL,
        subnet_threshold=_subnet_threshold(plan),
        min_session_members=_min_session_members(plan),
    )


def executor_da_network(plan: NodePlan) -> ExecutorDaNetwork:
    return ExecutorDaNetwork(
        backend=ExecutorDaNetworkBackend(validator_settings=_backend(plan), num_subnets=plan.spec.da.num_subnets),
        membership=_membership(plan),
        api_adapter_settings=_api_adapter(plan),
        subnet_refresh_interval=_SUBNET_REFRESH_INTERVAL,
        subnet_threshold=_subnet_threshold(plan),
        min_session_members=_min_session_members(plan),
    )


def _backend(plan: NodePlan) -> DaNetworkBackend:
    da, limits = plan.spec.da, plan.options.da_limits
    return DaNetworkBackend(
        node_key=plan.identity.id,
        listening_address=plan.listening_address(plan.ports.da),
        policy_settings=_policy(plan),
        monitor_settings=DaMonitor(failure_time_window=Duration.of(limits.failure_time_window), time_decay_factor="0"),
        balancer_interval=Duration.of(da.balancer_interval),
        redial_cooldown=Duration.of(0),
        replication_settings=DaReplication(
            seen_message_cache_size=limits.seen_message_cache_size,
            seen_message_ttl=Duration.of(limits.seen_message_ttl),
        ),
        subnets_settings=DaSubnets(
            num_of_subnets=da.num_samples if da.sampled_subnetworks is None else da.sampled_subnetworks,
            shares_retry_limit=limits.shares_retry_limit,
            commitments_retry_limit=limits.commitments_retry_limit,
        ),
    )


def _policy(plan: NodePlan) -> DaPolicy:
    da, limits = plan.spec.da, plan.options.da_limits
    failures = limits.max_failures if da.max_failures is None else da.max_failures
    malicious = limits.malicious_threshold if da.malicious_threshold is None else da.malicious_threshold
    return DaPolicy(
        min_dispersal_peers=da.min_dispersal_peers if plan.role is Role.EXECUTOR else 0,
        min_replication_peers=da.min_replication_peers,
        max_dispersal_failures=failures,
        max_sampling_failures=failures,
        max_replication_failures=failures,
        malicious_threshold=malicious,
    )


def _subnet_threshold(plan: NodePlan) -> int:
    """Return in how many subnetworks a node needs a connection to be ready: in those it samples, if there can be one.

    In a subnetwork of which the node is the only member there is nobody to connect to. Validators dial no others.
    """
    da = plan.spec.da
    if da.dispersal_factor > 1 or plan.spec.node_count == 1:
        return da.num_samples
    # Members are spread evenly. So no node is the only member of more subnetworks than its share.
    others = da.subnetwork_size - math.ceil(da.subnetwork_size / plan.spec.node_count)
    return min(da.num_samples, others) if plan.role is Role.EXECUTOR else 0


def _min_session_members(plan: NodePlan) -> int:
    """Return the number of samples, or the number of nodes if that is smaller: otherwise no session would begin."""
    return min(plan.spec.da.num_samples, plan.spec.node_count)


def _membership(plan: NodePlan) -> DaMembership:
    da = plan.spec.da
    return DaMembership(subnetwork_size=da.subnetwork_size, replication_factor=da.dispersal_factor, session_id=0)


def _api_adapter(plan: NodePlan) -> DaApiAdapter:
    return DaApiAdapter(api_port=plan.ports.api, is_secure=False)


def verifier_config(plan: NodePlan) -> DaVerifier:
    times = _times(plan)
    trigger = MempoolTrigger(
        publish_threshold=0.8,
        share_duration=Duration.of(times.share_duration),
        prune_duration=Duration.of(times.prune_duration),
        prune_interval=Duration.of(times.prune_interval),
    )
    return DaVerifier(
        share_verifier_settings=_share_verifier(plan),
        tx_verifier_settings=None,
        network_adapter_settings=None,
        storage_adapter_settings=DaStorageAdapter(blob_storage_directory=plan.path("")),
        mempool_trigger_settings=trigger,
    )


def sampling_config(plan: NodePlan) -> DaSampling:
    times = _times(plan)
    backend = SamplingBackend(
        num_samples=plan.spec.da.num_samples,
        num_subnets=plan.spec.da.num_subnets,
        old_blobs_check_interval=Duration.of(times.old_blobs_check_interval),
        blobs_validity_duration=Duration.of(plan.options.da_limits.blobs_validity),
    )
    return DaSampling(
        sampling_settings=backend,
        share_verifier_settings=_share_verifier(plan),
        commitments_wait_duration=Duration.of(times.commitments_wait),
        sdp_blob_trigger_sampling_delay=Duration.of(_sampling_delay(plan)),
    )


def _sampling_delay(plan: NodePlan) -> float:
    da = plan.spec.da
    return (da.sampling_delay + da.sampling_stagger * plan.position) * slot_scale(plan.spec.slot_duration)


def dispersal_config(plan: NodePlan) -> DaDispersal:
    times = _times(plan)
    encoder = Encoder(
        num_columns=plan.spec.da.num_subnets, with_cache=False, global_params_path=str(plan.options.kzg_params)
    )
    return DaDispersal(
        backend=DispersalBackend(
            encoder_settings=encoder,
            dispersal_timeout=Duration.of(times.dispersal_timeout),
            retry_cooldown=Duration.of(times.retry_cooldown),
            retry_limit=2,
        )
    )


def _share_verifier(plan: NodePlan) -> ShareVerifier:
    return ShareVerifier(global_params_path=str(plan.options.kzg_params), domain_size=plan.spec.da.num_subnets)


def _times(plan: NodePlan) -> DataAvailabilityTimes:
    return plan.options.da_times.scaled(slot_scale(plan.spec.slot_duration))
