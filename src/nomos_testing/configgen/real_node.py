"""The settings that the embedded node accepts and the original node refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nomos_core.config import Duration, NodeConfig

_SECOND = 1_000_000_000


def real_node_objections(config: NodeConfig) -> list[str]:
    """Return one line for each setting that the real node refuses."""
    objections = []
    slot = config.deployment.time.slot_duration
    if slot.nanoseconds % _SECOND:
        objections.append(_objection("deployment.time.slot_duration", slot, "whole seconds"))
    prune_interval = config.da_verifier.mempool_trigger_settings.prune_interval
    if prune_interval.nanoseconds < _SECOND:
        path = "da_verifier.mempool_trigger_settings.prune_interval"
        objections.append(_objection(path, prune_interval, "at least a second"))
    return objections


def _objection(path: str, value: Duration, accepted: str) -> str:
    return f"{path} is {value}, the real node takes {accepted}: use slots of 1 second or more, or embedded nodes"
