"""Keeps the vector tests in one process and their completeness check last."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no reason to fail: examples are bounded in number, not in time.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

_COMPLETENESS = "test_zz_completeness_vectors.py"
_ROOT = Path(__file__).parent


def _is_vector_test(path: Path) -> bool:
    return path.name.endswith("_vectors.py")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if _is_vector_test(item.path):
            item.add_marker(pytest.mark.xdist_group("vectors"))
    items.sort(key=lambda item: item.path.name == _COMPLETENESS)
    collected = {item.path for item in items}
    all_vector_files = set(_ROOT.rglob("test_*_vectors.py"))
    config.vector_tests_left_out = not all_vector_files <= collected or _single_tests_selected(config)  # type: ignore[attr-defined]


def _single_tests_selected(config: pytest.Config) -> bool:
    return any("::" in str(argument) for argument in config.args) or config.getoption("keyword") not in {"", "vector"}
