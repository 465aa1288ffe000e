"""``cfgsync.yaml``: the description of the network that the server makes of the hosts that announce themselves."""

import math
from dataclasses import dataclass, field, fields, replace
from pathlib import PosixPath
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar

from nomos_core.config import ConfigError, load_document
from nomos_core.config.codecs import Reading, ScalarCodec
from nomos_core.config.document import Mapping, Node, Scalar, parse_document
from nomos_core.config.field_errors import InvalidField, describe, one_of, wrong_type
from nomos_core.config.scalars import (
    U16,
    U64,
    FieldElement,
    Flag,
    Float,
    Ipv4,
    NonZeroU32,
    NonZeroUSize,
    Path,
    Text,
    USize,
)
from nomos_core.config.tracing import FileLogger, StandardStream, TracingConfig
from nomos_core.config.writing import Plain
from nomos_core.identifiers import ZkPublicKey
from nomos_core.keys import zk_public_keys
from nomos_testing.configgen import ConfigOptions, DataAvailabilityLimits, DataAvailabilityTimes, NodeLogging
from nomos_testing.configgen.services import tracing_section
from nomos_testing.settings import Settings
from nomos_testing.topology import DataAvailability, Layout, TopologySpec, WalletAccount, with_sampling_delay
from nomos_testing.topology.identities import node_identities
from nomos_testing.topology.wallets import wallet_accounts

T = TypeVar("T")

CONTAINER_KZG_PARAMS: Final = "/kzgrs_test_params/kzgrs_test_params"
PROVERS: Final = ("development", "groth16")
_ID_BYTES: Final = 32
_LIMITS: Final = DataAvailabilityLimits(
    max_failures=3,
    malicious_threshold=10,
    seen_message_cache_size=204_800,
    seen_message_ttl=900.0,
    shares_retry_limit=5,
    commitments_retry_limit=5,
)
"""The limits of the original's file, for files that name none. A deployer's file names all of them."""
_TIMES: Final = DataAvailabilityTimes()
_SAMPLING_DELAY: Final = 5.0
"""Seconds, for files that name no delay, in an environment that names none."""


