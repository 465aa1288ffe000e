"""Posting of declarations. They are signed with keys of zero, which everybody knows, as at this revision of the
protocol.

So a ledger accepts only declarations of those keys. The protocol does not yet store which declaration belongs to a
node. So activity and withdrawals have nothing to refer to: they are answered, logged and dropped.
"""

from __future__ import annotations

import logging

from nomos_core.identifiers import DeclarationId
from nomos_core.keys import Ed25519Key
from nomos_core.mantle.operations import BlendActivity, DaActivity, SDPDeclare
from nomos_core.mantle.operations_binary import declaration_id
from nomos_core.mantle.signing import ZkAndEd25519Signer, sign_transaction
from nomos_core.mantle.transactions import MantleTx
from nomos_core.proofs.prover import Prover
from nomos_node.mempool.gossip import TransactionGossip
from nomos_node.workers import Worker

_log = logging.getLogger("nomos_sdp")
_SIGNER = ZkAndEd25519Signer((0,), Ed25519Key(bytes(32)))


class DeclarationPosting:
    """Poster of declarations. ``worker`` signs the transactions, which may take seconds."""

    def __init__(self, gossip: TransactionGossip, prover: Prover, worker: Worker) -> None:
        self._gossip = gossip
        self._prover = prover
        self._worker = worker

    async def declare(self, declaration: SDPDeclare) -> DeclarationId:
        """Sign and submit a declaration. Return its id.

        Raises:
            ProofError: the prover failed.
            AlreadyInMempool, TransactionTooLarge, StorageError: as ``Mempool.add``.
        """
        _log.debug("signing the declaration of provider %s", declaration.provider_id.hex())
        transaction = await self._worker.run(
            sign_transaction, MantleTx((declaration,)), operation_signers=(_SIGNER,), prover=self._prover
        )
        await self._gossip.submit(transaction)
        identifier = declaration_id(declaration)
        _log.info("posted declaration %s in transaction %064x", identifier.hex(), transaction.hash)
        return identifier

    def report_activity(self, activity: DaActivity | BlendActivity) -> None:
        """Log that activity can't be posted."""
        _log.error("No declaration_id set. Cannot post activity without declaration.")

    def withdraw(self, declaration: DeclarationId) -> None:
        """Log that a withdrawal can't be posted."""
        _log.error("No declaration_id set. Cannot post withdrawal without declaration.")
