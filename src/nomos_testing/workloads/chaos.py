"""The chaos workload of the original framework: it kills and starts nodes at random moments.

Parameters, defaults and messages are the original's. Two things differ. Each node has its own cooldown; in the original
the cooldown of one node delayed all others. And the seed determines which node restarts when, up to the end of the
run's duration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from nomos_testing.cluster.roles import Role
from nomos_testing.faults.durations import Span, Time, span
from nomos_testing.faults.errors import FieldPath
from nomos_testing.faults.execution import FaultFailed
from nomos_testing.faults.planner import Request
from nomos_testing.faults.schedule import RandomRestarts
from nomos_testing.runtime.interfaces import Expectation, RunContext, RunPlan
from nomos_testing.topology import TopologySpec
from nomos_testing.workloads.faults import execution_of

DEFAULT_MIN_DELAY: Final = 10.0
DEFAULT_MAX_DELAY: Final = 30.0
DEFAULT_TARGET_COOLDOWN: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosRestart:
    """Waits from ``min_delay`` to ``max_delay``, then restarts a node. No node restarts within its ``target_cooldown``.

    Times are seconds, or slots (``slots(5)``). A single validator is never restarted: without it there is no chain.

    Raises:
        ValueError: a time of zero, a minimum above the maximum, a cooldown below the minimum, or no group of nodes.
    """

    name: ClassVar[str] = "chaos_restart"
    min_delay: Time = DEFAULT_MIN_DELAY
    max_delay: Time = DEFAULT_MAX_DELAY
    target_cooldown: Time = DEFAULT_TARGET_COOLDOWN
    include_validators: bool = True
    include_executors: bool = True

    def __post_init__(self) -> None:
        for name, time in self._times().items():
            if not 0 < time.amount < float("inf"):
                raise ValueError(f"chaos restart {name} must be non-zero")
        if len({time.unit for time in self._times().values()}) == 1:
            self._seconds(1.0)
        if not (self.include_validators or self.include_executors):
            raise ValueError("chaos restart requires at least one node group")

    def expectations(self) -> Sequence[Expectation]:
        return ()

    def file_section(self) -> Mapping[str, Any]:
        """Return the same in a scenario file."""
        return {
            "restarts": {
                "min_delay": span(self.min_delay).to_json(),
                "max_delay": span(self.max_delay).to_json(),
                "cooldown": span(self.target_cooldown).to_json(),
                "include_validators": self.include_validators,
                "include_executors": self.include_executors,
            }
        }

    def fault_requests(self, plan: RunPlan, path: FieldPath) -> Sequence[Request]:
        """
        Raises:
            ValueError: no node may be restarted, or the run may not restart any.
        """
        if not plan.node_control:
            raise ValueError("chaos restart workload requires node control")
        targets = self._targets(plan.topology)
        if not targets:
            raise ValueError("chaos restart workload has no eligible targets")
        min_delay, max_delay, cooldown = self._seconds(plan.topology.slot_duration)
        entry = RandomRestarts(min_delay=min_delay, max_delay=max_delay, target_cooldown=cooldown, targets=targets)
        return [Request(entry=entry, origin=self.name, path=(*path, "restarts"))]

    def prepare(self, plan: RunPlan) -> None:
        """Do nothing: the planner checks everything."""

    async def run(self, ctx: RunContext) -> None:
        """
        Raises:
            NodeControlError: a node did not come up again: ``validator restart failed: ...``.
        """
        try:
            await execution_of(ctx, self.name).run()
        except FaultFailed as failed:
            raise (failed.__cause__ or failed) from None

    def _times(self) -> dict[str, Span]:
        return {
            "min delay": span(self.min_delay),
            "max delay": span(self.max_delay),
            "target cooldown": span(self.target_cooldown),
        }

    def _seconds(self, slot_seconds: float) -> tuple[float, float, float]:
        low, high, cooldown = (time.in_seconds(slot_seconds) for time in self._times().values())
        if low > high:
            raise ValueError("chaos restart min delay must not exceed max delay")
        if cooldown < low:
            raise ValueError("chaos restart target cooldown must be >= min delay")
        return low, high, cooldown

    def _targets(self, topology: TopologySpec) -> tuple[str, ...]:
        spared = {Role.VALIDATOR} if topology.validators < 2 else set()
        wanted = {Role.VALIDATOR: self.include_validators, Role.EXECUTOR: self.include_executors}
        roles = [role for role, included in wanted.items() if included and role not in spared]
        return tuple(node for node in topology.node_names if any(node.startswith(f"{role}-") for role in roles))