def _parse_seconds(scalar: Scalar) -> float:
    try:
        seconds = float(scalar.text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise InvalidField(
            f"invalid value: {describe(scalar)}, expected seconds", at=scalar, advice='write it like "5.0"'
        )
    return seconds


def _choice(names: tuple[str, ...]) -> ScalarCodec[str]:
    def parse(scalar: Scalar) -> str:
        if scalar.text not in names:
            raise InvalidField(
                f"unknown variant `{scalar.text}`, expected {one_of(names)}",
                at=scalar,
                advice=f"write one of {', '.join(names)}",
            )
        return scalar.text

    return ScalarCodec(parse, names[0], "a name")


class _NodeId:
    """32 numbers, as serde writes bytes."""

    example = f"[<{_ID_BYTES} numbers from 0 to 255>]"

    def read(self, node: Node, reading: Reading) -> bytes:
        numbers = node.to_plain()
        try:
            data = bytes(numbers) if isinstance(numbers, list) else b""
        except (TypeError, ValueError):
            data = b""
        if len(data) != _ID_BYTES:
            raise wrong_type(node, f"an array of {_ID_BYTES} bytes", self.example)
        return data

    def write(self, value: bytes) -> Plain:
        return list(value)


class _Ignored:
    """A key of the original's file that has no effect there either."""

    example = "..."

    def read(self, node: Node, reading: Reading) -> None:
        return None

    def write(self, value: None) -> Plain:
        return None


Seconds = Annotated[float, ScalarCodec(_parse_seconds, '"5.0"', "seconds", str)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEntry:
    """One account. Its secret key is written as the 64 hex digits of 32 little-endian bytes."""

    serde_name: ClassVar = "WalletAccount"
    label: Text
    secret_key: FieldElement = field(repr=False)
    value: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletSection:
    """The accounts."""

    serde_name: ClassVar = "WalletConfig"
    accounts: tuple[AccountEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationSection:
    """The memory of the shares that a node has replicated."""

    serde_name: ClassVar = "ReplicationConfig"
    seen_message_cache_size: USize = _LIMITS.seen_message_cache_size
    seen_message_ttl: Seconds = _LIMITS.seen_message_ttl


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesSection:
    """The durations of ``DataAvailabilityTimes``, for slots of two seconds."""

    dispersal_timeout: Seconds
    retry_cooldown: Seconds
    share_duration: Seconds
    prune_duration: Seconds
    prune_interval: Seconds
    commitments_wait: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySection:
    """The relay between the nodes. They reach each other at its address and at their own ports."""

    host: Ipv4


STANDARD_TRACING: Final = tracing_section(NodeLogging(), StandardStream.STDOUT, "node")
"""Nodes log to standard output, which ``docker logs`` shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CfgsyncConfig:
    """The contents of the file.

    ``timeout`` is in seconds from the server's start. ``ids`` and the ports have one entry for each host, in the order
    of the hosts. The keys from ``layout`` on are this project's own. Only embedded nodes follow a ``slot_duration``
    below one second. The server's environment decides where ``sampling_delay``, ``da_times``, ``offline_grace_period``,
    ``use_autonat`` or ``prover`` is None.
    """

    port: U16 = 4400
    n_hosts: NonZeroUSize = 4
    timeout: U64 = 10
    security_param: NonZeroU32 = 10
    active_slot_coeff: Float = 0.9
    wallet: WalletSection = WalletSection()
    ids: tuple[Annotated[bytes, _NodeId()], ...] | None = field(default=None, repr=False)
    da_ports: tuple[U16, ...] | None = None
    blend_ports: tuple[U16, ...] | None = None
    subnetwork_size: NonZeroUSize = 2
    dispersal_factor: NonZeroUSize = 2
    num_samples: U16 = 1
    num_subnets: U16 = 2
    old_blobs_check_interval: Seconds = _TIMES.old_blobs_check_interval
    blobs_validity_duration: Seconds = _LIMITS.blobs_validity
    global_params_path: Path = CONTAINER_KZG_PARAMS
    min_dispersal_peers: USize = 1
    min_replication_peers: USize = 1
    monitor_failure_time_window: Seconds = _LIMITS.failure_time_window
    balancer_interval: Seconds = 5.0
    replication_settings: ReplicationSection = ReplicationSection()
    retry_shares_limit: USize = _LIMITS.shares_retry_limit
    retry_commitments_limit: USize = _LIMITS.commitments_retry_limit
    tracing_settings: TracingConfig = STANDARD_TRACING
    mempool_publish_strategy: Annotated[None, _Ignored()] = None
    layout: Annotated[str, _choice(tuple(Layout))] = str(Layout.STAR)
    slot_duration: Seconds = 2.0
    sampled_subnetworks: U16 | None = None
    sampling_delay: Seconds | None = None
    sampling_stagger: Seconds = 0.0
    max_failures: USize = _LIMITS.max_failures
    malicious_threshold: USize = _LIMITS.malicious_threshold
    da_times: TimesSection | None = None
    offline_grace_period: Seconds | None = None
    use_autonat: Flag | None = None
    wallets_in_key_management: Flag = False
    prover: Annotated[str, _choice(PROVERS)] | None = None
    """The prover that signs genesis. The nodes must use the same one."""
    relay: RelaySection | None = None

    @classmethod
    def load(cls, text: str, *, source: str) -> Self:
        """Read the file's text.

        Raises:
            ConfigError: with file, line and field; unknown keys are refused.
        """
        config = load_document(text, cls, source=source)
        for name, defect in config._defects():
            line = _line_of(text, name)
            raise ConfigError(f"{name}: {defect}", source=source, line=line, field=name, advice="correct it there")
        return config

    @classmethod
    def for_network(cls, spec: TopologySpec, options: ConfigOptions, **keys: Any) -> Self:
        """Return the file for the network that a scenario asks for. ``keys`` are the server's own, like ``port``.

        Nothing is left to the environment, and identities are explicit. Everybody who has the file makes the same
        network.
        """
        da, limits = spec.da, options.da_limits
        accounts = (
            AccountEntry(label=account.label, secret_key=account.secret_key, value=account.value)
            for account in wallet_accounts(spec.wallet)
        )
        return cls(
            n_hosts=spec.node_count,
            security_param=spec.security_param,
            active_slot_coeff=spec.active_slot_coeff,
            wallet=WalletSection(accounts=tuple(accounts)),
            ids=tuple(identity.id for identity in node_identities(spec)),
            da_ports=None if spec.da_ports is None else tuple(spec.da_ports),
            blend_ports=None if spec.blend_ports is None else tuple(spec.blend_ports),
            subnetwork_size=da.subnetwork_size,
            dispersal_factor=da.dispersal_factor,
            num_samples=da.num_samples,
            num_subnets=da.num_subnets,
            old_blobs_check_interval=options.da_times.old_blobs_check_interval,
            blobs_validity_duration=limits.blobs_validity,
            global_params_path=str(options.kzg_params),
            min_dispersal_peers=da.min_dispersal_peers,
            min_replication_peers=da.min_replication_peers,
            monitor_failure_time_window=limits.failure_time_window,
            balancer_interval=da.balancer_interval,
            replication_settings=ReplicationSection(
                seen_message_cache_size=limits.seen_message_cache_size, seen_message_ttl=limits.seen_message_ttl
            ),
            retry_shares_limit=limits.shares_retry_limit,
            retry_commitments_limit=limits.commitments_retry_limit,
            tracing_settings=tracing_settings(options.logging),
            layout=str(spec.layout),
            slot_duration=spec.slot_duration,
            sampled_subnetworks=da.sampled_subnetworks,
            sampling_delay=da.sampling_delay,
            sampling_stagger=da.sampling_stagger,
            max_failures=limits.max_failures if da.max_failures is None else da.max_failures,
            malicious_threshold=limits.malicious_threshold
            if da.malicious_threshold is None
            else da.malicious_threshold,
            da_times=TimesSection(**{item.name: getattr(options.da_times, item.name) for item in fields(TimesSection)}),
            offline_grace_period=options.offline_grace_period,
            use_autonat=options.use_autonat,
            wallets_in_key_management=options.wallets_in_key_management,
            **keys,
        )

    def options(self, settings: Settings) -> ConfigOptions:
        """Return the options of the nodes' configuration: the file's, and the settings' where the file has none.

        Logging is not part of them: ``tracing_settings`` is the nodes' section as it is.
        """
        asked = ConfigOptions.of(settings, kzg_params=PosixPath(self.global_params_path))
        named = {item.name: getattr(self.da_times, item.name) for item in fields(TimesSection)} if self.da_times else {}
        return replace(
            asked,
            da_times=replace(asked.da_times, old_blobs_check_interval=self.old_blobs_check_interval, **named),
            da_limits=self.da_limits,
            offline_grace_period=_given(self.offline_grace_period, asked.offline_grace_period),
            use_autonat=_given(self.use_autonat, asked.use_autonat),
            wallets_in_key_management=self.wallets_in_key_management,
        )

    def spec(self, validators: int, executors: int, settings: Settings) -> TopologySpec:
        """Return the topology of a network of so many hosts."""
        spec = TopologySpec(
            validators=validators,
            executors=executors,
            layout=self.layout,
            slot_duration=self.slot_duration,
            active_slot_coeff=self.active_slot_coeff,
            security_param=self.security_param,
            data_availability=self.data_availability,
            sampling_delay=self.data_availability.sampling_delay,
            ids=self.ids,
        )
        # A file that names a delay has that of its maker's environment already.
        return spec if self.sampling_delay is not None else with_sampling_delay(spec, settings)

    @property
    def accounts(self) -> tuple[WalletAccount, ...]:
        """The accounts that genesis funds."""
        entries = self.wallet.accounts
        publics = zk_public_keys([entry.secret_key for entry in entries])
        return tuple(
            WalletAccount(entry.label, entry.secret_key, ZkPublicKey(public), entry.value)
            for entry, public in zip(entries, publics, strict=True)
        )

    @property
    def data_availability(self) -> DataAvailability:
        """The network's data-availability parameters."""
        return DataAvailability(
            subnetwork_size=self.subnetwork_size,
            dispersal_factor=self.dispersal_factor,
            num_samples=self.num_samples,
            num_subnets=self.num_subnets,
            min_dispersal_peers=self.min_dispersal_peers,
            min_replication_peers=self.min_replication_peers,
            balancer_interval=self.balancer_interval,
            sampled_subnetworks=self.sampled_subnetworks,
            sampling_delay=_given(self.sampling_delay, _SAMPLING_DELAY),
            sampling_stagger=self.sampling_stagger,
            max_failures=self.max_failures,
            malicious_threshold=self.malicious_threshold,
        )

    @property
    def da_limits(self) -> DataAvailabilityLimits:
        """The limits of the nodes' DA network."""
        return DataAvailabilityLimits(
            max_failures=self.max_failures,
            malicious_threshold=self.malicious_threshold,
            failure_time_window=self.monitor_failure_time_window,
            seen_message_cache_size=self.replication_settings.seen_message_cache_size,
            seen_message_ttl=self.replication_settings.seen_message_ttl,
            shares_retry_limit=self.retry_shares_limit,
            commitments_retry_limit=self.retry_commitments_limit,
            blobs_validity=self.blobs_validity_duration,
        )

    def _defects(self) -> list[tuple[str, str]]:
        """Return the keys that contradict others, and how."""
        defects = [
            (name, f"{label} count {len(values)} does not match participants {self.n_hosts}")
            for name, label, values in (
                ("ids", "id", self.ids),
                ("da_ports", "da port", self.da_ports),
                ("blend_ports", "blend port", self.blend_ports),
            )
            if values is not None and len(values) != self.n_hosts
        ]
        if self.ids is not None and len(set(self.ids)) != len(self.ids):
            defects.append(("ids", "two hosts would have the same keys: ids must differ"))
        if not 0 < self.active_slot_coeff <= 1:
            defects.append(("active_slot_coeff", f"{self.active_slot_coeff} is not above 0 and at most 1"))
        if self.slot_duration == 0:
            defects.append(("slot_duration", "it must be above 0 seconds"))
        times = [] if self.da_times is None else [item.name for item in fields(TimesSection)]
        if zero := [name for name in times if name != "commitments_wait" and getattr(self.da_times, name) == 0]:
            defects.append(("da_times", f"{', '.join(zero)} must be above 0 seconds: nodes refuse a duration of 0"))
        if self.dispersal_factor > self.n_hosts:
            defects.append(
                ("dispersal_factor", f"{self.dispersal_factor} replicas need as many hosts, there are {self.n_hosts}")
            )
        return defects


def tracing_settings(logging: NodeLogging) -> TracingConfig:
    """Return the section for nodes that log to standard output, or to files in ``logging.directory``.

    The server replaces the names of the host by each host's own.
    """
    logger = StandardStream.STDOUT if logging.directory is None else FileLogger(directory=str(logging.directory))
    return tracing_section(logging, logger, "node")


def _given(value: T | None, otherwise: T) -> T:
    return otherwise if value is None else value


def _line_of(text: str, key: str) -> int | None:
    root = parse_document(text)
    entries = root.entries if isinstance(root, Mapping) else []
    return next((name.mark.line + 1 for name, _ in entries if isinstance(name, Scalar) and name.text == key), None)
