"""Section ``deployment``: the settings on which all nodes of one network must agree.

It is the name ``mainnet`` or a map. The real node tries both in turn and reports only that neither fits. So unknown
keys in this section are not noticed, and every mistake has the same message; the advice names the cause.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from nomos_core.config.codecs import MapCodec, Reading
from nomos_core.config.document import Node, Scalar
from nomos_core.config.durations import SECOND, Duration, PlainDuration, bounded
from nomos_core.config.field_errors import InvalidField
from nomos_core.config.scalars import U64, Float, NonNegativeFloat, NonZeroU8, NonZeroU32, NonZeroU64, Text
from nomos_core.config.structs import StructCodec
from nomos_core.config.writing import Plain
from nomos_core.mantle.operations import ServiceType


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendTiming:
    """Section ``deployment.blend.common.timing``. The embedded node does not use it."""

    serde_name: ClassVar = "TimingSettings"
    rounds_per_session: NonZeroU64
    """Rounds, at least 1."""
    rounds_per_interval: NonZeroU64
    """Rounds, at least 1."""
    round_duration: Annotated[Duration, bounded(SECOND)]
    """Length of a round, at least a second."""
    rounds_per_observation_window: NonZeroU64
    """Rounds, at least 1."""
    rounds_per_session_transition_period: NonZeroU64
    """Rounds, at least 1."""
    epoch_transition_period_in_slots: NonZeroU64
    """Slots, at least 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendCommon:
    """Section ``deployment.blend.common``."""

    serde_name: ClassVar = "CommonSettings"
    num_blend_layers: NonZeroU64
    """Blend layers, at least 1. The embedded node does not use it."""
    minimum_network_size: NonZeroU64
    """Providers that the Blend network needs, at least 1.

    With fewer active declarations the real node sends proposals straight to gossip. The embedded node always does. The
    ledger takes Blend reports only for sessions with this many providers.
    """
    protocol_name: Text
    """Name of the libp2p protocol of Blend. The embedded node does not use it."""
    timing: BlendTiming
    """Lengths of sessions, intervals and rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverTraffic:
    """Section ``deployment.blend.core.scheduler.cover``: cover traffic, messages without content.

    The embedded node does not use it.
    """

    serde_name: ClassVar = "CoverTrafficSettings"
    message_frequency_per_round: NonNegativeFloat
    """Messages in a round, at least 0."""
    intervals_for_safety_buffer: U64
    """Intervals, at least 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelayer:
    """Section ``deployment.blend.core.scheduler.delayer``. The embedded node does not use it."""

    serde_name: ClassVar = "MessageDelayerSettings"
    maximum_release_delay_in_rounds: NonZeroU64
    """Rounds, at least 1, for which a message may be held back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendScheduler:
    """Section ``deployment.blend.core.scheduler``. The embedded node does not use it."""

    serde_name: ClassVar = "SchedulerSettings"
    cover: CoverTraffic
    """Cover traffic."""
    delayer: MessageDelayer
    """Delay of messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendCoreDeployment:
    """Section ``deployment.blend.core``. The embedded node does not use it."""

    serde_name: ClassVar = "CoreSettings"
    scheduler: BlendScheduler
    """Times at which messages are sent."""
    minimum_messages_coefficient: NonZeroU64
    """Whole number, at least 1."""
    normalization_constant: NonNegativeFloat
    """Number, at least 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendDeployment:
    """Section ``deployment.blend``: the mix network."""

    serde_name: ClassVar = "Settings"
    common: BlendCommon
    """Settings of all Blend nodes."""
    core: BlendCoreDeployment
    """Settings of core nodes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDeployment:
    """Section ``deployment.network``: names of libp2p protocols."""

    serde_name: ClassVar = "Settings"
    kademlia_protocol_name: Text
    """Name of the Kademlia protocol. The embedded node does not use it."""
    identify_protocol_name: Text
    """Name of the identify protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsensusDeployment:
    """Section ``deployment.cryptarchia.consensus_config``: ``k`` and ``f`` of Cryptarchia."""

    serde_name: ClassVar = "ConsensusConfig"
    security_param: NonZeroU32
    """``k``, blocks, at least 1: a block with ``k`` blocks on top of it is final."""
    active_slot_coeff: Float
    """``f``, the fraction of slots that should have a block. The ledger wants it above 0 and at most 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochDeployment:
    """Section ``deployment.cryptarchia.epoch_config``: the three parts of an epoch.

    Each is a number of base periods (``floor(k / f)`` slots) from 1 to 255.
    """

    serde_name: ClassVar = "EpochConfig"
    epoch_stake_distribution_stabilization: NonZeroU8
    """Base periods for the stake distribution to become stable."""
    epoch_period_nonce_buffer: NonZeroU8
    """Base periods between the stake snapshot and the nonce snapshot, after the first part."""
    epoch_period_nonce_stabilization: NonZeroU8
    """Base periods for the nonce to become stable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinStake:
    """Section ``deployment.cryptarchia.sdp_config.min_stake``."""

    threshold: U64
    """Units of value that a note needs to back a declaration."""
    timestamp: U64
    """Whole number. The embedded node does not use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParameters:
    """Times of one service in ``deployment.cryptarchia.sdp_config.service_params``.

    The lock period and the session duration are blocks, the other two periods are sessions.
    """

    lock_period: U64
    """Blocks after a declaration during which it can't be withdrawn."""
    inactivity_period: U64
    """Sessions. A declaration expires after this period and the retention period without activity."""
    retention_period: U64
    """Sessions, added to the inactivity period."""
    timestamp: U64
    """Whole number. The embedded node does not use it."""
    session_duration: U64
    """Length of a session in blocks. The ledger wants at least 1."""


