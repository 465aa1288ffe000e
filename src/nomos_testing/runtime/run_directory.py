"""The directory of a run, ``<runs-dir>/<run id>/``: the journal, the plan, and a directory for each node.

After success, the journal, the plan and the nodes' configurations are kept. After a failure, everything is kept.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nomos_testing.journal.journal import JOURNAL_NAME
from nomos_testing.surroundings import THIS_MACHINE, Surroundings

DEFAULT_RUNS_DIRECTORY = Path(".tmp/runs")
PLAN_NAME = "plan.json"
SCENARIO_NAME = "scenario.yaml"
REPORT_NAME = "report.html"
JUNIT_NAME = "junit.xml"
_KEPT_AFTER_SUCCESS = "*.yaml"

_log = logging.getLogger(__name__)


def name_for_files(text: str) -> str:
    """Return a text as part of a file name: other characters than letters, digits, ``._-`` become ``-``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The directory of one run."""

    run_id: str
    path: Path
    """Absolute path."""

    @classmethod
    def create(cls, runs_directory: Path, scenario: str, *, surroundings: Surroundings = THIS_MACHINE) -> RunDirectory:
        """Make a new directory. Its name has the scenario, the local time and four random digits.

        Raises:
            OSError: it cannot be made.
        """
        name = name_for_files(scenario) or "run"
        local_time = surroundings.utc().astimezone()
        run_id = f"{name}-{local_time:%Y%m%d-%H%M%S}-{surroundings.rng.randbytes(2).hex()}"
        path = runs_directory.absolute() / run_id
        path.mkdir(parents=True)
        return cls(run_id, path)

    @property
    def journal(self) -> Path:
        """Path of the journal."""
        return self.path / JOURNAL_NAME

    def node(self, name: str) -> Path:
        """Return the directory of a node, which is also its working directory. Makes it at the first call."""
        directory = self.path / name
        directory.mkdir(exist_ok=True)
        return directory

    def write_plan(self, plan: Mapping[str, Any]) -> None:
        """Write the plan of the run."""
        (self.path / PLAN_NAME).write_text(json.dumps(plan, indent=2, default=str) + "\n", encoding="utf-8")
        _log.debug("wrote the plan of the run: %s", self.path / PLAN_NAME)

    def write_scenario(self, text: str, plugins: Mapping[str, bytes]) -> None:
        """Keep the scenario as a file that can be run again, and its plugin files beside it."""
        (self.path / SCENARIO_NAME).write_text(text, encoding="utf-8")
        for name, content in plugins.items():
            (self.path / name).write_bytes(content)
        _log.debug("wrote the scenario: %s", self.path / SCENARIO_NAME)

    def prune(self) -> None:
        """Delete everything of the nodes except their configurations."""
        for log in self.path.glob("*.log"):
            log.unlink()
        for directory in self.node_directories():
            kept = set(directory.glob(_KEPT_AFTER_SUCCESS))
            for entry in set(directory.iterdir()) - kept:
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()

    def node_directories(self) -> Iterator[Path]:
        """Return the directories of all nodes that the run has had so far."""
        return (entry for entry in self.path.iterdir() if entry.is_dir())
