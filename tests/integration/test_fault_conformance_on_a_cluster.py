"""The same faults on pods of a Kubernetes cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from nomos_testing import NodeHandle, Runner, Scenario
from nomos_testing.deployers.shared.node import DeployedNode
from support.fault_conformance import Deploy, FaultConformance
from support.processes.live_cluster import leftovers, live_cluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(600)]


class TestOnACluster(FaultConformance):
    @pytest.fixture
    def deploy(self, tmp_path: Path) -> Deploy:
        def deployed(scenario: Scenario) -> AbstractAsyncContextManager[Runner]:
            return live_cluster(tmp_path, scenario)

        return deployed

    async def stored_bytes(self, node: NodeHandle) -> int:
        assert isinstance(node, DeployedNode)
        return int((await node.host.exec("du", "-sb", "/var/lib/nomos")).split()[0])

    @pytest.fixture(autouse=True)
    def nothing_left(self, tmp_path: Path) -> Iterator[None]:
        yield
        assert leftovers(tmp_path) == []
