"""The whole configuration of a node: one class for validators (``nomos-node``) and one for executors."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final, Literal

from nomos_core.config.chain import CryptarchiaConfig, MempoolConfig, TimeConfig
from nomos_core.config.codecs import ListCodec, MapCodec, Reading, TaggedCodec
from nomos_core.config.data_availability import (
    DaDispersal,
    DaNetwork,
    DaNetworkBackend,
    DaSampling,
    DaVerifier,
    ExecutorDaNetwork,
    ValidatorDaNetwork,
)
from nomos_core.config.deployment import AnyDeployment
from nomos_core.config.document import Node
from nomos_core.config.durations import Duration, PlainDuration
from nomos_core.config.errors import UnknownKey
from nomos_core.config.field_errors import InvalidField
from nomos_core.config.network import BlendConfig, NetworkConfig
from nomos_core.config.scalars import (
    ED25519_SECRET_CODEC,
    FIELD_CODEC,
    U32,
    U32_CODEC,
    U64,
    FieldElement,
    Flag,
    HostAndPort,
    Path,
    Text,
    USize,
    ZkPublic,
)
from nomos_core.config.tracing import TracingConfig
from nomos_core.config.writing import Plain
from nomos_core.identifiers import DeclarationId

Kind = Literal["validator", "executor"]


_HALF_A_MINUTE: Final = Duration.of(30)


class _ByteListCodec:
    example = "[<32 numbers>]"
    _numbers: ClassVar[ListCodec[int]] = ListCodec(U32_CODEC)

    def read(self, node: Node, reading: Reading) -> DeclarationId:
        numbers = self._numbers.read(node, reading)
        if len(numbers) != 32 or max(numbers) > 0xFF:
            raise InvalidField(
                f"invalid length {len(numbers)}, expected an array of length 32",
                at=node,
                advice="write the 32 bytes as numbers from 0 to 255",
            )
        return DeclarationId(bytes(numbers))

    def write(self, value: DeclarationId) -> Plain:
        return list(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    id: Annotated[DeclarationId, _ByteListCodec()]
    zk_id: ZkPublic
    locked_note_id: FieldElement


@dataclass(frozen=True, slots=True, kw_only=True)
class SdpConfig:
    """The declaration is read and not used, as in the real node."""

    serde_name: ClassVar = "SdpSettings"
    declaration: Declaration | None = field(default=None, metadata={"written": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpBackend:
    """The rate limiter gives back one of ``rate_limit_burst`` requests every ``rate_limit_per_second`` seconds."""

    serde_name: ClassVar = "AxumBackendSettings"
    address: HostAndPort
    cors_origins: tuple[Text, ...]
    timeout: PlainDuration = _HALF_A_MINUTE
    max_body_size: USize = 10 * 1024 * 1024
    max_concurrent_requests: USize = 500
    rate_limit_per_second: U64 = 100
    rate_limit_burst: U32 = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    serde_name: ClassVar = "ApiServiceSettings"
    backend_settings: HttpBackend


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig:
    serde_name: ClassVar = "RocksBackendSettings"
    db_path: Path
    read_only: Flag
    column_family: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletConfig:
    serde_name: ClassVar = "WalletServiceSettings"
    known_keys: tuple[ZkPublic, ...]
    """Must hold the leader's key, or no block is ever proposed."""


_KEY = TaggedCodec({"Ed25519": (bytes, ED25519_SECRET_CODEC), "Zk": (int, FIELD_CODEC)})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyManagementConfig:
    """Secret keys by id: Ed25519 ones as bytes, zero-knowledge ones as integers. The id is the public key's hex."""

    serde_name: ClassVar = "PreloadKMSBackendSettings"
    keys: Annotated[dict[str, bytes | int], MapCodec(_KEY)] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """What both kinds of node have.

    ``unknown_keys`` were in the file and mean nothing; they are never written.
    """

    serde_name: ClassVar = "Config"
    kind: ClassVar[Kind]
    network: NetworkConfig
    blend: BlendConfig
    deployment: AnyDeployment
    cryptarchia: CryptarchiaConfig
    time: TimeConfig
    mempool: MempoolConfig
    tracing: TracingConfig
    da_network: DaNetwork
    da_verifier: DaVerifier
    sdp: SdpConfig
    da_sampling: DaSampling
    http: HttpConfig
    storage: StorageConfig
    key_management: KeyManagementConfig
    wallet: WalletConfig
    testing_http: HttpConfig
    unknown_keys: tuple[UnknownKey, ...] = field(default=(), compare=False, metadata={"aside": True})

    @property
    def da_backend(self) -> DaNetworkBackend:
        """The DA swarm's settings, which executors have one level deeper."""
        backend = self.da_network.backend
        return backend if isinstance(backend, DaNetworkBackend) else backend.validator_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorConfig(NodeConfig):
    kind: ClassVar[Kind] = "validator"
    da_network: ValidatorDaNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorConfig(NodeConfig):
    kind: ClassVar[Kind] = "executor"
    da_network: ExecutorDaNetwork
    da_dispersal: DaDispersal
