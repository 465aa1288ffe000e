"""Faults: actions on the nodes and links of a network, when they happen, and how they are undone.

Scenarios in Python, and faults of your own, use the names of this package.
"""

from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import Impairment, Links
from nomos_testing.faults.durations import seconds, slots
from nomos_testing.faults.errors import FaultPlanError
from nomos_testing.faults.fault import Control, Fault, FaultControls, LinkFault, NodeFault, fault
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
    "Control",
    "DiskFull",
    "Duplicate",
    "Fault",
    "FaultControls",
    "FaultPlan",
    "FaultPlanError",
    "Impairment",
    "Isolate",
    "Kill",
    "Latency",
    "LinkEffect",
    "LinkFault",
    "Links",
    "Loss",
    "NodeFault",
    "Partition",
    "Pause",
    "PlannedFault",
    "Reorder",
    "Restart",
    "Stop",
    "at",
    "during",
    "every",
    "fault",
    "randomly",
    "seconds",
    "slots",
]
