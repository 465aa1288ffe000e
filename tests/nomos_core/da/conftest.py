"""The parameters that the tests of data availability commit with: a small set-up made here, and the protocol's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nomos_core.da.kzg_generator import generated_params
from nomos_core.da.kzg_params import KzgParams

SMALL_POWERS = 17
_BESIDE_THE_REPOSITORY = Path(__file__).parents[4] / "shared" / "data" / "kzgrs_test_params"
_FIRST_POWERS = Path(__file__).parents[2] / "vectors/kzgrs_test_params_of_64_powers"
"""Cut from the protocol's own file: more than any golden vector needs."""


@pytest.fixture(scope="session")
def small_file() -> bytes:
    return generated_params(SMALL_POWERS)


@pytest.fixture(scope="session")
def small_params(small_file: bytes) -> KzgParams:
    return KzgParams.parse(small_file, "small set-up")


@pytest.fixture(scope="session")
def real_params_path() -> Path:
    """The protocol's own file, whole: ``$NOMOS_TEST_KZG_PARAMS``, or beside the repository."""
    path = _real_params_path()
    if not path.is_file():
        pytest.skip("the real KZG parameters are not on this machine: set NOMOS_TEST_KZG_PARAMS")
    return path


@pytest.fixture(scope="session")
def real_params() -> KzgParams:
    """The parameters that the golden vectors were made with: at least the first 64 powers."""
    path = _real_params_path()
    return KzgParams.load(path if path.is_file() else _FIRST_POWERS)


def _real_params_path() -> Path:
    return Path(os.environ.get("NOMOS_TEST_KZG_PARAMS") or _BESIDE_THE_REPOSITORY)
