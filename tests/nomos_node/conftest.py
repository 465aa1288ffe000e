"""What the tests of the node share."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_core.da.kzg_generator import write_test_params


@pytest.fixture(scope="session")
def kzg_file_of_64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For blobs of as many columns as are encoded in a process of their own."""
    file = tmp_path_factory.mktemp("kzg") / "kzgrs_test_params"
    write_test_params(file, 65)
    return file
