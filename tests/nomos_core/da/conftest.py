"""The parameters that the tests of data availability commit with: a small set-up made here, and the protocol's own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from golden import Golden
from nomos_core.da.kzg_generator import generated_params
from nomos_core.da.kzg_params import KzgParams

SMALL_POWERS = 17
_BESIDE_THE_REPOSITORY = Path(__file__).parents[4] / "shared" / "data" / "kzgrs_test_params"
_ABSENT = "the real KZG parameters are not on this machine"


@pytest.fixture(scope="session")
def small_file() -> bytes:
    return generated_params(SMALL_POWERS)


@pytest.fixture(scope="session")
def small_params(small_file: bytes) -> KzgParams:
    return KzgParams.parse(small_file, "small set-up")


@pytest.fixture(scope="session")
def real_params_path() -> Path:
    """The file that the golden vectors were made with: ``$NOMOS_TEST_KZG_PARAMS``, or beside the repository."""
    path = Path(os.environ.get("NOMOS_TEST_KZG_PARAMS") or _BESIDE_THE_REPOSITORY)
    if not path.is_file():
        pytest.skip(f"{_ABSENT}: set NOMOS_TEST_KZG_PARAMS")
    return path


@pytest.fixture(scope="session")
def real_params(real_params_path: Path) -> KzgParams:
    return KzgParams.load(real_params_path)


@pytest.fixture
def params_of(request: pytest.FixtureRequest) -> Callable[[Golden], KzgParams]:
    """The real parameters, for a vector that needs them and is excused where they are absent."""

    def params(entry: Golden) -> KzgParams:
        try:
            found: KzgParams = request.getfixturevalue("real_params")
        except pytest.skip.Exception:
            entry.not_compared(_ABSENT)
            raise
        return found

    return params
