"""The names of the protocol's hashes and keys, so that a note id is never taken for a block id.

Byte identifiers are 32 raw bytes; field identifiers are integers in ``[0, field.MODULUS)``.
"""

from string import hexdigits
from typing import Final, NewType

_HEX_DIGITS: Final = frozenset(hexdigits)

HeaderId = NewType("HeaderId", bytes)
"""Blake2b-256 of a block header; also the block's id."""
ContentId = NewType("ContentId", bytes)
"""Merkle root over a block's transaction hashes (``block_root``)."""
ChannelId = NewType("ChannelId", bytes)
MsgId = NewType("MsgId", bytes)
"""Blake2b-256 of a channel operation; the tip of a channel."""
BlobId = NewType("BlobId", bytes)
DeclarationId = NewType("DeclarationId", bytes)
Ed25519PublicKey = NewType("Ed25519PublicKey", bytes)
Ed25519Signature = NewType("Ed25519Signature", bytes)
"""64 bytes."""
ZkSignature = NewType("ZkSignature", bytes)
"""128 bytes: ``pi_a`` (32) || ``pi_b`` (64) || ``pi_c`` (32), compressed BN254 points."""

TxHash = NewType("TxHash", int)
LedgerTxHash = NewType("LedgerTxHash", int)
NoteId = NewType("NoteId", int)
ZkPublicKey = NewType("ZkPublicKey", int)

ROOT_MSG_ID = MsgId(bytes(32))
"""The parent of the first message of a channel."""


def bytes_from_hex(text: str, size: int = 32) -> bytes:
    """Read a byte identifier or an Ed25519 key: hex digits, with or without ``0x``.

    Raises:
        ValueError: in the real node's words, which its HTTP answers quote.
    """
    digits = text.removeprefix("0x")
    if len(digits) % 2:
        raise ValueError("odd number of digits")
    if len(digits) != 2 * size:
        raise ValueError("invalid string length")
    for position, digit in enumerate(digits):
        if digit not in _HEX_DIGITS:
            raise ValueError(f"invalid character {digit!r} at position {position}")
    return bytes.fromhex(digits)
