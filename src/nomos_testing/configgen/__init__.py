"""The nodes' configurations, made from the topology that a scenario asks for and the settings."""

from nomos_testing.configgen.generation import generate_joining_node, generate_topology
from nomos_testing.configgen.options import ConfigOptions, DataAvailabilityLimits, DataAvailabilityTimes, NodeLogging
from nomos_testing.configgen.real_node import real_node_objections

__all__ = [
    "ConfigOptions",
    "DataAvailabilityLimits",
    "DataAvailabilityTimes",
    "NodeLogging",
    "generate_joining_node",
    "generate_topology",
    "real_node_objections",
]
