"""The plan of a scenario's faults: the requests of all workloads, planned together and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from nomos_testing.faults.errors import FaultPlanError, FieldPath
from nomos_testing.faults.fault import Control
from nomos_testing.faults.plan import FaultPlan, PlannedFault
from nomos_testing.faults.planner import Frame, Request, check_plan, make_plan
from nomos_testing.runtime.interfaces import AnyWorkload, RunPlan


@runtime_checkable
class PlansFaults(Protocol):
    """A workload whose faults are part of the plan, so that no two faults exclude each other."""

    def fault_requests(self, plan: RunPlan, path: FieldPath) -> Sequence[Request]:
        """Return the faults to plan. ``path`` is the place of the workload in a scenario file.

        Raises:
            ValueError: it makes no sense in this run.
        """
        ...


def with_faults(plan: RunPlan, workloads: Sequence[AnyWorkload], made: FaultPlan | None = None) -> RunPlan:
    """Return the plan with its faults, or with those of ``made``. Faults of links turn network control on.

    Raises:
        FaultPlanError: a fault makes no sense in this run, or the run may not do it.
        ValueError: what a workload asks for does not fit the run.
    """
    frame = Frame(
        nodes=plan.topology.node_names,
        run_seconds=plan.metrics.run_duration,
        slot_seconds=plan.topology.slot_duration,
        seed=plan.seed,
    )
    requests = [
        request
        for index, workload in enumerate(workloads)
        if isinstance(workload, PlansFaults)
        for request in workload.fault_requests(plan, ("workloads", index))
    ]
    if made is None:
        made = make_plan(requests, frame)
    else:
        check_plan(made, frame)
    if not plan.node_control:
        _refuse_faults_of_nodes(made)
    return replace(plan, faults=made, network_control=plan.network_control or bool(made.needing(Control.NETWORK)))


def _refuse_faults_of_nodes(faults: FaultPlan) -> None:
    refused: PlannedFault | None = next((item for item in faults if item.fault.control is not Control.NETWORK), None)
    if refused is not None:
        raise FaultPlanError(
            refused.path,
            f"{refused.fault.kind} needs node control; call enable_node_control(), or say node_control: true in a file",
        )
