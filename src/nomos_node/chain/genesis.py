"""Genesis: the first ledger of a chain, and the reasons to refuse a genesis transaction."""

from __future__ import annotations

from nomos_core.ledger.errors import LedgerError
from nomos_core.ledger.state import LedgerState, genesis_state
from nomos_core.mantle.operations import ZkAndEd25519Proof
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.proofs.development import made_by_development_prover
from nomos_core.proofs.prover import Prover
from nomos_node.chain.rules import LedgerRules


class GenesisRefused(Exception):
    """Error: the genesis transaction is invalid, or was made by another prover. The message says which."""


def checked_genesis(transaction: SignedMantleTx, rules: LedgerRules) -> LedgerState:
    """Return the ledger after a genesis transaction.

    Raises:
        GenesisRefused: the transaction can't start a chain, or its declarations' proofs fail.
    """
    try:
        return genesis_state(transaction, rules.config, rules.prover)
    except (LedgerError, ValueError) as error:
        raise GenesisRefused(_defect(transaction, rules.prover, error)) from error


def _defect(transaction: SignedMantleTx, prover: Prover, error: Exception) -> str:
    proofs = [proof for proof in transaction.operation_proofs if isinstance(proof, ZkAndEd25519Proof)]
    development = [made_by_development_prover(proof.zk_signature) for proof in proofs]
    is_development = prover.name == "development"
    if proofs and all(made != is_development for made in development):
        maker = "another prover" if is_development else "the development prover"
        return (
            f"cryptarchia.service.starting_state: the genesis was made by {maker}, this node uses the {prover.name} "
            "prover: run all nodes, and whoever makes the genesis, with the same NOMOS_PROVER"
        )
    return f"cryptarchia.service.starting_state: the ledger refuses the genesis transaction: {error}"
