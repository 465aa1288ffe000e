"""Section ``deployment``, and each node's ``cryptarchia``, ``time``, ``mempool``, ``wallet`` and ``key_management``."""

from __future__ import annotations

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
from nomos_core.config.deployment import (
    ConsensusDeployment,
    CryptarchiaDeployment,
    Deployment,
    EpochDeployment,
    MempoolDeployment,
    MinStake,
    SdpDeployment,
    ServiceParameters,
    TimeDeployment,
)
from nomos_core.config.durations import Duration
from nomos_core.config.node import KeyManagementConfig, WalletConfig
from nomos_core.mantle.operations import ServiceType
from nomos_testing.configgen.network import NETWORK_NAMES, blend_deployment
from nomos_testing.configgen.node_plan import NodePlan
from nomos_testing.configgen.options import slot_scale
from nomos_testing.topology.spec import TopologySpec

_PROLONGED_BOOTSTRAP: Final = 1.0
"""Seconds."""
_SERVICE_PARAMETERS: Final = ServiceParameters(
    lock_period=10, inactivity_period=20, retention_period=100, timestamp=0, session_duration=1000
)


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
    """What all nodes of the network agree on."""
    return Deployment(
        blend=blend_deployment(spec.node_count),
        network=NETWORK_NAMES,
        cryptarchia=CryptarchiaDeployment(
            gossipsub_protocol="/cryptarchia/proto",
            consensus_config=ConsensusDeployment(
                security_param=spec.security_param, active_slot_coeff=spec.active_slot_coeff
            ),
            epoch_config=EpochDeployment(
                epoch_stake_distribution_stabilization=3,
                epoch_period_nonce_buffer=3,
                epoch_period_nonce_stabilization=4,
            ),
            sdp_config=SdpDeployment(
                min_stake=MinStake(threshold=1, timestamp=0),
                service_params={
                    ServiceType.BLEND: _SERVICE_PARAMETERS,
                    ServiceType.DATA_AVAILABILITY: _SERVICE_PARAMETERS,
                },
            ),
        ),
        time=TimeDeployment(slot_duration=Duration.of(spec.slot_duration)),
        mempool=MempoolDeployment(pubsub_topic="mantle"),
    )
