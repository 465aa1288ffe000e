"""What the tests of the node share: KZG parameters for blobs of few columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_core.da.kzg_generator import write_test_params

SMALL_POWERS = 17


@pytest.fixture(scope="session")
def kzg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("kzg") / "kzgrs_test_params"
    write_test_params(file, SMALL_POWERS)
    return file


@pytest.fixture(scope="session")
def kzg_file_of_64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For blobs of as many columns as are encoded in a process of their own."""
    file = tmp_path_factory.mktemp("kzg") / "kzgrs_test_params"
    write_test_params(file, 65)
    return file
