"""Sections ``cryptarchia``, ``time`` and ``mempool``: the state from which a node starts, and how it joins the
chain.
"""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from nomos_core.config.durations import Duration, PlainDuration, PointOfTime, bounded
from nomos_core.config.genesis import AnyStartingState
from nomos_core.config.scalars import FieldElement, Flag, IpAddress, NonZeroUSize, Path, PeerId, Text, ZkPublic

_TWENTY_MINUTES: Final = Duration.of(20 * 60)
_ONE_MINUTE: Final = Duration.of(60)
_TEN_SECONDS: Final = Duration.of(10)

_Span = Annotated[Duration, bounded(0)]
_PositiveSpan = Annotated[Duration, bounded(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineGracePeriod:
    """Section ``cryptarchia.service.bootstrap.offline_grace_period``."""

    serde_name: ClassVar = "OfflineGracePeriodConfig"
    grace_period: _Span = _TWENTY_MINUTES
    """Absence after which a restarted node bootstraps instead of going on in its last mode."""
    state_recording_interval: _Span = _ONE_MINUTE
    """Time between two records of the fact that the node is alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapConfig:
    """Section ``cryptarchia.service.bootstrap``."""

    prolonged_bootstrap_period: _Span
    """Time that the node stays in mode Bootstrapping after its initial download."""
    force_bootstrap: Flag
    """True: the node starts in mode Bootstrapping. From genesis it always does."""
    offline_grace_period: OfflineGracePeriod = OfflineGracePeriod()
    """Rules for a restart after an absence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainService:
    """Section ``cryptarchia.service``."""

    serde_name: ClassVar = "ServiceConfig"
    starting_state: AnyStartingState
    """State from which the chain starts: a genesis transaction, or a saved ledger."""
    recovery_file: Path
    """File in which the real node keeps its state; empty: none is written. The embedded node does not use it."""
    bootstrap: BootstrapConfig
    """Rules by which the node joins the chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialBlockDownload:
    """Section ``cryptarchia.network.bootstrap.ibd``: the initial block download."""

    serde_name: ClassVar = "IbdConfig"
    peers: tuple[PeerId, ...]
    """Peer ids of the nodes to download from. Without any, the download succeeds at once."""
    delay_before_new_download: PlainDuration = _TEN_SECONDS
    """Time between two downloads. The embedded node does not use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainNetworkBootstrap:
    """Section ``cryptarchia.network.bootstrap``."""

    serde_name: ClassVar = "BootstrapConfig"
    ibd: InitialBlockDownload
    """Initial block download."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanConfig:
    """Section ``cryptarchia.network.sync.orphan``: blocks whose parent is unknown."""

    max_orphan_cache_size: NonZeroUSize = 5
    """Orphan blocks that wait for the download of their ancestors, at least 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncConfig:
    """Section ``cryptarchia.network.sync``."""

    orphan: OrphanConfig
    """Treatment of orphan blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainNetwork:
    """Section ``cryptarchia.network``."""

    serde_name: ClassVar = "NetworkConfig"
    bootstrap: ChainNetworkBootstrap
    """Download at the start."""
    sync: SyncConfig
    """Download while the node runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderConfig:
    """Section ``cryptarchia.leader``: the key of the leader lottery.

    Every note of the wallet's known keys plays in the lottery with ``sk``. The lottery does not use ``pk``.
    """

    pk: ZkPublic
    """Public key of the leader note, a field element. ``wallet.known_keys`` must contain it."""
    sk: FieldElement = field(repr=False)
    """Secret key of the leader note, a field element."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptarchiaConfig:
    """Section ``cryptarchia``."""

    serde_name: ClassVar = "Config"
    service: ChainService
    """State of the chain and its recovery."""
    network: ChainNetwork
    """Downloads from peers."""
    leader: LeaderConfig
    """Key of the leader lottery."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpClient:
    """Section ``time.backend.ntp_client_settings``. The embedded node does not use it."""

    serde_name: ClassVar = "NTPClientSettings"
    timeout: _PositiveSpan
    """Time to wait for the NTP server's answer."""
    listening_interface: IpAddress
    """IP address from which the server is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpBackend:
    """Section ``time.backend``. The embedded node follows the clock of the system instead."""

    serde_name: ClassVar = "NtpTimeBackendSettings"
    ntp_server: Text
    """Host name of the NTP server. The real node keeps its local clock while the server does not answer."""
    ntp_client_settings: NtpClient
    """Settings of the NTP client."""
    update_interval: _PositiveSpan
    """Time between two questions to the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeConfig:
    """Section ``time``."""

    serde_name: ClassVar = "Config"
    backend: NtpBackend
    """Source of the time."""
    chain_start_time: PointOfTime
    """Start of slot 0, in UTC. All nodes of a network must have the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolConfig:
    """Section ``mempool``."""

    serde_name: ClassVar = "Config"
    recovery_path: Path
    """File in which the real node keeps its mempool. The embedded node does not use it."""
