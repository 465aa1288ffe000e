"""The same faults on containers of a compose stack."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from fault_conformance import Deploy, FaultConformance
from live_stack import leftovers, live_stack
from node_image import node_image
from nomos_testing import Runner, Scenario

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.network, pytest.mark.timeout(600)]


class TestInContainers(FaultConformance):
    @pytest.fixture
    def deploy(self, tmp_path: Path) -> Deploy:
        image = node_image()

        def deployed(scenario: Scenario) -> AbstractAsyncContextManager[Runner]:
            return live_stack(tmp_path, image, scenario)

        return deployed

    @pytest.fixture(autouse=True)
    def nothing_left(self) -> object:
        yield
        assert leftovers() == []
