"""Sections ``cryptarchia``, ``time`` and ``mempool``: the state a node starts from, and how it joins the chain."""

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
    serde_name: ClassVar = "OfflineGracePeriodConfig"
    grace_period: _Span = _TWENTY_MINUTES
    state_recording_interval: _Span = _ONE_MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapConfig:
    prolonged_bootstrap_period: _Span
    force_bootstrap: Flag
    offline_grace_period: OfflineGracePeriod = OfflineGracePeriod()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainService:
    serde_name: ClassVar = "ServiceConfig"
    starting_state: AnyStartingState
    recovery_file: Path
    """Empty: nothing is written."""
    bootstrap: BootstrapConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialBlockDownload:
    serde_name: ClassVar = "IbdConfig"
    peers: tuple[PeerId, ...]
    delay_before_new_download: PlainDuration = _TEN_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainNetworkBootstrap:
    serde_name: ClassVar = "BootstrapConfig"
    ibd: InitialBlockDownload


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanConfig:
    max_orphan_cache_size: NonZeroUSize = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncConfig:
    orphan: OrphanConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainNetwork:
    serde_name: ClassVar = "NetworkConfig"
    bootstrap: ChainNetworkBootstrap
    sync: SyncConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderConfig:
    """Every note of the wallet's known keys plays in the lottery with ``sk``; ``pk`` is not used there."""

    pk: ZkPublic
    sk: FieldElement = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptarchiaConfig:
    serde_name: ClassVar = "Config"
    service: ChainService
    network: ChainNetwork
    leader: LeaderConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpClient:
    serde_name: ClassVar = "NTPClientSettings"
    timeout: _PositiveSpan
    listening_interface: IpAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpBackend:
    serde_name: ClassVar = "NtpTimeBackendSettings"
    ntp_server: Text
    ntp_client_settings: NtpClient
    update_interval: _PositiveSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeConfig:
    serde_name: ClassVar = "Config"
    backend: NtpBackend
    chain_start_time: PointOfTime
    """When slot 0 begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolConfig:
    serde_name: ClassVar = "Config"
    recovery_path: Path
