"""The sections ``deployment``, ``cryptarchia``, ``time``, ``mempool``, ``wallet`` and ``key_management``."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from nomos_core.config.chain import (
    BootstrapConfig,
    ChainNetwork,
    ChainNetworkBootstrap,
    ChainService,
    CryptarchiaConfig,
    InitialBlockDownload,
    LeaderConfig,
    MempoolConfig,
    NtpBackend,
    NtpClient,
    OfflineGracePeriod,
    OrphanConfig,
    SyncConfig,
    TimeConfig,
)
from nomos_core.config.deployment import MAINNET, ConsensusDeployment, Deployment, TimeDeployment
from nomos_core.config.durations import Duration
from nomos_core.config.node import KeyManagementConfig, WalletConfig
from nomos_core.mantle.operations import ServiceType
from nomos_testing.configgen.network import NETWORK_NAMES, blend_deployment
from nomos_testing.configgen.node_plan import NodePlan
from nomos_testing.configgen.options import slot_scale
from nomos_testing.topology.spec import TopologySpec

_PROLONGED_BOOTSTRAP: Final = 1.0
"""Seconds."""


def cryptarchia_config(plan: NodePlan) -> CryptarchiaConfig:
    bootstrap = BootstrapConfig(
        prolonged_bootstrap_period=Duration.of(_PROLONGED_BOOTSTRAP * slot_scale(plan.spec.slot_duration)),
        force_bootstrap=False,
        offline_grace_period=OfflineGracePeriod(grace_period=Duration.of(plan.options.offline_grace_period)),
    )
    return CryptarchiaConfig(
        service=ChainService(starting_state=plan.network.genesis, recovery_file="", bootstrap=bootstrap),
        network=ChainNetwork(
            bootstrap=ChainNetworkBootstrap(ibd=InitialBlockDownload(peers=())),
            sync=SyncConfig(orphan=OrphanConfig(max_orphan_cache_size=5)),
        ),
        leader=LeaderConfig(pk=plan.identity.leader.public, sk=plan.identity.leader.secret),
    )


def time_config(plan: NodePlan) -> TimeConfig:
    client = NtpClient(timeout=Duration.of(5), listening_interface="0.0.0.0")
    return TimeConfig(
        backend=NtpBackend(ntp_server="pool.ntp.org", ntp_client_settings=client, update_interval=Duration.of(16)),
        chain_start_time=plan.network.chain_start,
    )


def mempool_config() -> MempoolConfig:
    return MempoolConfig(recovery_path="")


def wallet_config(plan: NodePlan) -> WalletConfig:
    return WalletConfig(known_keys=(plan.identity.leader.public, *plan.network.wallet_keys.public_keys))


def key_management_config(plan: NodePlan) -> KeyManagementConfig:
    own: dict[str, bytes | int] = {
        plan.identity.node_key.public.hex(): plan.identity.id,
        plan.provider_key_id: plan.identity.provider.secret,
    }
    wallets = plan.network.wallet_keys.secrets_by_id if plan.options.wallets_in_key_management else {}
    return KeyManagementConfig(keys=own | wallets)


def deployment(spec: TopologySpec) -> Deployment:
    """Return the settings that all nodes of the network must share. Those not set here are the main network's."""
    main = MAINNET.cryptarchia
    parameters = main.sdp_config.service_params[ServiceType.DATA_AVAILABILITY]
    return Deployment(
        blend=blend_deployment(spec.node_count),
        network=NETWORK_NAMES,
        cryptarchia=replace(
            main,
            consensus_config=ConsensusDeployment(
                security_param=spec.security_param, active_slot_coeff=spec.active_slot_coeff
            ),
            # Blend's sessions are as short as those of data availability.
            sdp_config=replace(main.sdp_config, service_params=dict.fromkeys(ServiceType, parameters)),
        ),
        time=TimeDeployment(slot_duration=Duration.of(spec.slot_duration)),
        mempool=MAINNET.mempool,
    )
