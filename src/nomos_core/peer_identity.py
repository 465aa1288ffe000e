"""libp2p peer ids: the identity multihash of an Ed25519 public key's protobuf, written in base 58."""

from __future__ import annotations

from typing import Final

from nomos_core.identifiers import Ed25519PublicKey

# multihash: identity (00), 36 bytes (24); protobuf: key type (08) Ed25519 (01), key (12) of 32 bytes (20)
_PREFIX: Final = bytes.fromhex("002408011220")
_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGIT_VALUES: Final = {digit: value for value, digit in enumerate(_ALPHABET)}


def peer_id_multihash(public: Ed25519PublicKey) -> bytes:
    """Return the binary form of a peer id, 38 bytes."""
    return _PREFIX + public


def peer_id(public: Ed25519PublicKey) -> str:
    """Return the text form of a peer id, ``12D3Koo...``, 52 characters."""
    return base58_encode(peer_id_multihash(public))


def peer_id_from_text(text: str) -> Ed25519PublicKey:
    """Return the public key in a peer id.

    Raises:
        ValueError: no base 58, or not the identity multihash of an Ed25519 key.
    """
    multihash = base58_decode(text)
    if len(multihash) != len(_PREFIX) + 32 or not multihash.startswith(_PREFIX):
        raise ValueError(
            f"{text!r} is not the peer id of an Ed25519 key: such ids start with 12D3Koo and have 52 characters"
        )
    return Ed25519PublicKey(multihash[len(_PREFIX) :])


def base58_encode(data: bytes) -> str:
    """Return bytes in base 58 with the Bitcoin alphabet. Each leading zero byte becomes a ``1``."""
    number = int.from_bytes(data, "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    leading_zeros = len(data) - len(data.lstrip(b"\0"))
    return _ALPHABET[0] * leading_zeros + "".join(reversed(digits))


def base58_decode(text: str) -> bytes:
    """Read bytes in base 58 with the Bitcoin alphabet.

    Raises:
        ValueError: a character outside the alphabet, named with its position.
    """
    number = 0
    for position, digit in enumerate(text):
        if digit not in _DIGIT_VALUES:
            raise ValueError(f"{digit!r} at position {position} of {text!r} is not a base 58 digit")
        number = number * 58 + _DIGIT_VALUES[digit]
    leading_zeros = len(text) - len(text.lstrip(_ALPHABET[0]))
    return bytes(leading_zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
