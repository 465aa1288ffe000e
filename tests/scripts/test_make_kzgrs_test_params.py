"""``make kzgrs_test_params``: the file goes to the manual's place, once."""

from __future__ import annotations

import pytest

from support.repository.repository_copy import Copy


@pytest.fixture
def prepared(copy: Copy) -> Copy:
    """The interpreter of the copy only shows what it is called with."""
    copy.program("scripts/prepare-venv.sh", '#!/bin/sh\necho "packages=$1"\n')
    copy.program(".venv/bin/python", '#!/bin/sh\necho "$@"\n')
    return copy


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({}, "testing-framework/assets/stack/kzgrs_test_params/kzgrs_test_params"),
        ({"NOMOS_KZG_DIR_REL": "elsewhere", "NOMOS_KZG_FILE": "parameters"}, "elsewhere/parameters"),
    ],
)
def test_it_goes_to_the_place_of_the_manual(prepared: Copy, environ: dict[str, str], path: str) -> None:
    done = prepared.run("make-kzgrs-test-params.sh", **environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"packages=run\n-m nomos_core.da.kzg_generator {path}\n"
