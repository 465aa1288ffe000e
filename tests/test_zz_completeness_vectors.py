"""No golden vector goes unread: runs after all other vector tests, in the same process."""

from __future__ import annotations

import pytest

from support.inputs.golden import all_files, unread_leaves


@pytest.mark.parametrize("file", all_files())
def test_every_leaf_of_the_vector_file_was_read(file: str, request: pytest.FixtureRequest) -> None:
    if getattr(request.config, "vector_tests_left_out", False):
        pytest.skip("only a part of the vector tests was selected")
    unread = unread_leaves(file)
    shown = "\n  ".join(unread[:40])
    assert not unread, f"{len(unread)} leaves of {file} were compared by no test:\n  {shown}"
