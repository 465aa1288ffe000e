"""Protocols of multiaddresses: their codes, and the text and binary forms of their arguments."""

from __future__ import annotations

import re
from base64 import b32decode, b32encode, b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import quote, unquote

from nomos_core.peer_identity import base58_decode, base58_encode

_NUMBER: Final = re.compile(r"\+?[0-9]+")
_MULTIHASH_LIMIT: Final = 64
_IDENTITY, _SHA2_256 = 0x00, 0x12
_IDENTITY_LIMIT: Final = 42
_UNQUOTED_IN_PATH: Final = "!$&'()*+,:;=@[]|\\^~-._"


class MultiaddrError(ValueError):
    """Refusal of text or bytes that are not a multiaddress."""


@dataclass(frozen=True, slots=True)
class Argument:
    """Form of the argument that follows a protocol's name."""

    size: int | None
    """Length of the binary form in bytes; None if it varies: then a varint length stands in front of it."""
    parse: Callable[[str], bytes]
    """Function from the text form to the binary form. It raises ``ValueError`` for text that has none."""
    show: Callable[[bytes], str]
    """Function from the binary form to the text form."""


class Cursor:
    """Reader that takes bytes from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def remaining(self) -> int:
        """Number of bytes that are not taken yet."""
        return len(self._data)

    def take(self, size: int) -> bytes:
        """Take the next ``size`` bytes.

        Raises:
            MultiaddrError: fewer bytes are left.
        """
        if size > len(self._data):
            raise MultiaddrError(f"{size} bytes expected, {len(self._data)} are left")
        head, self._data = self._data[:size], self._data[size:]
        return head

    def varint(self) -> int:
        """Take an unsigned varint: seven bits a byte, lowest first, in its shortest form.

        Raises:
            MultiaddrError: the varint is longer than needed, or has more than nine bytes.
        """
        value = 0
        for index in range(9):
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                if byte == 0 and index:
                    raise MultiaddrError("a varint is longer than needed")
                return value
        raise MultiaddrError("a varint is too long")


def varint(value: int) -> bytes:
    """Return an unsigned varint: seven bits a byte, lowest first; the top bit says that a byte follows."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*encoded, value))


def _number(size: int) -> Argument:
    def parse(text: str) -> bytes:
        if not _NUMBER.fullmatch(text) or int(text) >> 8 * size:
            raise MultiaddrError(f"expected a number below {1 << 8 * size}")
        return int(text).to_bytes(size, "big")

    return Argument(size, parse, lambda data: str(int.from_bytes(data, "big")))


def _parse_ip6(text: str) -> bytes:
    if "%" in text:
        raise MultiaddrError("expected an IPv6 address without a zone")
    return IPv6Address(text).packed


def _show_ip6(data: bytes) -> str:
    address = IPv6Address(data)
    return f"::ffff:{address.ipv4_mapped}" if address.ipv4_mapped else str(address)


def _parse_path(text: str) -> bytes:
    return unquote(text, errors="strict").encode()


def _show_path(data: bytes) -> str:
    return quote(data.decode(), safe=_UNQUOTED_IN_PATH)


def _checked_multihash(data: bytes) -> bytes:
    cursor = Cursor(data)
    cursor.varint()
    size = cursor.varint()
    if size > _MULTIHASH_LIMIT or size != cursor.remaining:
        raise MultiaddrError(f"expected a multihash: a code, a length of at most {_MULTIHASH_LIMIT}, and so many bytes")
    return data


def _checked_peer_id(data: bytes) -> bytes:
    cursor = Cursor(_checked_multihash(data))
    code, size = cursor.varint(), cursor.varint()
    if code != _SHA2_256 and not (code == _IDENTITY and size <= _IDENTITY_LIMIT):
        raise MultiaddrError("expected a peer id: a multihash of kind SHA2-256 or identity")
    return data


def _parse_certificate_hash(text: str) -> bytes:
    bases: dict[str, Callable[[str], bytes]] = {
        "u": lambda digits: _base64_exact(digits, urlsafe_b64decode, urlsafe_b64encode),
        "m": lambda digits: _base64_exact(digits, b64decode, b64encode),
        "f": bytes.fromhex,
        "b": lambda digits: _base32_exact(digits.upper()),
        "z": base58_decode,
    }
    if text[:1] not in bases:
        raise MultiaddrError(f"unknown base {text[:1]!r}, expected one of {', '.join(bases)}")
    return _checked_multihash(bases[text[0]](text[1:]))


