"""Wallet: the notes of the keys in ``wallet.known_keys``, and transactions that spend them.

It reads the ledger after the block that it is asked about. It knows keys by their public halves. It signs with the
secret ones of ``key_management.keys``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from nomos_core import field
from nomos_core.identifiers import HeaderId, ZkPublicKey
from nomos_core.ledger.consensus import EpochState
from nomos_core.ledger.utxo_tree import UtxoTree
from nomos_core.mantle.gas import gas_cost
from nomos_core.mantle.notes import Utxo
from nomos_core.mantle.signing import sign_transaction
from nomos_core.mantle.transactions import LedgerTx, MantleTx, Note, SignedMantleTx
from nomos_node.chain.chain import Chain

NotesByKey = Mapping[ZkPublicKey, Sequence[Utxo]]


class WalletError(Exception):
    """Error: the request can't be served. The message says why."""


class Wallet:
    """Wallet on one chain."""

    def __init__(self, chain: Chain, known_keys: Iterable[ZkPublicKey], secret_keys: Mapping[str, int]) -> None:
        """Make a wallet. The keys of ``secret_keys`` are the hex forms of the public keys."""
        self._chain = chain
        self._known = frozenset(known_keys)
        self._secrets = secret_keys
        self._notes_by_key = lru_cache(maxsize=4)(self._owned_notes)

    def balance(self, key: ZkPublicKey, tip: HeaderId) -> int | None:
        """Return the value of a known key's notes after block ``tip``. None for an unknown key or one without notes.

        Raises:
            WalletError: the block is not in the tree.
        """
        notes = self._notes_at(tip).get(key)
        return sum(utxo.note.value for utxo in notes) if notes else None

    def aged_notes(self, epoch: EpochState) -> list[Utxo]:
        """Return our notes in the stake distribution of an epoch, in the order of its tree. Spent ones are included."""
        return [utxo for utxo in epoch.utxos if utxo.note.public_key in self._known]

    def fund_transfer(
        self, tip: HeaderId, *, amount: int, recipient: ZkPublicKey, funding: Sequence[ZkPublicKey], change: ZkPublicKey
    ) -> SignedMantleTx:
        """Make a signed transaction that pays ``amount`` from the notes of the funding keys, the largest first.

        Raises:
            WalletError: the block is unknown, the funds do not suffice, or a secret key is missing.
            ProofError: the prover failed.
        """
        notes = self._notes_at(tip)
        available = [utxo for key in dict.fromkeys(funding) for utxo in notes.get(key, ())]
        available.sort(key=lambda utxo: -utxo.note.value)
        inputs, mantle_tx = _funded(available, Note(amount, recipient), change)
        secrets = [self._secret(utxo.note.public_key) for utxo in inputs]
        return sign_transaction(mantle_tx, ledger_keys=secrets, prover=self._chain.rules.prover)

    def _notes_at(self, tip: HeaderId) -> NotesByKey:
        state = self._chain.state(tip)
        if state is None:
            raise WalletError(f"Requested wallet state for unknown block: 0x{tip.hex()}")
        return self._notes_by_key(state.utxos)

    def _owned_notes(self, utxos: UtxoTree) -> NotesByKey:
        owned: dict[ZkPublicKey, list[Utxo]] = {}
        for utxo in utxos:
            if utxo.note.public_key in self._known:
                owned.setdefault(utxo.note.public_key, []).append(utxo)
        return owned

    def _secret(self, key: ZkPublicKey) -> int:
        key_id = field.to_hex(key)
        try:
            return self._secrets[key_id]
        except KeyError:
            raise WalletError(f"KMS API error: key_management.keys has no secret key {key_id}") from None


def _funded(available: Sequence[Utxo], payment: Note, change: ZkPublicKey) -> tuple[Sequence[Utxo], MantleTx]:
    """Return the fewest notes, in their order, that cover payment and fee, and the transaction that spends them."""
    for count in range(1, len(available) + 1):
        inputs = available[:count]
        exact = _transfer(inputs, payment)
        surplus = _surplus(inputs, exact)
        if surplus == 0:
            return inputs, exact
        with_change = _surplus(inputs, _transfer(inputs, payment, Note(0, change)))
        if surplus > 0 and with_change > 0:
            return inputs, _transfer(inputs, payment, Note(with_change, change))
    total = sum(utxo.note.value for utxo in available)
    raise WalletError(f"Wallet does not have enough funds, available={total}")


def _transfer(inputs: Sequence[Utxo], *outputs: Note) -> MantleTx:
    return MantleTx(ledger_tx=LedgerTx(tuple(utxo.id for utxo in inputs), outputs))


def _surplus(inputs: Sequence[Utxo], mantle_tx: MantleTx) -> int:
    spent = sum(utxo.note.value for utxo in inputs)
    return spent - sum(note.value for note in mantle_tx.ledger_tx.outputs) - gas_cost(mantle_tx)
