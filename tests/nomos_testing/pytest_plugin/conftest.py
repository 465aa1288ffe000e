"""A project outside of this repository whose networks are fake nodes: real processes that start at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.processes.fake_node_processes import TESTS

CONFTEST = """
import pytest
from support.processes.fake_node_scenario import fake_deployer

@pytest.fixture(scope="session")
def deployer(tmp_path_factory):
    return fake_deployer(tmp_path_factory.mktemp("place"))
"""
SETTINGS = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """The project, whose tests may use ``support``."""
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    pytester.makeini(SETTINGS)
    pytester.makeconftest(CONFTEST)
    return pytester


@pytest.fixture
def outcome(project: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Runs pytest on the project in a process of its own."""

    def run(*arguments: str) -> pytest.RunResult:
        return project.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=240)

    return run
