"""Where a cluster puts the pods of nodes, and how much of a machine each gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nomos_testing.pod_values import label_defect, quantity_defect
from nomos_testing.topology.errors import TopologyError


class PlacementError(TopologyError):
    """A value that no cluster takes.

    Attributes:
        path: the field of the section ``k8s`` of a scenario file.
    """

    def __init__(self, reason: str, path: tuple[str, ...]) -> None:
        super().__init__(reason)
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPlacement:
    """The wishes of a scenario for its pods on Kubernetes. Other deployers have no use for them.

    ``requests`` and ``limits`` are quantities of resources, such as ``{"cpu": "100m", "memory": "256Mi"}``.

    Raises:
        PlacementError: a quantity or a label has the wrong form.
    """

    requests: Mapping[str, str] = field(default_factory=dict)
    """Resources that each node's pod asks for; none: the deployer's default."""
    limits: Mapping[str, str] = field(default_factory=dict)
    """The most that each node's pod gets."""
    node_selector: Mapping[str, str] = field(default_factory=dict)
    """Labels of the machines that pods may run on."""
    spread: bool = True
    """True: nodes run on different machines where the cluster has several."""

    def __post_init__(self) -> None:
        _check(self.requests, quantity_defect, ("resources", "requests"))
        _check(self.limits, quantity_defect, ("resources", "limits"))
        _check(self.node_selector, label_defect, ("node_selector",))

    def to_json(self) -> dict[str, Any]:
        """Return the section ``k8s`` of a scenario file."""
        return {
            "resources": {"requests": dict(self.requests), "limits": dict(self.limits)},
            "node_selector": dict(self.node_selector),
            "spread": self.spread,
        }


def _check(given: Mapping[str, str], defect: Callable[[str, str], str | None], path: tuple[str, ...]) -> None:
    for key, value in given.items():
        found = defect(key, value)
        if found is not None:
            raise PlacementError(found, (*path, key))
