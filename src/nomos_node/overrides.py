"""Overrides of the configuration by flags and environment variables of the command line.

``--check-config`` looks at the file alone. So errors in these values show only when a node starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from nomos_core.config import NodeConfig, SocketAddress, UtcTime, socket_address, with_setting
from nomos_core.config.tracing import FileLogger, GelfLogger, LogTarget, StandardStream

C = TypeVar("C", bound=NodeConfig)

LEVELS: Final = ("DEBUG", "INFO", "WARN", "ERROR")
_SWARM: Final = "network.backend.swarm"


class OverrideError(Exception):
    """Error: the value of a flag is invalid. The message names the flag and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Values as given. None where a flag was not given."""

    log_backend: str | None = None
    log_addr: str | None = None
    log_dir: str | None = None
    log_path: str | None = None
    log_level: str | None = None
    net_host: str | None = None
    net_port: str | None = None
    net_node_key: str | None = None
    net_initial_peers: str | None = None
    blend_addr: str | None = None
    http_host: SocketAddress | None = None
    http_cors_origin: str | None = None
    consensus_utxo_sk: str | None = None
    consensus_chain_start: int | None = None


def apply_overrides(config: C, overrides: Overrides) -> C:
    """Return the configuration with the values in it.

    Raises:
        OverrideError: a value is not what its flag takes.
    """
    for name, (path, parse) in _SETTINGS.items():
        given = getattr(overrides, name)
        if given is not None:
            config = with_setting(config, path, _parsed(name, given, parse))
    if overrides.log_backend is not None:
        config = with_setting(config, "tracing.logger", _logger(overrides))
    if overrides.consensus_utxo_sk is not None:
        config = _with_leader_key(config, overrides.consensus_utxo_sk)
    return config


def _parsed(name: str, given: Any, parse: Callable[[Any], Any]) -> Any:
    try:
        return parse(given)
    except ValueError as error:
        raise OverrideError(f"--{name.replace('_', '-')} {given}: {error}") from None


def _level(text: str) -> str:
    if text.upper() not in LEVELS:
        raise ValueError(f"expected one of {', '.join(LEVELS)}")
    return text.upper()


def _ipv4(text: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise ValueError("expected an IPv4 address, like 127.0.0.1") from None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65_535):
        raise ValueError("expected a UDP port from 0 to 65535")
    return int(text)


def _hex(text: str, size: int) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError:
        data = b""
    if len(data) != size or len(text) != 2 * size:
        raise ValueError(f"expected {2 * size} hex digits")
    return data


def _peers(text: str) -> tuple[str, ...]:
    return tuple(_multiaddr(part.strip()) for part in text.split(",") if part.strip())


def _multiaddr(text: str) -> str:
    from nomos_core.mantle.multiaddr import to_bytes

    to_bytes(text)
    return text


def _origins(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_SETTINGS: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "log_level": ("tracing.level", _level),
    "net_host": (f"{_SWARM}.host", _ipv4),
    "net_port": (f"{_SWARM}.port", _port),
    "net_node_key": (f"{_SWARM}.node_key", lambda text: _hex(text, 32)),
    "net_initial_peers": ("network.backend.initial_peers", _peers),
    "blend_addr": ("blend.core.backend.listening_address", _multiaddr),
    "http_host": ("http.backend_settings.address", lambda address: address),
    "http_cors_origin": ("http.backend_settings.cors_origins", _origins),
    "consensus_chain_start": ("time.chain_start_time", UtcTime.of),
}


def _logger(overrides: Overrides) -> LogTarget:
    match overrides.log_backend:
        case "stdout":
            return StandardStream.STDOUT
        case "stderr":
            return StandardStream.STDERR
        case "file":
            if overrides.log_dir is None or overrides.log_path is None:
                raise OverrideError("--log-backend file: also give --log-dir and --log-path (the file's prefix)")
            return FileLogger(directory=overrides.log_dir, prefix=overrides.log_path)
        case _:
            if overrides.log_addr is None:
                raise OverrideError("--log-backend gelf: also give --log-addr")
            return GelfLogger(addr=_parsed("log_addr", overrides.log_addr, socket_address))


def _with_leader_key(config: C, text: str) -> C:
    from nomos_core.keys import zk_public_key

    secret = int.from_bytes(_parsed("consensus_utxo_sk", text, lambda given: _hex(given, 16)), "little")
    config = with_setting(config, "cryptarchia.leader.sk", secret)
    return with_setting(config, "cryptarchia.leader.pk", zk_public_key(secret))
