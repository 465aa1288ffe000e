"""The runs in pytest's own reports: each test has the directories and reports of the runs that it made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from nomos_testing.pytest_plugin.network import RunningNetwork

TEST: Final = pytest.StashKey[pytest.Item]()
"""The test that runs now, in the stash of the configuration."""
NETWORK: Final = pytest.StashKey["RunningNetwork"]()
"""The network that is running for the tests of a module, in the stash of the module."""
_RUN_DIRECTORIES: Final = pytest.StashKey[list[Path]]()


def attach(test: pytest.Item, run_directory: Path) -> None:
    """Attach a run to the reports of a test. Its reports may be written later."""
    from nomos_testing.runtime.run_directory import JUNIT_NAME, REPORT_NAME

    directories = test.stash.setdefault(_RUN_DIRECTORIES, [])
    if run_directory not in directories:
        directories.append(run_directory)
        test.user_properties += [
            ("nomos_run", str(run_directory)),
            ("nomos_report", str(run_directory / REPORT_NAME)),
            ("nomos_junit", str(run_directory / JUNIT_NAME)),
        ]


def shared_network(test: pytest.Item) -> RunningNetwork | None:
    """Return the running network that a test uses; None if it uses none, or the network has not come up."""
    if "running_network" not in getattr(test, "fixturenames", ()):
        return None
    return next((node.stash[NETWORK] for node in test.listchain() if NETWORK in node.stash), None)


def add_section(test: pytest.Item, report: pytest.TestReport) -> None:
    """Name the files of the test's runs in a section of a report. pytest shows it with a failure."""
    lines = [_files(directory) for directory in test.stash.get(_RUN_DIRECTORIES, [])]
    if lines and report.when == "call":
        report.sections.append(("nomos runs", "\n".join(lines)))


def _files(run_directory: Path) -> str:
    from nomos_testing.runtime.run_directory import JUNIT_NAME, REPORT_NAME

    there = [name for name in (REPORT_NAME, JUNIT_NAME) if (run_directory / name).is_file()]
    return f"{run_directory}: {', '.join(there) or 'its reports are written when its network ends'}"
