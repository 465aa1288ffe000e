"""Configuration file of a node: typed models of every section, read from YAML and written as the real node takes it.

Start at ``load_config`` and ``dump_config``. The models are frozen dataclasses whose field names are the keys of the
file. Settings that only the real node uses are read, checked and written all the same; their documentation says that
the embedded node does not use them.
"""

from nomos_core.config.durations import Duration, UtcTime
from nomos_core.config.errors import ConfigError, UnknownKey, UnknownKeysError
from nomos_core.config.genesis import Genesis, Lib, StartingState
from nomos_core.config.loading import (
    config_to_json,
    dump_config,
    dump_document,
    load_config,
    load_config_json,
    load_document,
    refuse_unknown_keys,
    with_setting,
)
from nomos_core.config.node import ExecutorConfig, Kind, NodeConfig, ValidatorConfig
from nomos_core.config.scalars import SocketAddress, socket_address

__all__ = [
    "ConfigError",
    "Duration",
    "ExecutorConfig",
    "Genesis",
    "Kind",
    "Lib",
    "NodeConfig",
    "SocketAddress",
    "StartingState",
    "UnknownKey",
    "UnknownKeysError",
    "UtcTime",
    "ValidatorConfig",
    "config_to_json",
    "dump_config",
    "dump_document",
    "load_config",
    "load_config_json",
    "load_document",
    "refuse_unknown_keys",
    "socket_address",
    "with_setting",
]
