"""The same faults on containers of a compose stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from nomos_testing import NodeHandle, Runner, Scenario
from nomos_testing.deployers.compose.host import ContainerHost
from nomos_testing.deployers.shared.node import DeployedNode
from support.fault_conformance import Deploy, FaultConformance
from support.processes.docker_daemon import docker
from support.processes.live_stack import leftovers, live_stack
from support.processes.node_image import node_image

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.network, pytest.mark.timeout(600)]


class TestInContainers(FaultConformance):
    @pytest.fixture
    def deploy(self, tmp_path: Path) -> Deploy:
        image = node_image()

        def deployed(scenario: Scenario) -> AbstractAsyncContextManager[Runner]:
            return live_stack(tmp_path, image, scenario)

        return deployed

    async def stored_bytes(self, node: NodeHandle) -> int:
        assert isinstance(node, DeployedNode)
        assert isinstance(node.host, ContainerHost)
        return int(docker("inspect", "--size", "--format", "{{.SizeRw}}", node.host.container))

    @pytest.fixture(autouse=True)
    def nothing_left(self) -> Iterator[None]:
        yield
        assert leftovers() == []
