"""The preflight of faults, which all deployers share: a fault that cannot be injected is refused before the start."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path

from nomos_testing.deployers.shared.clock import find_library
from nomos_testing.deployers.shared.errors import Problem, outcome
from nomos_testing.faults.errors import dotted
from nomos_testing.faults.fault import Control
from nomos_testing.faults.plan import FaultPlan
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings

# The kernel tells a program by SIGXFSZ that a file may not grow. Python ignores the signal and gets an error from the
# write; a program that does not ignore it dies.
EMBEDDED_ONLY = Problem("only the embedded nodes get an error from a full disk", "use the embedded nodes, or kill")

_log = logging.getLogger(__name__)


def refused_faults(
    faults: FaultPlan,
    *,
    enabled: Collection[Control],
    deployer: str,
    capabilities: Collection[Control],
    obstacles: Mapping[Control, Problem],
) -> list[Problem]:
    """Return the reasons why a scenario's faults cannot be injected, each with the field that asks for the fault.

    Args:
        enabled: the kinds of control that the scenario enables; a workload may use them without a planned fault.
        capabilities: the kinds of control that the deployer has on any machine.
        obstacles: the kinds that it does not have in this case, with the reason.
    """
    lacking = {
        control: Problem(f"the deployer {deployer} has no {control}", "use another deployer, or other faults")
        for control in Control
        if control not in capabilities
    }
    problems = []
    for control, obstacle in {**obstacles, **lacking}.items():
        planned = faults.needing(control)
        problems += [
            Problem(f"{dotted((*each.path, each.fault.kind))}: {obstacle.what}", obstacle.remedy) for each in planned
        ]
        if control in enabled and not planned:
            problems.append(obstacle)
    return problems


def enabled_controls(scenario: Scenario) -> frozenset[Control]:
    """Return the kinds of control that a scenario enables as a whole."""
    enabled = {Control.NODES: scenario.node_control, Control.NETWORK: scenario.network_control}
    return frozenset(control for control, is_enabled in enabled.items() if is_enabled)


def clock_library(faults: FaultPlan, settings: Settings) -> Path | Problem | None:
    """Find the library that sets clocks, if a fault needs it."""
    if not faults.needing(Control.CLOCK):
        return None
    library = find_library(settings.faketime_library)
    _log.debug("preflight: the library that sets clocks: %s", outcome(library, str))
    return library
