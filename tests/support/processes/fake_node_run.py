"""A program that runs a scenario over fake nodes; it exits as a runner does.

Run as ``python -m support.processes.fake_node_run DIRECTORY passing|failing|long``.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from nomos_testing.cli.run_and_report import run_scenario
from nomos_testing.runtime.errors import Interrupted
from nomos_testing.runtime.interfaces import Expectation, RunContext, RunPlan
from nomos_testing.scenario.scenario import Scenario
from support.processes.fake_node_scenario import fake_deployer, fake_scenario


class BreaksDown:
    """A workload that fails as soon as it runs."""

    name = "breaks_down"

    def expectations(self) -> tuple[Expectation, ...]:
        return ()

    def prepare(self, plan: RunPlan) -> None:
        """Nothing to check."""

    async def run(self, ctx: RunContext) -> None:
        raise ValueError("broken on purpose")


def scenario_of(mode: str) -> Scenario:
    if mode == "failing":
        return fake_scenario(seconds=60, workloads=[BreaksDown()])
    return fake_scenario(seconds=600 if mode == "long" else 0.3)


def main() -> None:
    directory, mode = Path(sys.argv[1]), sys.argv[2]
    deployer = fake_deployer(directory, fakes={0: {"ignore_sigterm": True, "start_child": True}})
    try:
        verdict = asyncio.run(run_scenario(deployer, scenario_of(mode)))
    except Interrupted as interrupted:
        sys.exit(interrupted.exit_code)
    sys.exit(0 if verdict.passed else 1)


if __name__ == "__main__":
    main()
