"""Faults on plain processes: what ``FaultConformance`` asks of every deployer."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from fault_conformance import Deploy, FaultConformance
from live_network import live
from nomos_testing import Runner, Scenario

pytestmark = [pytest.mark.slow, pytest.mark.network]


class TestOnProcesses(FaultConformance):
    @pytest.fixture
    def deploy(self, tmp_path: Path) -> Deploy:
        def deployed(scenario: Scenario) -> AbstractAsyncContextManager[Runner]:
            return live(tmp_path, scenario)

        return deployed
