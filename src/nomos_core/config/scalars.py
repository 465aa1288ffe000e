"""Scalar values of the node's configuration: numbers, texts, addresses and keys, refused in the real node's words."""

from __future__ import annotations

import re
import socket
from typing import Annotated, Final, NamedTuple

from nomos_core import field
from nomos_core.config.codecs import ScalarCodec
from nomos_core.config.document import Scalar
from nomos_core.config.field_errors import InvalidField, describe
from nomos_core.identifiers import HeaderId, ZkPublicKey

_NOT_HEX: Final = re.compile(r"[^0-9a-fA-F]")
_FIXED_POINT: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?\Z")
_SOCKET_ADDRESS: Final = re.compile(r"(?:\[(?P<ipv6>[^]]+)\]|(?P<ipv4>[0-9.]+)):(?P<port>[0-9]{1,5})\Z")
_UNKNOWN_PROTOCOL: Final = re.compile(r"unknown protocol '(.*)'\Z")
_BAD_VALUE: Final = re.compile(r"is not a value of /([a-z0-9-]+):")
_PARSE_REFUSALS: Final = {"ip4": "invalid IPv4 address syntax", "ip6": "invalid IPv6 address syntax"}
_LEVELS: Final = ("ERROR", "WARN", "INFO", "DEBUG", "TRACE")


class SocketAddress(NamedTuple):
    """IP address and port."""

    host: str
    """IPv4 or IPv6 address, without brackets."""
    port: int
    """Port from 0 to 65535."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def integer_codec(name: str, maximum: int, *, minimum: int = 0) -> ScalarCodec[int]:
    """Return the codec of whole numbers from ``minimum`` to ``maximum``. ``name`` is serde's name for the Rust type."""

    def parse(scalar: Scalar) -> int:
        value = scalar.resolved()
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InvalidField(
                f"invalid type: {describe(scalar)}, expected {name}", at=scalar, advice=_range(minimum, maximum)
            )
        if not minimum <= value <= maximum:
            raise InvalidField(
                f"invalid value: {describe(scalar)}, expected {name}", at=scalar, advice=_range(minimum, maximum)
            )
        return value

    return ScalarCodec(parse, example="1", expecting=name)


def _range(minimum: int, maximum: int) -> str:
    return f"write a whole number from {minimum} to {maximum}"


def _parse_text(scalar: Scalar) -> str:
    return scalar.text


def _parse_bool(scalar: Scalar) -> bool:
    value = scalar.resolved()
    if not isinstance(value, bool):
        raise InvalidField(
            f"invalid type: {describe(scalar)}, expected a boolean", at=scalar, advice="write true or false"
        )
    return value


def _parse_float(scalar: Scalar) -> float:
    value = scalar.resolved()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidField(
            f"invalid type: {describe(scalar)}, expected f64", at=scalar, advice="write a number, like 0.9"
        )
    return float(value)


def _parse_non_negative(scalar: Scalar) -> float:
    value = _parse_float(scalar)
    if not 0 <= value < float("inf"):
        raise InvalidField(
            "Deserialized f64 does not contain a valid value.", advice="write a finite number, at least 0"
        )
    return value


def _parse_unit(scalar: Scalar) -> None:
    if not scalar.is_null:
        raise InvalidField(f"invalid type: {describe(scalar)}, expected unit", at=scalar, advice="write null")


def _parse_fixed_point(scalar: Scalar) -> str:
    if not _FIXED_POINT.match(scalar.text):
        raise InvalidField(
            "invalid digit found in string", at=scalar, advice='write a decimal number as text, like "0.5"'
        )
    return scalar.text


def _parse_ipv4(scalar: Scalar) -> str:
    if not _is_address(socket.AF_INET, scalar.text):
        raise InvalidField("invalid IPv4 address syntax", at=scalar, advice="write four numbers, like 127.0.0.1")
    return scalar.text


def _parse_ip(scalar: Scalar) -> str:
    if not (_is_address(socket.AF_INET, scalar.text) or _is_address(socket.AF_INET6, scalar.text)):
        raise InvalidField("invalid IP address syntax", at=scalar, advice="write an IPv4 or IPv6 address, like 0.0.0.0")
    return scalar.text


def _parse_socket_address(scalar: Scalar) -> SocketAddress:
    try:
        return socket_address(scalar.text)
    except ValueError as error:
        raise InvalidField(str(error), at=scalar, advice="write <ip>:<port>, like 127.0.0.1:8080") from None


