"""Lottery of the wallet: all notes take part in every slot.

The values that all slots of an epoch share are kept. So a thousand notes cost only milliseconds a slot.
"""

from __future__ import annotations

from nomos_core.cryptarchia.leadership import Lottery
from nomos_core.identifiers import NoteId
from nomos_core.ledger.consensus import EpochState
from nomos_core.ledger.utxo_tree import UtxoTree
from nomos_node.wallet.wallet import Wallet


class Tickets:
    """Notes of the wallet in the lottery. All use the same secret key: that of the leader."""

    def __init__(self, wallet: Wallet, secret_key: int, active_slot_coeff: float) -> None:
        self._wallet = wallet
        self._secret_key = secret_key
        self._active_slot_coeff = active_slot_coeff
        self._epoch: EpochState | None = None
        self._lottery: Lottery | None = None

    def winning_note(self, slot: int, epoch: EpochState, latest: UtxoTree) -> NoteId | None:
        """Return the first winning note of a slot.

        Notes take part that are aged in the epoch and still unspent. Their order is that of the wallet.
        """
        if self._lottery is None or self._epoch != epoch:
            self._lottery = self._lottery_of(epoch)
            self._epoch = epoch
        return self._lottery.winning_note(slot, latest)

    def _lottery_of(self, epoch: EpochState) -> Lottery:
        notes = [(utxo.id, utxo.note.value) for utxo in self._wallet.aged_notes(epoch)]
        return Lottery(notes, self._secret_key, epoch.nonce, epoch.total_stake, self._active_slot_coeff)
