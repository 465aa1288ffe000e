"""Groups of tests stay in one process; the check that all vectors were read comes last; makes what many tests need."""

from __future__ import annotations

import functools
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from nomos_core.da.kzg_generator import write_test_params

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

# The asserts of shared modules explain themselves, and hold under `python -O` too.
pytest.register_assert_rewrite("support")

# A busy machine is no reason to fail: examples are bounded in number, not in time.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

_COMPLETENESS = "test_zz_completeness_vectors.py"
_ROOT = Path(__file__).parent
_SMALL_POWERS = 17


@pytest.fixture(scope="session")
def kzg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """KZG parameters for blobs of few columns."""
    file = tmp_path_factory.mktemp("kzg") / "kzgrs_test_params"
    write_test_params(file, _SMALL_POWERS)
    return file


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Tests on a cluster run beside each other, but not beside one that takes its API server away."""
    if item.get_closest_marker("kubernetes") is None:
        return (yield)
    from support.processes.kubernetes_cluster import undisturbed

    with undisturbed():
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Each group of tests stays with one worker, in order; other tests go anywhere."""
    from xdist.scheduler import LoadScopeScheduling

    class GroupsTogether(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group_of(config.rootpath / nodeid.partition("::")[0]) or nodeid

    return GroupsTogether(config, log)


@functools.cache
def _group_of(file: Path) -> str | None:
    """Only the process of vector tests knows what they have read; tests with Docker look at all that the daemon has."""
    if file.name.endswith("_vectors.py"):
        return "vectors"
    return "docker" if "pytest.mark.docker" in file.read_text() else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name == _COMPLETENESS)
    collected = {item.path for item in items}
    all_vector_files = set(_ROOT.rglob("test_*_vectors.py"))
    config.vector_tests_left_out = not all_vector_files <= collected or _single_tests_selected(config)  # type: ignore[attr-defined]


def _single_tests_selected(config: pytest.Config) -> bool:
    return any("::" in str(argument) for argument in config.args) or config.getoption("keyword") not in {"", "vector"}
