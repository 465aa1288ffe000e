"""A built scenario as a scenario file, so that a run can be repeated from what it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from nomos_testing.expectations.continuous import section_of
from nomos_testing.faults.schedule import RandomRestarts
from nomos_testing.runtime.interfaces import AnyExpectation, AnyWorkload, RunPlan
from nomos_testing.topology import DataAvailability, TopologySpec
from nomos_testing.workloads.faults import FaultInjection

_SAID_IN_FILES: Final = {
    *("validators", "executors", "layout", "wallet", "slot_duration", "active_slot_coeff", "seed"),
    *("data_availability", "sampling_delay"),
}
"""Fields of a topology that a scenario file has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    document: Mapping[str, Any] | None = None
    """The scenario file as plain data."""
    obstacle: str = ""
    """Why there is none: what the scenario has that only Python can say."""

    def text(self) -> str:
        """The scenario file; there must be a document."""
        import yaml

        assert self.document is not None, "a scenario without a document has no file"
        return yaml.safe_dump(dict(self.document), sort_keys=False, allow_unicode=True, width=120)


def recipe_of(
    name: str, plan: RunPlan, workloads: Sequence[AnyWorkload], expectations: Sequence[AnyExpectation]
) -> Recipe:
    """``expectations`` without those that the workloads bring with them."""
    obstacle = _obstacle(plan.topology, workloads, expectations)
    if obstacle is not None:
        return Recipe(obstacle=obstacle)
    spec = plan.topology
    document: dict[str, Any] = {
        "name": name,
        "topology": _topology(spec),
        "slot": {"seconds": float(spec.slot_duration), "active_slot_coeff": float(spec.active_slot_coeff)},
    }
    if spec.wallet is not None:
        document["wallets"] = {"users": spec.wallet.users, "total": spec.wallet.total}
    document |= {
        "workloads": [section_of(workload) for workload in workloads if not isinstance(workload, FaultInjection)],
        "faults": _faults(workloads),
        "expectations": [section_of(expectation) for expectation in expectations],
        "run_for": float(plan.metrics.run_duration),
        "seed": plan.seed,
        "node_control": plan.node_control,
        "network_control": plan.network_control,
    }
    return Recipe(document=document)


def _topology(spec: TopologySpec) -> dict[str, Any]:
    section: dict[str, Any] = {
        "validators": spec.validators,
        "executors": spec.executors,
        "layout": str(spec.layout),
        "data_availability": str(spec.data_availability),
    }
    return section if spec.sampling_delay is None else section | {"sampling_delay": spec.sampling_delay}


def _faults(workloads: Sequence[AnyWorkload]) -> list[dict[str, Any]]:
    return [
        entry.to_json()
        for workload in workloads
        if isinstance(workload, FaultInjection)
        for entry in workload.entries
        if not isinstance(entry, RandomRestarts)
    ]


def _obstacle(
    spec: TopologySpec, workloads: Sequence[AnyWorkload], expectations: Sequence[AnyExpectation]
) -> str | None:
    for kind, parts in (("workload", workloads), ("expectation", expectations)):
        for part in parts:
            if not isinstance(part, FaultInjection) and section_of(part) is None:
                return f"{kind} {part.name!r} is Python ({type(part).__module__}.{type(part).__qualname__})"
    if isinstance(spec.data_availability, DataAvailability):
        return "its topology sets data_availability, which a scenario file can only name"
    for item in fields(spec):
        if item.name not in _SAID_IN_FILES and getattr(spec, item.name) != item.default:
            return f"its topology sets {item.name}, which a scenario file cannot say"
    return None
