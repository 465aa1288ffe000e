"""Types of the protocol's hashes and keys, so that the type checker tells a note id from a block id.

Byte identifiers are 32 raw bytes. Field identifiers are integers from 0 to ``field.MODULUS - 1``.
"""

from string import hexdigits
from typing import Final, NewType

_HEX_DIGITS: Final = frozenset(hexdigits)

HeaderId = NewType("HeaderId", bytes)
"""Id of a block: Blake2b-256 of its header (``Header.id``)."""
ContentId = NewType("ContentId", bytes)
"""Merkle root over the hashes of a block's transactions (``block_root``)."""
ChannelId = NewType("ChannelId", bytes)
"""Name of a channel, chosen by who first writes to it."""
MsgId = NewType("MsgId", bytes)
"""Id of a channel message: Blake2b-256 of its operation's payload. The last one is the tip of the channel."""
BlobId = NewType("BlobId", bytes)
"""Id of a blob: Blake2b-256 of its row commitments in uncompressed form."""
DeclarationId = NewType("DeclarationId", bytes)
"""Id of a service declaration: Blake2b-256 of its fields (``declaration_id``)."""
Ed25519PublicKey = NewType("Ed25519PublicKey", bytes)
"""Encoded point of Curve25519, canonical or not (``parse_ed25519_public``)."""
Ed25519Signature = NewType("Ed25519Signature", bytes)
"""Signature of 64 bytes."""
ZkSignature = NewType("ZkSignature", bytes)
"""Zero-knowledge signature of 128 bytes: compressed BN254 points ``pi_a`` (32), ``pi_b`` (64) and ``pi_c`` (32)."""

TxHash = NewType("TxHash", int)
"""Hash of a Mantle transaction (``mantle.hashes.tx_hash``)."""
LedgerTxHash = NewType("LedgerTxHash", int)
"""Hash of the ledger part of a transaction (``mantle.hashes.ledger_tx_hash``)."""
NoteId = NewType("NoteId", int)
"""Id of a note (``mantle.notes``)."""
ZkPublicKey = NewType("ZkPublicKey", int)
"""Public key of a note or a provider (``zk_public_key``)."""

ROOT_MSG_ID = MsgId(bytes(32))
"""Parent of the first message of a channel."""


def bytes_from_hex(text: str, size: int = 32) -> bytes:
    """Read a byte identifier or an Ed25519 key: ``2 * size`` hex digits, with or without ``0x``.

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
