"""Hashes that name transactions: Poseidon2 over a tag and the canonical bytes in chunks of 31 bytes.

The proofs of a transaction are not hashed, so a transaction keeps its hash when it is signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from nomos_core import field, poseidon2
from nomos_core.identifiers import LedgerTxHash, TxHash
from nomos_core.mantle.transactions import LedgerTx, MantleTx
from nomos_core.mantle.transactions_binary import encode_ledger_tx, encode_mantle_tx

_CHUNK: Final = 31
"""Bytes of a chunk: 31 bytes always fit in a field element, 32 do not."""
_MANTLE_TAG: Final = field.from_tag("NOMOS_MANTLE_TXHASH_V1")
_LEDGER_TAG: Final = field.from_tag("NOMOS_LEDGER_TXHASH_V1")


def tx_hash(tx: MantleTx) -> TxHash:
    """Return the hash of a Mantle transaction: the tag ``NOMOS_MANTLE_TXHASH_V1`` and the bytes of
    ``encode_mantle_tx``.

    Raises:
        ValueError: the transaction has no canonical bytes (a locator is too long or no multiaddress).
    """
    return TxHash(poseidon2.digest((_MANTLE_TAG, *_chunks(encode_mantle_tx(tx)))))


def ledger_tx_hash(tx: LedgerTx) -> LedgerTxHash:
    """Return the hash of a ledger transaction: the tag ``NOMOS_LEDGER_TXHASH_V1`` and its canonical bytes."""
    return LedgerTxHash(poseidon2.digest((_LEDGER_TAG, *_chunks(encode_ledger_tx(tx)))))


def _chunks(data: bytes) -> Iterator[int]:
    return (int.from_bytes(data[start : start + _CHUNK], "little") for start in range(0, len(data), _CHUNK))
