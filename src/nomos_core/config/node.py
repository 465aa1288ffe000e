"""Configuration of a node as a whole: one class for validators (``nomos-node``) and one for executors."""

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
"""Kind of node: ``nomos-node`` or ``nomos-executor``."""


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
    """Section ``sdp.declaration``: a declaration that was made before the node started."""

    id: Annotated[DeclarationId, _ByteListCodec()]
    """Id of the declaration, written as 32 numbers."""
    zk_id: ZkPublic
    """Zero-knowledge public key of the provider."""
    locked_note_id: FieldElement
    """Id of the note that the declaration locks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SdpConfig:
    """Section ``sdp``."""

    serde_name: ClassVar = "SdpSettings"
    declaration: Declaration | None = field(default=None, metadata={"written": True})
    """Declaration of this node, or None. No node uses it at this revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpBackend:
    """Section ``backend_settings`` of ``http`` and ``testing_http``."""

    serde_name: ClassVar = "AxumBackendSettings"
    address: HostAndPort
    """Address and TCP port to listen on."""
    cors_origins: tuple[Text, ...]
    """Origins that browsers may call from; empty: any."""
    timeout: PlainDuration = _HALF_A_MINUTE
    """Time for one request. After it the answer is 408."""
    max_body_size: USize = 10 * 1024 * 1024
    """Bytes of a request's body. A longer body gets 413."""
    max_concurrent_requests: USize = 500
    """Requests that are served at the same time."""
    rate_limit_per_second: U64 = 100
    """Seconds (despite the name) after which a client gets back one request of its burst."""
    rate_limit_burst: U32 = 20
    """Requests that a client may send at once. Further ones get 429."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpConfig:
    """Section ``http`` or ``testing_http``."""

    serde_name: ClassVar = "ApiServiceSettings"
    backend_settings: HttpBackend
    """Address and limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig:
    """Section ``storage``."""

    serde_name: ClassVar = "RocksBackendSettings"
    db_path: Path
    """Directory of the database."""
    read_only: Flag
    """True: nothing is written. The embedded node refuses it, because a node stores every block."""
    column_family: Text | None = None
    """Part of RocksDB. The embedded node does not use it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletConfig:
    """Section ``wallet``."""

    serde_name: ClassVar = "WalletServiceSettings"
    known_keys: tuple[ZkPublic, ...]
    """Public keys whose notes belong to this node. Without the leader's key no block is ever proposed."""


_KEY = TaggedCodec({"Ed25519": (bytes, ED25519_SECRET_CODEC), "Zk": (int, FIELD_CODEC)})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyManagementConfig:
    """Section ``key_management``."""

    serde_name: ClassVar = "PreloadKMSBackendSettings"
    keys: Annotated[dict[str, bytes | int], MapCodec(_KEY)] = field(repr=False)
    """Secret keys by id: Ed25519 seeds as 32 bytes, zero-knowledge keys as field elements.

    By convention the id is the hex form of the public key's bytes.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """Settings that both kinds of node have."""

    serde_name: ClassVar = "Config"
    kind: ClassVar[Kind]
    network: NetworkConfig
    """Swarm of the chain and its first peers."""
    blend: BlendConfig
    """Mix network."""
    deployment: AnyDeployment
    """Settings on which all nodes of the network must agree."""
    cryptarchia: CryptarchiaConfig
    """Chain: starting state, downloads, leader key."""
    time: TimeConfig
    """Start of the chain, and the source of the time."""
    mempool: MempoolConfig
    """Mempool."""
    tracing: TracingConfig
    """Log, traces and metrics."""
    da_network: DaNetwork
    """Swarm and membership of the data availability network."""
    da_verifier: DaVerifier
    """Verification of shares."""
    sdp: SdpConfig
    """Own service declaration."""
    da_sampling: DaSampling
    """Sampling of blobs."""
    http: HttpConfig
    """HTTP API."""
    storage: StorageConfig
    """Database."""
    key_management: KeyManagementConfig
    """Secret keys."""
    wallet: WalletConfig
    """Public keys of the wallet."""
    testing_http: HttpConfig
    """HTTP API with the routes for tests, on an address of its own."""
    unknown_keys: tuple[UnknownKey, ...] = field(default=(), compare=False, metadata={"aside": True})
    """Keys of the file that no node reads. They are never written."""

    @property
    def da_backend(self) -> DaNetworkBackend:
        """Settings of the DA swarm, which executors have one level deeper."""
        backend = self.da_network.backend
        return backend if isinstance(backend, DaNetworkBackend) else backend.validator_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorConfig(NodeConfig):
    """Configuration of ``nomos-node``."""

    kind: ClassVar[Kind] = "validator"
    da_network: ValidatorDaNetwork
    """Swarm and membership of the data availability network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutorConfig(NodeConfig):
    """Configuration of ``nomos-executor``, which also disperses blobs."""

    kind: ClassVar[Kind] = "executor"
    da_network: ExecutorDaNetwork
    """Swarm and membership of the data availability network."""
    da_dispersal: DaDispersal
    """Encoding and dispersal of blobs."""
