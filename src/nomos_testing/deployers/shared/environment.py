"""The environment of nodes, which is the caller's without variables that override a configuration, and the prover."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nomos_core.proofs.circuits import circuits_of
from nomos_core.proofs.prover import Prover
from nomos_core.proofs.selection import DEVELOPMENT_MODE_VARIABLE, PROVER_VARIABLE, ProverUnavailable, select_prover
from nomos_testing.deployers.shared.errors import Problem
from nomos_testing.proof_cache import CachingProver, proof_directory
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
    """Return the environment of every node of a run.

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
    """Choose the prover of the runner, in the environment of the nodes. Real proofs are kept for the next run."""
    try:
        prover = select_prover(environment)
    except ProverUnavailable as error:
        return Problem(str(error), "set POL_PROOF_DEV_MODE=true to run with development proofs")
    if prover.name != "groth16":
        return prover
    caching = CachingProver(
        prover, proof_directory(environment), identity=circuits_of(environment).verification_key.read_bytes()
    )
    caching.prune()
    return caching


def makes_real_proofs(environ: Mapping[str, str], settings: Settings) -> bool:
    """Tell whether runs in this environment sign with the circuits. False also if no prover is available."""
    try:
        return select_prover({**environ, **node_environment(environ, settings)}).name == "groth16"
    except ProverUnavailable:
        return False
