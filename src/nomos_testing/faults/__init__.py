"""Faults: what can be done to a network, when, and how it is undone.

This package's names are what a scenario is written with.
"""

from nomos_testing.cluster.links import Links
from nomos_testing.faults.durations import seconds, slots
from nomos_testing.faults.errors import FaultPlanError
from nomos_testing.faults.plan import FaultPlan, PlannedFault
from nomos_testing.faults.schedule import at, during, every, randomly
from nomos_testing.faults.vocabulary import (
    Bandwidth,
    ClockSkew,
    DiskFull,
    Duplicate,
    Isolate,
    Kill,
    Latency,
    Loss,
    Partition,
    Pause,
    Reorder,
    Restart,
    Stop,
)

__all__ = [
    "Bandwidth",
    "ClockSkew",
    "DiskFull",
    "Duplicate",
    "FaultPlan",
    "FaultPlanError",
    "Isolate",
    "Kill",
    "Latency",
    "Links",
    "Loss",
    "Partition",
    "Pause",
    "PlannedFault",
    "Reorder",
    "Restart",
    "Stop",
    "at",
    "during",
    "every",
    "randomly",
    "seconds",
    "slots",
]
