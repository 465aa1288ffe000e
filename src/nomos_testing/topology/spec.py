"""The network that a scenario asks for: numbers of nodes, layout, wallets and the clock of the chain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from nomos_testing.cluster.roles import Role
from nomos_testing.settings import Settings
from nomos_testing.topology.errors import TopologyError
from nomos_testing.topology.layouts import Layout
from nomos_testing.topology.presets import (
    DataAvailability,
    Preset,
    many_subnetworks,
    named_parameters,
    two_nodes,
)
from nomos_testing.topology.wallets import WalletSpec

_ID_BYTES = 32
_HIGHEST_PORT = 65_535

__all__ = ["TopologyError", "TopologySpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TopologySpec:
    """A network to be made. Nodes are ordered: validators first, then executors.

    ``slot_duration`` is in seconds. Only embedded nodes follow slots below one second. ``seed`` fixes the nodes' keys.
    ``ids``, ``da_ports`` and ``blend_ports`` fix the nodes' 32-byte identities and UDP ports. They have one entry for
    each node.

    Raises:
        TopologyError: a network without nodes, an unknown layout, a number out of range, or a list of another length.
    """

    validators: int = 0
    executors: int = 0
    layout: Layout | str = Layout.STAR
    wallet: WalletSpec | None = None
    slot_duration: float = 2.0
    active_slot_coeff: float = 0.9
    security_param: int = 10
    seed: int | None = None
    data_availability: DataAvailability | Preset | str = Preset.STANDARD
    """The parameters, or the name of a preset."""
    sampling_delay: float | None = None
    """Seconds, for slots of one second or more; None: the parameters' delay."""
    ids: Sequence[bytes] | None = None
    da_ports: Sequence[int] | None = None
    blend_ports: Sequence[int] | None = None

    def __post_init__(self) -> None:
        _check_counts(self.validators, self.executors)
        object.__setattr__(self, "layout", _layout(self.layout))
        object.__setattr__(self, "data_availability", _parameters(self.data_availability))
        _check_clock(self)
        _check_ids(self.ids, self.node_count)
        for name, ports in (("DA ports", self.da_ports), ("blend ports", self.blend_ports)):
            _check_ports(name, ports, self.node_count)

    @classmethod
    def two_validators(cls) -> Self:
        """Return a network of two validators."""
        return cls(validators=2, data_availability=two_nodes())

    @classmethod
    def validator_and_executor(cls) -> Self:
        """Return a network of one validator and one executor."""
        return cls(validators=1, executors=1, data_availability=two_nodes())

    @classmethod
    def validators_and_executor(cls, validators: int, *, num_subnets: int, dispersal_factor: int) -> Self:
        """Return a network of ``validators`` validators and one executor."""
        parameters = many_subnetworks(num_subnets=num_subnets, dispersal_factor=dispersal_factor)
        return cls(validators=validators, executors=1, data_availability=parameters)

    @property
    def node_count(self) -> int:
        """The number of all nodes."""
        return self.validators + self.executors

    @property
    def members(self) -> tuple[tuple[Role, int], ...]:
        """Role and index of each node, in the order of the nodes: validators first."""
        counts = ((Role.VALIDATOR, self.validators), (Role.EXECUTOR, self.executors))
        return tuple((role, index) for role, count in counts for index in range(count))

    @property
    def node_names(self) -> tuple[str, ...]:
        """The nodes' names, ``validator-0`` and so on, in the order of the nodes."""
        return tuple(f"{role}-{index}" for role, index in self.members)

    @property
    def da(self) -> DataAvailability:
        """The data-availability parameters of this number of nodes, with the delay of ``sampling_delay``."""
        chosen = self.data_availability
        parameters = named_parameters(chosen, self.node_count) if isinstance(chosen, str) else chosen
        return parameters if self.sampling_delay is None else replace(parameters, sampling_delay=self.sampling_delay)


def with_sampling_delay(spec: TopologySpec, settings: Settings) -> TopologySpec:
    """Fix the delay that the environment asks for. It replaces the topology's. A second call changes nothing."""
    factor = 2.0 if settings.slow_environment else 1.0
    if settings.sampling_delay_seconds is not None:
        return replace(spec, sampling_delay=settings.sampling_delay_seconds * factor)
    if spec.sampling_delay is None and factor != 1.0:
        return replace(spec, sampling_delay=spec.da.sampling_delay * factor)
    return spec


def _check_counts(validators: int, executors: int) -> None:
    for name, count in (("validators", validators), ("executors", executors)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise TopologyError(f"{name} must be a whole number, 0 or more (got {count!r})")
    if validators + executors == 0:
        raise TopologyError("topology must include at least one node; set validators or executors to 1 or more")


def _layout(layout: str) -> Layout:
    try:
        return Layout(layout)
    except ValueError:
        raise TopologyError(f"unknown layout {layout!r}; expected one of {', '.join(Layout)}") from None


def _parameters(chosen: DataAvailability | str) -> DataAvailability | Preset:
    if isinstance(chosen, DataAvailability):
        return chosen
    try:
        return Preset(chosen)
    except ValueError:
        raise TopologyError(
            f"unknown data availability parameters {chosen!r}; expected one of {', '.join(Preset)}"
        ) from None


def _check_clock(spec: TopologySpec) -> None:
    if not 0 < spec.slot_duration < math.inf:
        raise TopologyError(f"slot duration must be above 0 seconds (got {spec.slot_duration})")
    if not 0 < spec.active_slot_coeff <= 1:
        raise TopologyError(f"active slot coefficient must be above 0 and at most 1 (got {spec.active_slot_coeff})")
    if spec.security_param < 1:
        raise TopologyError(f"security parameter must be 1 or more (got {spec.security_param})")
    if spec.sampling_delay is not None and not 0 <= spec.sampling_delay < math.inf:
        raise TopologyError(f"sampling delay must be 0 seconds or more (got {spec.sampling_delay})")


def _check_ids(ids: Sequence[bytes] | None, nodes: int) -> None:
    if ids is None:
        return
    if len(ids) != nodes:
        raise TopologyError(f"expected {nodes} ids but got {len(ids)}")
    if any(len(node_id) != _ID_BYTES for node_id in ids):
        raise TopologyError(f"a node's id has {_ID_BYTES} bytes (got {sorted({len(node_id) for node_id in ids})})")
    if len(set(ids)) != nodes:
        raise TopologyError("node ids must differ: two nodes would have the same keys")


def _check_ports(name: str, ports: Sequence[int] | None, nodes: int) -> None:
    if ports is None:
        return
    if len(ports) != nodes:
        raise TopologyError(f"expected {nodes} {name} but got {len(ports)}")
    if any(not 0 < port <= _HIGHEST_PORT for port in ports):
        raise TopologyError(f"{name} must be from 1 to {_HIGHEST_PORT} (got {list(ports)})")
    if len(set(ports)) != nodes:
        raise TopologyError(f"{name} must differ (got {list(ports)})")
