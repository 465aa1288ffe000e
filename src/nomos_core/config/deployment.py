"""Section ``deployment``: what all nodes of one network must agree on.

It is the name ``mainnet`` or a map. The real node tries both in turn and reports only that neither fits, so unknown
keys in here go unnoticed and every mistake has the same message; the advice names the cause.
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
    serde_name: ClassVar = "TimingSettings"
    rounds_per_session: NonZeroU64
    rounds_per_interval: NonZeroU64
    round_duration: Annotated[Duration, bounded(SECOND)]
    rounds_per_observation_window: NonZeroU64
    rounds_per_session_transition_period: NonZeroU64
    epoch_transition_period_in_slots: NonZeroU64


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendCommon:
    serde_name: ClassVar = "CommonSettings"
    num_blend_layers: NonZeroU64
    minimum_network_size: NonZeroU64
    protocol_name: Text
    timing: BlendTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverTraffic:
    serde_name: ClassVar = "CoverTrafficSettings"
    message_frequency_per_round: NonNegativeFloat
    intervals_for_safety_buffer: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDelayer:
    serde_name: ClassVar = "MessageDelayerSettings"
    maximum_release_delay_in_rounds: NonZeroU64


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendScheduler:
    serde_name: ClassVar = "SchedulerSettings"
    cover: CoverTraffic
    delayer: MessageDelayer


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendCoreDeployment:
    serde_name: ClassVar = "CoreSettings"
    scheduler: BlendScheduler
    minimum_messages_coefficient: NonZeroU64
    normalization_constant: NonNegativeFloat


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendDeployment:
    serde_name: ClassVar = "Settings"
    common: BlendCommon
    core: BlendCoreDeployment


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkDeployment:
    serde_name: ClassVar = "Settings"
    kademlia_protocol_name: Text
    identify_protocol_name: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsensusDeployment:
    """``k`` and ``f`` of Cryptarchia."""

    serde_name: ClassVar = "ConsensusConfig"
    security_param: NonZeroU32
    active_slot_coeff: Float


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochDeployment:
    """The three phases of an epoch, in base periods of ``k / f`` slots."""

    serde_name: ClassVar = "EpochConfig"
    epoch_stake_distribution_stabilization: NonZeroU8
    epoch_period_nonce_buffer: NonZeroU8
    epoch_period_nonce_stabilization: NonZeroU8


@dataclass(frozen=True, slots=True, kw_only=True)
class MinStake:
    threshold: U64
    timestamp: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParameters:
    """Periods in blocks, but the retention and inactivity ones, which count sessions."""

    lock_period: U64
    inactivity_period: U64
    retention_period: U64
    timestamp: U64
    session_duration: U64


def _service_type(text: str) -> ServiceType:
    try:
        return ServiceType(text)
    except ValueError:
        raise ValueError(f"unknown variant `{text}`, expected `BN` or `DA`") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class SdpDeployment:
    serde_name: ClassVar = "SdpConfig"
    min_stake: MinStake
    service_params: Annotated[
        dict[ServiceType, ServiceParameters], MapCodec(StructCodec(ServiceParameters), _service_type)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CryptarchiaDeployment:
    serde_name: ClassVar = "Settings"
    gossipsub_protocol: Text
    """The topic of block proposals."""
    consensus_config: ConsensusDeployment
    epoch_config: EpochDeployment
    sdp_config: SdpDeployment


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDeployment:
    serde_name: ClassVar = "Settings"
    slot_duration: PlainDuration
    """The real node takes whole seconds only; the embedded one any positive span."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MempoolDeployment:
    serde_name: ClassVar = "Settings"
    pubsub_topic: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    blend: BlendDeployment
    network: NetworkDeployment
    cryptarchia: CryptarchiaDeployment
    time: TimeDeployment
    mempool: MempoolDeployment


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
"""What ``deployment: mainnet`` stands for."""


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
        raise InvalidField(_NO_VARIANT, advice=f"{node.text!r} is no known network: write `mainnet` or a complete map")

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
