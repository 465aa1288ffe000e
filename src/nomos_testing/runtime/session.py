"""One scenario from start to end, for programs: signals end it in order, and nothing is left behind."""

from __future__ import annotations

from nomos_testing.deployers.interface import Deployer
from nomos_testing.runtime.outcome import Verdict
from nomos_testing.runtime.signals import stopped_by_signals
from nomos_testing.scenario.scenario import Scenario


async def run_scenario(deployer: Deployer, scenario: Scenario) -> Verdict:
    """Deploy, run, judge and tear down.

    Raises:
        DeployError: the network did not come up.
        Interrupted: SIGINT, SIGTERM or SIGHUP ended the run; its ``exit_code`` is the shell's convention.
    """
    with stopped_by_signals():
        async with deployer.deployed(scenario) as runner:
            return await runner.run()
