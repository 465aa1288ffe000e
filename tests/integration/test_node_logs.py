"""The logs of embedded nodes under load: each target has lines at each level, and nobody else has any."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from nomos_testing import ScenarioBuilder
from support.processes.live_network import live, log_of

pytestmark = [pytest.mark.slow, pytest.mark.network]

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z +(TRACE|DEBUG|INFO|WARN|ERROR) (\w+): .+")
ALL = ("INFO", "DEBUG", "TRACE")
LEVELS = {
    "nomos_consensus": ALL,
    "chain_leader": ALL,
    "chain_network": ALL,
    "nomos_mempool": ALL,
    "nomos_network": ALL,
    "nomos_da_network": ALL,
    "nomos_da_sampling": ALL,
    "nomos_da_verifier": ALL,
    "nomos_sdp": ALL,
    "nomos_time": ALL,
    "nomos_http": ALL,
    "nomos_node": ("INFO", "DEBUG"),
    "nomos_storage": ("INFO", "DEBUG"),
    "nomos_blend": ("INFO", "DEBUG"),
}
"""What every node says something at. Only an executor disperses."""


def _counted(log: str) -> Counter[tuple[str, str]]:
    """Lines by target and level; what does not begin with a time is the rest of a traceback."""
    lines = [line for line in log.splitlines() if line[:4].isdigit()]
    matches = [LINE.fullmatch(line) for line in lines]
    strange = [line for line, match in zip(lines, matches, strict=True) if match is None]
    assert not strange, "lines of another form"
    return Counter((match[2], match[1]) for match in matches if match is not None)


async def test_every_target_has_lines_at_every_level_and_no_library_has_any(tmp_path: Path, kzg_file: Path) -> None:
    scenario = (
        ScenarioBuilder.topology(validators=2, executors=1)
        .slot(seconds=0.5)
        .wallets(20)
        .transactions(rate=2)
        .data_availability(channel_rate=1)
        .run_for(slots=20)
        .build()
    )
    environ = {"NOMOS_KZGRS_PARAMS_PATH": str(kzg_file), "NOMOS_LOG_LEVEL": "trace"}
    async with live(tmp_path, scenario, **environ) as runner:
        nodes = runner.context.cluster().nodes
        await runner.run()
    for node in nodes:
        log = log_of(node)
        counted = _counted(log)
        expected = {**LEVELS, "nomos_da_dispersal": ALL if node.role == "executor" else ()}
        silent = [
            (target, level) for target, levels in expected.items() for level in levels if not counted[target, level]
        ]
        assert not silent, f"{node.name} says nothing at {silent}"
        assert {target for target, _ in counted} <= {*expected}, f"{node.name} logs for others"
        tips = re.findall(
            r"INFO nomos_consensus: the tip is block 0x\w+ of slot \d+, height (\d+), \d+ transactions", log
        )
        assert set(range(1, int(tips[-1]) + 1)) <= {int(height) for height in tips}, (
            "a line for each block of the chain"
        )
        assert "INFO nomos_consensus: block 0x" in log, "a blob was included"
