"""Settings of each part of the node, read from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from nomos_core.config import Genesis, NodeConfig
from nomos_core.config.network import StaticNat
from nomos_core.config.node import HttpBackend
from nomos_core.config.tracing import FileLogger, GelfLogger, LogTarget, LokiLogger, StandardStream, TracingConfig
from nomos_core.cryptarchia.epochs import ConsensusConfig, EpochConfig
from nomos_core.cryptarchia.slots import SlotSchedule
from nomos_core.keys import Ed25519Key
from nomos_core.ledger.config import LedgerConfig, ServiceParameters
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_node.api.limits import HttpLimits
from nomos_node.chain.recovery import BootstrapRules
from nomos_node.leader.turns import Turns
from nomos_node.network.settings import GossipsubSettings, NetworkSettings
from nomos_node.sync.syncing import SyncSettings
from nomos_node.telemetry.hourly_file import DEFAULT_PREFIX
from nomos_node.telemetry.levels import parse_level
from nomos_node.telemetry.log_setup import (
    LogDestination,
    LogSettings,
    LogSetupError,
    ToFile,
    ToGelf,
    ToNowhere,
    ToStderr,
    ToStdout,
)
from nomos_node.telemetry.push import BadEndpoint, PushSettings, metrics_url, push_interval

if TYPE_CHECKING:
    from nomos_node.telemetry.trace_export import TraceSettings

PROPOSE_AT_ONCE_VARIABLE: Final = "NOMOS_PROPOSE_AT_ONCE"
_SILENT_SLOTS: Final = 10
"""Number of slots without a new block after which a peer is asked for its tip."""


class UnsupportedSetting(Exception):
    """Error: the configuration asks for something that this node does not have.

    The message names the key and what to do.
    """


def genesis_transaction(config: NodeConfig) -> SignedMantleTx:
    """Return the genesis transaction.

    Raises:
        UnsupportedSetting: the chain shall start from a saved ledger.
    """
    state = config.cryptarchia.service.starting_state
    if not isinstance(state, Genesis):
        raise UnsupportedSetting(
            "cryptarchia.service.starting_state: !Lib holds a ledger of another program: "
            "start from !Genesis and let the node download the chain"
        )
    return state.genesis_tx


def slot_schedule(config: NodeConfig) -> SlotSchedule:
    """Return the schedule of the slots."""
    return SlotSchedule(
        chain_start_ns=config.time.chain_start_time.unix_nanoseconds,
        slot_duration_ns=config.deployment.time.slot_duration.nanoseconds,
    )


def ledger_config(config: NodeConfig) -> LedgerConfig:
    """Return the parameters of the ledger.

    Raises:
        ValueError: the deployment's consensus or service parameters contradict themselves.
    """
    deployment = config.deployment.cryptarchia
    consensus, epochs, sdp = deployment.consensus_config, deployment.epoch_config, deployment.sdp_config
    return LedgerConfig(
        epoch_config=EpochConfig(
            epochs.epoch_stake_distribution_stabilization,
            epochs.epoch_period_nonce_buffer,
            epochs.epoch_period_nonce_stabilization,
        ),
        consensus_config=ConsensusConfig(consensus.security_param, consensus.active_slot_coeff),
        services={
            service: ServiceParameters(
                session_duration=parameters.session_duration,
                lock_period=parameters.lock_period,
                inactivity_period=parameters.inactivity_period,
                retention_period=parameters.retention_period,
            )
            for service, parameters in sdp.service_params.items()
        },
        minimum_stake=sdp.min_stake.threshold,
        blend_minimum_network_size=config.deployment.blend.common.minimum_network_size,
    )


def turns(config: NodeConfig, environ: Mapping[str, str]) -> Turns:
    """Return the order of the leaders.

    If ``NOMOS_PROPOSE_AT_ONCE`` is set, to whatever value, leaders propose without waiting for each other.
    """
    return Turns(
        provider=Ed25519Key(config.network.backend.swarm.node_key).public,
        slot_seconds=config.deployment.time.slot_duration.seconds,
        at_once=PROPOSE_AT_ONCE_VARIABLE in environ,
    )


def network_settings(config: NodeConfig) -> NetworkSettings:
    backend = config.network.backend
    nat = backend.swarm.nat_config
    return NetworkSettings(
        node_key=backend.swarm.node_key,
        listen_host=backend.swarm.host,
        listen_port=backend.swarm.port,
        initial_peers=backend.initial_peers,
        external_address=nat.external_address if isinstance(nat, StaticNat) else None,
        identify_protocol=config.deployment.network.identify_protocol_name,
        gossipsub=_gossipsub_settings(config),
    )


def _gossipsub_settings(config: NodeConfig) -> GossipsubSettings:
    wanted = config.network.backend.swarm.gossipsub_config
    if wanted is None:
        return GossipsubSettings()
    return GossipsubSettings(
        heartbeat_interval=wanted.heartbeat_interval.seconds,
        mesh_n=wanted.mesh_n,
        mesh_n_low=wanted.mesh_n_low,
        mesh_n_high=wanted.mesh_n_high,
        history_length=wanted.history_length,
        history_gossip=wanted.history_gossip,
        fanout_ttl=wanted.fanout_ttl.seconds,
        duplicate_cache_time=wanted.duplicate_cache_time.seconds,
    )


def log_settings(tracing: TracingConfig) -> LogSettings:
    """Read destination and levels of the log. A filter with an unknown level is left out and noted.

    Raises:
        LogSetupError: the destination is one this node can't send to.
    """
    levels: dict[str, int] = {}
    refused: list[str] = []
    for target, level in (tracing.filter.filters if tracing.filter else {}).items():
        try:
            levels[target] = parse_level(level)
        except ValueError as error:
            refused.append(f"tracing.filter: {target}: {error}; using {tracing.level.lower()} there")
    return LogSettings(_destination(tracing.logger), parse_level(tracing.level), levels, tuple(refused))


def _destination(logger: LogTarget) -> LogDestination:
    match logger:
        case StandardStream.STDOUT:
            return ToStdout()
        case StandardStream.STDERR:
            return ToStderr()
        case FileLogger(directory=directory, prefix=prefix):
            return ToFile(Path(directory), prefix or DEFAULT_PREFIX)
        case GelfLogger(addr=address):
            return ToGelf(address.host, address.port)
        case LokiLogger():
            raise LogSetupError("tracing.logger: this node can't push to Loki: use !File and collect the files")
        case _:
            return ToNowhere()


def push_settings(tracing: TracingConfig, environ: Mapping[str, str]) -> PushSettings | None:
    """Return where to push metrics to, or None.

    Raises:
        UnsupportedSetting: the endpoint is no URL.
    """
    metrics = tracing.metrics
    if metrics is None:
        return None
    try:
        url = metrics_url(metrics.endpoint)
    except BadEndpoint as error:
        raise UnsupportedSetting(f"tracing.metrics.endpoint: {error}") from None
    return PushSettings(url, metrics.host_identifier, push_interval(environ))


def trace_settings(tracing: TracingConfig) -> TraceSettings | None:
    """Return where to send traces to, or None.

    Raises:
        UnsupportedSetting: the endpoint is no URL.
    """
    traces = tracing.tracing
    if traces is None:
        return None
    from nomos_core.telemetry.endpoint import BadTraceEndpoint, trace_endpoint
    from nomos_node.telemetry.trace_export import TraceSettings

    try:
        endpoint = trace_endpoint(traces.endpoint)
    except BadTraceEndpoint as error:
        raise UnsupportedSetting(f"tracing.tracing.endpoint: {error}") from None
    return TraceSettings(endpoint, traces.endpoint, traces.service_name, traces.sample_ratio)


def bootstrap_rules(config: NodeConfig) -> BootstrapRules:
    bootstrap = config.cryptarchia.service.bootstrap
    return BootstrapRules(
        force=bootstrap.force_bootstrap,
        grace_period=bootstrap.offline_grace_period.grace_period.seconds,
    )


def recording_interval(config: NodeConfig) -> float:
    """Return the seconds after which an idle node records on disk that it is alive."""
    return config.cryptarchia.service.bootstrap.offline_grace_period.state_recording_interval.seconds


def sync_settings(config: NodeConfig) -> SyncSettings:
    cryptarchia, deployment = config.cryptarchia, config.deployment
    return SyncSettings(
        topic=deployment.cryptarchia.gossipsub_protocol,
        response_timeout=config.network.backend.swarm.chain_sync_config.peer_response_timeout.seconds,
        max_orphans=cryptarchia.network.sync.orphan.max_orphan_cache_size,
        initial_peers=cryptarchia.network.bootstrap.ibd.peers,
        prolonged_bootstrap_period=cryptarchia.service.bootstrap.prolonged_bootstrap_period.seconds,
        silence=_SILENT_SLOTS * deployment.time.slot_duration.seconds,
    )


def http_limits(settings: HttpBackend) -> HttpLimits:
    return HttpLimits(
        burst=settings.rate_limit_burst,
        period=settings.rate_limit_per_second,
        concurrent=settings.max_concurrent_requests,
        body_size=settings.max_body_size,
        timeout=settings.timeout.seconds,
    )


def zk_secret_keys(config: NodeConfig) -> dict[str, int]:
    """Return the zero-knowledge keys of ``key_management.keys`` by their id, the hex form of the public key."""
    return {key_id: key for key_id, key in config.key_management.keys.items() if isinstance(key, int)}


def check_storage(config: NodeConfig) -> None:
    """Check that the node may write its database.

    Raises:
        UnsupportedSetting: the node may not write its database.
    """
    if config.storage.read_only:
        raise UnsupportedSetting("storage.read_only: a node writes every block it takes: set it to false")
