"""Scenario files as tests: ``--nomos-scenarios DIR`` collects every ``.yaml`` and ``.yml`` file of a directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


class ScenarioFile(pytest.File):
    """A scenario file. It has one test, whose name is the file's."""

    def collect(self) -> Iterator[pytest.Item]:
        yield ScenarioItem.from_parent(self, name=self.path.stem)


class ScenarioItem(pytest.Item):
    """The run of a scenario file. A file that cannot be read or built fails when it is its turn."""

    def runtest(self) -> None:
        """Run the scenario and fail if it does not pass."""
        # Not before: collection must be fast.
        from nomos_testing.pytest_plugin.runs import runs_of
        from nomos_testing.scenario.file.loader import load_scenario
        from nomos_testing.settings import Settings

        runs = runs_of(self.config)
        scenario = load_scenario(self.path, Settings.from_environ(), seed=runs.seed)
        runs.run(runs.deployer(), scenario, check=True)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Return the text of a failure that explains itself, without a traceback."""
        from nomos_testing.pytest_plugin.failure import ScenarioNotPassed
        from nomos_testing.scenario.errors import ScenarioError

        if isinstance(excinfo.value, ScenarioNotPassed | ScenarioError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the place and the name of the test."""
        return self.path, 0, f"scenario {self.name}"
