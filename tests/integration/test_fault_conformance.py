"""Faults on plain processes: what ``FaultConformance`` asks of every deployer."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from nomos_testing import NodeHandle, Runner, Scenario
from support.fault_conformance import Deploy, FaultConformance
from support.processes.live_network import directory_of, live

pytestmark = [pytest.mark.slow, pytest.mark.network]


class TestOnProcesses(FaultConformance):
    @pytest.fixture
    def deploy(self, tmp_path: Path) -> Deploy:
        def deployed(scenario: Scenario) -> AbstractAsyncContextManager[Runner]:
            return live(tmp_path, scenario)

        return deployed

    async def stored_bytes(self, node: NodeHandle) -> int:
        return sum(path.stat().st_size for path in directory_of(node).rglob("*") if path.is_file())
