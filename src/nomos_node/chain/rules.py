"""Rules that every check of a block needs: the ledger parameters of the network, and the prover."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_core.ledger.config import LedgerConfig
from nomos_core.proofs.prover import Prover


@dataclass(frozen=True, slots=True)
class LedgerRules:
    """Ledger parameters and prover."""

    config: LedgerConfig
    prover: Prover
