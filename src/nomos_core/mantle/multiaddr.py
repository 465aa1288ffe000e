"""Multiaddresses, the locators of service declarations: text form and binary form, as rust-multiaddr reads and writes
them.

An address is a list of protocols. In text each is ``/name`` or ``/name/argument``. In binary each is a code as a varint
and the argument, which has a varint length in front if its size varies. The empty address exists. Arguments are kept as
they are: the real node checks that a port is a number, but not that a host name could exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from nomos_core.mantle.multiaddr_protocols import NAMES, PROTOCOLS, Cursor, MultiaddrError, varint

__all__ = ["MultiaddrError", "normalized", "to_bytes", "to_text"]

_TEXT_LIMIT: Final = 2048
"""Well above the length of any locator. Longer text from the network must not fill the caches."""
_ALIASES: Final = {"ipfs": "p2p"}
_PLAIN_FORM: Final = {("x-parity-ws", b"/"): 477, ("x-parity-wss", b"/"): 478}
"""Codes of web sockets whose path is ``/``: they are written without it."""


def to_bytes(text: str) -> bytes:
    """Return the binary form of an address.

    Raises:
        MultiaddrError: the text is not an address (the message names the wrong part), or has more than 2048 characters.
    """
    if len(text) > _TEXT_LIMIT:
        raise MultiaddrError(f"a multiaddress has at most {_TEXT_LIMIT} characters here, got {len(text)}")
    return _to_bytes(text)


def normalized(text: str) -> str:
    """Return the text as the real node would write it: ``/ip6/0:0::1`` becomes ``/ip6/::1``."""
    return to_text(to_bytes(text))


@lru_cache(maxsize=4096)
def _to_bytes(text: str) -> bytes:
    parts = iter(text.split("/"))
    if next(parts):
        raise MultiaddrError(f"multiaddress {text!r} does not start with '/'")
    return b"".join(_protocol_bytes(name, parts, text) for name in parts)


def _protocol_bytes(name: str, parts: Iterator[str], text: str) -> bytes:
    name = _ALIASES.get(name, name)
    if name not in PROTOCOLS:
        raise MultiaddrError(f"multiaddress {text!r}: unknown protocol {name!r}")
    code, argument = PROTOCOLS[name]
    if argument is None:
        return varint(code)
    value = next(parts, None)
    if value is None:
        raise MultiaddrError(f"multiaddress {text!r}: /{name} has no value")
    try:
        data = argument.parse(value)
    except ValueError as error:
        raise MultiaddrError(f"multiaddress {text!r}: {value!r} is not a value of /{name}: {error}") from None
    if (plain := _PLAIN_FORM.get((name, data))) is not None:
        return varint(plain)
    return varint(code) + (varint(len(data)) if argument.size is None else b"") + data


def to_text(data: bytes) -> str:
    """Return the text form of an address.

    Raises:
        MultiaddrError: the bytes are not an address, or their text means another one (a host name with a ``/`` in it).
    """
    cursor = Cursor(data)
    try:
        text = "".join(_protocol_texts(cursor))
    except ValueError as error:
        raise MultiaddrError(f"multiaddress {data.hex()}: {error}") from None
    if not _reads_as(text, data):
        raise MultiaddrError(f"multiaddress {data.hex()} can't be written as text: {text!r} means another address")
    return text


def _reads_as(text: str, data: bytes) -> bool:
    try:
        return to_bytes(text) == data
    except MultiaddrError:
        return False


def _protocol_texts(cursor: Cursor) -> Iterator[str]:
    while cursor.remaining:
        code = cursor.varint()
        if code not in NAMES:
            raise MultiaddrError(f"unknown protocol {code}")
        name = NAMES[code]
        argument = PROTOCOLS[name][1]
        yield f"/{name}"
        if argument is not None:
            size = cursor.varint() if argument.size is None else argument.size
            yield f"/{argument.show(cursor.take(size))}"
