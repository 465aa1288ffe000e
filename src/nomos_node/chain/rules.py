"""What every check of a block needs beside the block: the network's ledger parameters and the prover."""

from __future__ import annotations

from dataclasses import dataclass

from nomos_core.ledger.config import LedgerConfig
from nomos_core.proofs.prover import Prover


@dataclass(frozen=True, slots=True)
class LedgerRules:
    config: LedgerConfig
    prover: Prover
