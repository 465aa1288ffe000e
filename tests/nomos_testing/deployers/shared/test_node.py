"""A deployed node as people see it in ``nomos-testing shell``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.shared.node import DeployedNode


def test_its_description_leaves_out_its_configuration(tmp_path: Path) -> None:
    host: Any = None
    config = "wallet: {known_keys: [0a0b]}\n" * 1000
    node = DeployedNode.at(host, role=Role.VALIDATOR, index=0, network_port=7, directory=tmp_path, config=config)
    assert "network_port=7" in repr(node)
    assert "known_keys" not in repr(node)