def socket_address(text: str) -> SocketAddress:
    """Read ``a.b.c.d:port`` or ``[ipv6]:port``.

    Raises:
        ValueError: the text has another form.
    """
    match = _SOCKET_ADDRESS.match(text)
    if match is not None and int(match["port"]) <= 65_535:
        family = socket.AF_INET6 if match["ipv6"] else socket.AF_INET
        host: str = match["ipv6"] or match["ipv4"]
        if _is_address(family, host):
            return SocketAddress(host, int(match["port"]))
    raise ValueError("invalid socket address syntax")


def _is_address(family: socket.AddressFamily, text: str) -> bool:
    try:
        socket.inet_pton(family, text)
    except (OSError, ValueError):
        return False
    return True


def _parse_multiaddr(scalar: Scalar) -> str:
    from nomos_core.mantle.multiaddr import MultiaddrError, to_bytes

    try:
        to_bytes(scalar.text)
    except MultiaddrError as error:
        raise InvalidField(
            _multiaddr_refusal(str(error)),
            at=scalar,
            advice=f"{error}; write it like /ip4/127.0.0.1/udp/3000/quic-v1",
        ) from None
    return scalar.text


def _multiaddr_refusal(reason: str) -> str:
    """Return rust-multiaddr's words for a refusal. They say less than ours."""
    if (stranger := _UNKNOWN_PROTOCOL.search(reason)) is not None:
        return f"unknown protocol string: {stranger[1]}"
    if (value := _BAD_VALUE.search(reason)) is not None:
        return f"failed to parse: {_PARSE_REFUSALS.get(value[1], 'invalid digit found in string')}"
    return "invalid multiaddr"


def _parse_peer_id(scalar: Scalar) -> str:
    from nomos_core.peer_identity import peer_id_from_text

    try:
        peer_id_from_text(scalar.text)
    except ValueError:
        raise InvalidField(
            f"invalid value: {describe(scalar)}, expected valid peer id",
            at=scalar,
            advice="write a libp2p peer id: 12D3Koo followed by 45 letters and digits",
        ) from None
    return scalar.text


def _parse_level(scalar: Scalar) -> str:
    text = scalar.text.upper()
    if text.isdecimal() and 1 <= int(text) <= len(_LEVELS):
        return _LEVELS[int(text) - 1]
    if text not in _LEVELS:
        raise InvalidField(
            "invalid log level error parsing level: expected one of "
            '"error", "warn", "info", "debug", "trace", or a number 1-5',
            advice=f"write one of {', '.join(_LEVELS)}",
        )
    return text


def hex_bytes(text: str) -> bytes:
    """Read bytes from hex digits without ``0x``.

    Raises:
        InvalidField: in the words of Rust's ``hex`` crate.
    """
    advice = "write 64 hex digits, without 0x"
    if len(text) % 2:
        raise InvalidField("Odd number of digits", advice=advice)
    if (stranger := _NOT_HEX.search(text)) is not None:
        raise InvalidField(f"Invalid character {stranger[0]!r} at position {stranger.start()}", advice=advice)
    return bytes.fromhex(text)


def _parse_ed25519_secret(scalar: Scalar) -> bytes:
    secret = hex_bytes(scalar.text)
    if len(secret) != 32:
        raise InvalidField(
            "Key decoding error: failed to parse Ed25519 secret key",
            advice=f"write the 64 hex digits of the 32-byte secret key: there are {len(scalar.text)}",
        )
    return secret


def _parse_field_element(scalar: Scalar) -> int:
    data = hex_bytes(scalar.text)
    if len(data) != field.BYTES:
        raise InvalidField(
            f"Bytes length is not {field.BYTES}, got: {len(data)}",
            advice="write the 64 hex digits of the 32 little-endian bytes",
        )
    try:
        return field.from_bytes(data)
    except field.FieldError:
        raise InvalidField(
            f"Parsed bytes are bigger than the modulus, got {int.from_bytes(data, 'little')}, expected {field.MODULUS}",
            advice="write the 32 bytes of a BN254 scalar, little-endian",
        ) from None


def _parse_header_id(scalar: Scalar) -> HeaderId:
    data = hex_bytes(scalar.text)
    if len(data) != 32:
        raise InvalidField(
            f"Invalid length {len(data)}, expected 32 bytes", advice="write the 64 hex digits of a block's id"
        )
    return HeaderId(data)


_PATH_EXAMPLE: Final = "./recovery/blend"
_HEX_EXAMPLE: Final = "<64 hex digits>"