def _service_type(text: str) -> ServiceType:
    try:
        return ServiceType(text)
    except ValueError:
        raise ValueError(f"unknown variant `{text}`, expected `BN` or `DA`") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class SdpDeployment:
    """Section ``deployment.cryptarchia.sdp_config``: rules of service declarations."""

    serde_name: ClassVar = "SdpConfig"
    min_stake: MinStake
    """Stake of a declaration."""
    service_params: Annotated[
        dict[ServiceType, ServiceParameters], MapCodec(StructCodec(ServiceParameters), _service_type)
    ]
    """Times of each service, by ``BN`` and ``DA``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptarchiaDeployment:
    """Section ``deployment.cryptarchia``: rules of consensus and ledger."""

    serde_name: ClassVar = "Settings"
    gossipsub_protocol: Text
    """Gossip topic of block proposals."""
    consensus_config: ConsensusDeployment
    """``k`` and ``f``."""
    epoch_config: EpochDeployment
    """Parts of an epoch."""
    sdp_config: SdpDeployment
    """Rules of service declarations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDeployment:
    """Section ``deployment.time``."""

    serde_name: ClassVar = "Settings"
    slot_duration: PlainDuration
    """Length of a slot, above 0. The real node takes whole seconds only; the embedded node takes any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolDeployment:
    """Section ``deployment.mempool``."""

    serde_name: ClassVar = "Settings"
    pubsub_topic: Text
    """Gossip topic of transactions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Section ``deployment``."""

    blend: BlendDeployment
    """Rules of the mix network."""
    network: NetworkDeployment
    """Names of libp2p protocols."""
    cryptarchia: CryptarchiaDeployment
    """Rules of consensus and ledger."""
    time: TimeDeployment
    """Slots."""
    mempool: MempoolDeployment
    """Gossip of transactions."""


def _service_parameters(session_duration: int) -> ServiceParameters:
    return ServiceParameters(
        lock_period=10, inactivity_period=20, retention_period=100, timestamp=0, session_duration=session_duration
    )


MAINNET: Final = Deployment(
    blend=BlendDeployment(
        common=BlendCommon(
            num_blend_layers=3,
            minimum_network_size=32,
            protocol_name="/nomos/blend/1.0.0",
            timing=BlendTiming(
                rounds_per_session=648_000,
                rounds_per_interval=30,
                round_duration=Duration.of(1),
                rounds_per_observation_window=30,
                rounds_per_session_transition_period=30,
                epoch_transition_period_in_slots=2_600,
            ),
        ),
        core=BlendCoreDeployment(
            scheduler=BlendScheduler(
                cover=CoverTraffic(message_frequency_per_round=1.0, intervals_for_safety_buffer=100),
                delayer=MessageDelayer(maximum_release_delay_in_rounds=3),
            ),
            minimum_messages_coefficient=3,
            normalization_constant=1.03,
        ),
    ),
    network=NetworkDeployment(
        kademlia_protocol_name="/nomos/kad/1.0.0", identify_protocol_name="/nomos/identify/1.0.0"
    ),
    cryptarchia=CryptarchiaDeployment(
        gossipsub_protocol="/cryptarchia/proto",
        consensus_config=ConsensusDeployment(security_param=10, active_slot_coeff=0.9),
        epoch_config=EpochDeployment(
            epoch_stake_distribution_stabilization=3, epoch_period_nonce_buffer=3, epoch_period_nonce_stabilization=4
        ),
        sdp_config=SdpDeployment(
            min_stake=MinStake(threshold=1, timestamp=0),
            service_params={
                ServiceType.BLEND: _service_parameters(21_600),
                ServiceType.DATA_AVAILABILITY: _service_parameters(1_000),
            },
        ),
    ),
    time=TimeDeployment(slot_duration=Duration.of(1)),
    mempool=MempoolDeployment(pubsub_topic="mantle"),
)
"""Settings that ``deployment: mainnet`` stands for."""


_NO_VARIANT: Final = "data did not match any variant of untagged enum SerdeSettings"


class _DeploymentCodec:
    example = "mainnet"
    _custom: Final = StructCodec(Deployment)

    def read(self, node: Node, reading: Reading) -> Deployment:
        if isinstance(node, Scalar) and not node.is_null:
            return self._well_known(node)
        try:
            return self._read_custom(node)
        except InvalidField as field_error:
            raise field_error.hidden_behind(_NO_VARIANT) from None

    def _well_known(self, node: Scalar) -> Deployment:
        if node.text == "mainnet":
            return MAINNET
        raise InvalidField(
            _NO_VARIANT, advice=f"{node.text!r} is not a known network: write `mainnet` or a complete map"
        )

    def _read_custom(self, node: Node) -> Deployment:
        deployment = self._custom.read(node, Reading())
        if deployment.time.slot_duration.nanoseconds == 0:
            raise InvalidField(
                "slot_duration is zero", at=node, advice="write {secs: 2, nanos: 0}", field="time.slot_duration"
            )
        return deployment

    def write(self, value: Deployment) -> Plain:
        return self._custom.write(value)


AnyDeployment = Annotated[Deployment, _DeploymentCodec()]
"""Section ``deployment`` with its codec."""
