"""The node's tickets: the lottery over all notes of the wallet, drawn anew for every slot.

What a draw shares with the other slots of its epoch is kept, so that a thousand notes cost milliseconds a slot.
"""

from __future__ import annotations

from nomos_core.cryptarchia.leadership import Lottery
from nomos_core.identifiers import NoteId
from nomos_core.ledger.consensus import EpochState
from nomos_core.ledger.utxo_tree import UtxoTree
from nomos_node.wallet.wallet import Wallet


class Tickets:
    """Every note plays with the same secret key, the leader's."""

    def __init__(self, wallet: Wallet, secret_key: int, active_slot_coeff: float) -> None:
        self._wallet = wallet
        self._secret_key = secret_key
        self._active_slot_coeff = active_slot_coeff
        self._epoch: EpochState | None = None
        self._lottery: Lottery | None = None

    def winning_note(self, slot: int, epoch: EpochState, latest: UtxoTree) -> NoteId | None:
        """The first of the wallet's notes, aged in the epoch and unspent still, that wins the slot."""
        if self._lottery is None or self._epoch != epoch:
            self._lottery = self._lottery_of(epoch)
            self._epoch = epoch
        return self._lottery.winning_note(slot, latest)

    def _lottery_of(self, epoch: EpochState) -> Lottery:
        notes = [(utxo.id, utxo.note.value) for utxo in self._wallet.aged_notes(epoch)]
        return Lottery(notes, self._secret_key, epoch.nonce, epoch.total_stake, self._active_slot_coeff)