def _show_certificate_hash(data: bytes) -> str:
    return "u" + urlsafe_b64encode(_checked_multihash(data)).rstrip(b"=").decode()


def _base64_exact(digits: str, decode: Callable[[str], bytes], encode: Callable[[bytes], bytes]) -> bytes:
    data = decode(digits + "=" * (-len(digits) % 4))
    if encode(data).rstrip(b"=").decode() != digits:
        raise MultiaddrError("expected digits of base 64, without padding")
    return data


def _base32_exact(digits: str) -> bytes:
    return b32decode(digits + "=" * (-len(digits) % 8))


def _onion(address_bytes: int) -> Argument:
    def parse(text: str) -> bytes:
        address, _, port = text.partition(":")
        data = _base32_exact(address.upper())
        if len(data) != address_bytes or not _NUMBER.fullmatch(port) or not 0 < int(port) < 1 << 16:
            raise MultiaddrError(f"expected {address_bytes} bytes in base 32, ':' and a port")
        return data + int(port).to_bytes(2, "big")

    def show(data: bytes) -> str:
        address = b32encode(data[:address_bytes]).decode().rstrip("=").lower()
        return f"{address}:{int.from_bytes(data[address_bytes:], 'big')}"

    return Argument(address_bytes + 2, parse, show)


def _parse_garlic64(text: str) -> bytes:
    if not 516 <= len(text) <= 616:
        raise MultiaddrError("expected 516 to 616 digits")
    return b64decode(text, altchars=b"-~", validate=True)


def _parse_garlic32(text: str) -> bytes:
    if len(text) < 55 and len(text) != 52:
        raise MultiaddrError("expected 52 or at least 55 digits")
    return _base32_exact(text.upper())


_TEXT: Final = Argument(None, str.encode, bytes.decode)
_PATH: Final = Argument(None, _parse_path, _show_path)
_IP4: Final = Argument(4, lambda text: IPv4Address(text).packed, lambda data: str(IPv4Address(data)))
_IP6: Final = Argument(16, _parse_ip6, _show_ip6)
_PEER: Final = Argument(
    None, lambda text: _checked_peer_id(base58_decode(text)), lambda data: base58_encode(_checked_peer_id(data))
)
_CERTIFICATE_HASH: Final = Argument(None, _parse_certificate_hash, _show_certificate_hash)
_GARLIC64: Final = Argument(None, _parse_garlic64, lambda data: b64encode(data, altchars=b"-~").decode())
_GARLIC32: Final = Argument(None, _parse_garlic32, lambda data: b32encode(data).decode().rstrip("=").lower())
_PORT: Final = _number(2)

PROTOCOLS: Final[dict[str, tuple[int, Argument | None]]] = {
    "ip4": (4, _IP4),
    "tcp": (6, _PORT),
    "dccp": (33, _PORT),
    "ip6": (41, _IP6),
    "ip6zone": (42, _TEXT),
    "ipcidr": (43, _number(1)),
    "dns": (53, _TEXT),
    "dns4": (54, _TEXT),
    "dns6": (55, _TEXT),
    "dnsaddr": (56, _TEXT),
    "sctp": (132, _PORT),
    "udp": (273, _PORT),
    "p2p-webrtc-star": (275, None),
    "p2p-webrtc-direct": (276, None),
    "p2p-stardust": (277, None),
    "webrtc-direct": (280, None),
    "webrtc": (281, None),
    "p2p-circuit": (290, None),
    "udt": (301, None),
    "utp": (302, None),
    "unix": (400, _TEXT),
    "p2p": (421, _PEER),
    "https": (443, None),
    "onion": (444, _onion(10)),
    "onion3": (445, _onion(35)),
    "garlic64": (446, _GARLIC64),
    "garlic32": (447, _GARLIC32),
    "tls": (448, None),
    "sni": (449, _TEXT),
    "noise": (454, None),
    "quic": (460, None),
    "quic-v1": (461, None),
    "webtransport": (465, None),
    "certhash": (466, _CERTIFICATE_HASH),
    "ws": (477, None),
    "wss": (478, None),
    "p2p-websocket-star": (479, None),
    "http": (480, None),
    "http-path": (481, _PATH),
    "memory": (777, _number(8)),
    "x-parity-ws": (4770, _PATH),
    "x-parity-wss": (4780, _PATH),
}
"""Name of each protocol to its code and its argument; None for a name that stands alone."""
NAMES: Final = {code: name for name, (code, _) in PROTOCOLS.items()}
"""Code of each protocol to its name."""
