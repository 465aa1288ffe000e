"""The environment of nodes: the caller's, without what would silently reconfigure a node; and the prover it chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nomos_core.proofs.prover import Prover
from nomos_core.proofs.selection import DEVELOPMENT_MODE_VARIABLE, PROVER_VARIABLE, ProverUnavailable, select_prover
from nomos_testing.deployers.errors import Problem
from nomos_testing.settings import Settings

NODE_OVERRIDES: Final = frozenset(
    {
        *("LOG_ADDR", "LOG_BACKEND", "LOG_DIR", "LOG_LEVEL", "LOG_PATH"),
        *("NET_HOST", "NET_INITIAL_PEERS", "NET_NODE_KEY", "NET_PORT"),
        *("BLEND_ADDR", "CONSENSUS_CHAIN_START", "CONSENSUS_UTXO_SK", "HTTP_CORS_ORIGIN", "HTTP_HOST"),
    }
)
"""Variables that override a node's configuration file. All nodes would get the same port, key or log file."""


def node_environment(base: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """What every node of a run gets.

    Development proofs are on unless the settings turn them off; off means that the variable is not there, because the
    real node only looks whether it is.
    """
    environment = {name: value for name, value in base.items() if name not in NODE_OVERRIDES}
    if settings.pol_proof_dev_mode is False:
        environment.pop(DEVELOPMENT_MODE_VARIABLE, None)
    else:
        environment[DEVELOPMENT_MODE_VARIABLE] = "true"
    environment.pop(PROVER_VARIABLE, None)  # the settings have refused a prover that does not exist
    if settings.prover is not None:
        environment[PROVER_VARIABLE] = settings.prover
    return environment


def find_prover(environment: Mapping[str, str]) -> Prover | Problem:
    """Who signs for us, in the environment of the nodes."""
    try:
        return select_prover(environment)
    except ProverUnavailable as error:
        return Problem(str(error), "set POL_PROOF_DEV_MODE=true to run with development proofs")