U16_CODEC: Final = integer_codec("u16", 2**16 - 1)
"""Codec of a whole number from 0 to 2^16 - 1."""
U32_CODEC: Final = integer_codec("u32", 2**32 - 1)
"""Codec of a whole number from 0 to 2^32 - 1."""
U64_CODEC: Final = integer_codec("u64", 2**64 - 1)
"""Codec of a whole number from 0 to 2^64 - 1."""
TEXT_CODEC: Final = ScalarCodec(_parse_text, example="text", expecting="a string")
"""Codec of any text."""
FIELD_CODEC: Final[ScalarCodec[int]] = ScalarCodec(_parse_field_element, _HEX_EXAMPLE, "a string", field.to_hex)
"""Codec of a field element."""
ED25519_SECRET_CODEC: Final[ScalarCodec[bytes]] = ScalarCodec(
    _parse_ed25519_secret, _HEX_EXAMPLE, "a string", bytes.hex
)
"""Codec of an Ed25519 seed."""

U16 = Annotated[int, U16_CODEC]
"""Whole number from 0 to 2^16 - 1."""
U32 = Annotated[int, U32_CODEC]
"""Whole number from 0 to 2^32 - 1."""
U64 = Annotated[int, U64_CODEC]
"""Whole number from 0 to 2^64 - 1."""
USize = Annotated[int, integer_codec("usize", 2**64 - 1)]
"""Whole number from 0 to 2^64 - 1: a size or a count."""
NonZeroU8 = Annotated[int, integer_codec("a nonzero u8", 2**8 - 1, minimum=1)]
"""Whole number from 1 to 255."""
NonZeroU32 = Annotated[int, integer_codec("a nonzero u32", 2**32 - 1, minimum=1)]
"""Whole number from 1 to 2^32 - 1."""
NonZeroU64 = Annotated[int, integer_codec("a nonzero u64", 2**64 - 1, minimum=1)]
"""Whole number from 1 to 2^64 - 1."""
NonZeroUSize = Annotated[int, integer_codec("a nonzero usize", 2**64 - 1, minimum=1)]
"""Whole number from 1 to 2^64 - 1: a size or a count."""
Flag = Annotated[bool, ScalarCodec(_parse_bool, "false", "a boolean")]
"""``true`` or ``false``."""
Float = Annotated[float, ScalarCodec(_parse_float, "0.9", "f64")]
"""Number, in double precision."""
NonNegativeFloat = Annotated[float, ScalarCodec(_parse_non_negative, "0.8", "f64")]
"""Finite number of at least 0, in double precision."""
Unit = Annotated[None, ScalarCodec(_parse_unit, "null", "unit")]
"""Always null."""
FixedPoint = Annotated[str, ScalarCodec(_parse_fixed_point, '"0.5"', "a string")]
"""Fixed-point number (U57F7), kept as its text."""
Text = Annotated[str, TEXT_CODEC]
"""Any text."""
Path = Annotated[str, ScalarCodec(_parse_text, _PATH_EXAMPLE, "path string")]
"""Path of a file or directory, kept as its text."""
Ipv4 = Annotated[str, ScalarCodec(_parse_ipv4, "127.0.0.1", "IPv4 address")]
"""IPv4 address."""
IpAddress = Annotated[str, ScalarCodec(_parse_ip, "0.0.0.0", "IP address")]
"""IPv4 or IPv6 address."""
HostAndPort = Annotated[SocketAddress, ScalarCodec(_parse_socket_address, "127.0.0.1:8080", "socket address", str)]
"""IP address and port."""
Multiaddr = Annotated[str, ScalarCodec(_parse_multiaddr, "/ip4/127.0.0.1/udp/3000/quic-v1", "multiaddress")]
"""Multiaddress in text form, kept as it was written."""
PeerId = Annotated[str, ScalarCodec(_parse_peer_id, "12D3KooW...", "valid peer id")]
"""libp2p peer id of an Ed25519 key, ``12D3Koo...``."""
LogLevel = Annotated[str, ScalarCodec(_parse_level, "INFO", "a string")]
"""ERROR, WARN, INFO, DEBUG or TRACE."""
FieldElement = Annotated[int, FIELD_CODEC]
"""Field element of BN254: 64 hex digits of its little-endian bytes."""
ZkPublic = Annotated[ZkPublicKey, FIELD_CODEC]
"""Zero-knowledge public key: 64 hex digits of its little-endian bytes."""
Ed25519Secret = Annotated[bytes, ED25519_SECRET_CODEC]
"""Ed25519 seed: 64 hex digits."""
BlockId = Annotated[HeaderId, ScalarCodec(_parse_header_id, _HEX_EXAMPLE, "a string", bytes.hex)]
"""Id of a block: 64 hex digits."""
