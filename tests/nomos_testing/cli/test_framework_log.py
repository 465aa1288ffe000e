"""``RUST_LOG``: the framework's own log, as a program that runs a scenario writes it on standard error."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes.fake_node_processes import fake_environment

PROGRAM = """
import asyncio
import logging
import sys
from pathlib import Path

from support.inputs.fault_deadlines import GONE_WITHIN
from nomos_testing import Settings
from nomos_testing.cli.run_and_report import run_and_report
from support.processes.fake_node_scenario import fake_deployer, fake_scenario


class Steps:
    # Before the load, where no time of the run ends them.

    name = "steps"

    def prepare(self, plan):
        pass

    async def capture(self, ctx):
        logging.getLogger("a_library.part").debug("a library speaks")
        control, feed = ctx.node_control(), ctx.block_feed()
        paused, killed = ctx.cluster().nodes
        async with asyncio.timeout(GONE_WITHIN):
            await control.pause(paused)
            await control.resume(paused)
            await control.kill(killed)
            while feed.nodes()[killed.name].error is None:
                await asyncio.sleep(0.02)
            await control.start(killed)
            while feed.nodes()[killed.name].error is not None or not feed.records():
                await asyncio.sleep(0.02)

    async def evaluate(self, ctx):
        pass


sys.exit(
    run_and_report(
        fake_scenario(seconds=0.3, expectations=[Steps()], node_control=True),
        Settings.from_environ(),
        lambda listener: fake_deployer(Path(sys.argv[1]), listeners=[listener]),
        what="fake",
    )
)
"""
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>[A-Z]+) (?P<logger>[\w.]+): ")
STEPS = (
    r"preflight: the validator program: .*bin/nomos-node",
    r"preflight: the prover: ",
    r"preflight: KZG parameters: ",
    r"preflight: the runs directory: .*/runs",
    r"phase_started phase='configure'",
    r"phase_ended phase='configure'",
    r"started the fork server \(pid \d+\): .*fake_fork_server",
    r"wrote the plan of the run: .*plan\.json",
    r"wrote the configuration of validator-0: .*validator-0/validator\.yaml",
    r"wrote the configuration of validator-1: .*validator-1/validator\.yaml",
    r"starting validator-1 in .*/validator-1: .*bin/nomos-node validator\.yaml",
    r"validator-1 has the pid \d+",
    r"waiting for .*validator.*, no longer than [\d.]+ s",
    r"waiting for network readiness, no longer than [\d.]+ s",
    r"wait_ended ",
    r"validator-[01] has the tip [0-9a-f]{64}: slot \d+, height [1-9]\d*, blocks fetched: [1-9]",
    r"validator-0: pause begins",
    r"SIGSTOP to the group of process \d+",
    r"node_controlled node='validator-0' action='pause'",
    r"validator-0: resume begins",
    r"validator-1: kill begins",
    r"SIGKILL to the group of process \d+",
    r"validator-1: GET http://127\.0\.0\.1:\d+/cryptarchia/info failed after [\d.]+ ms: ",
    r"block feed catch up failed: validator-1: ",
    r"validator-1: start begins",
    r"validator-1 answers again; its last error: validator-1: ",
    r"phase_started phase='heal'",
    r"phase_started phase='teardown'",
    r"ending validator-0 \(pid \d+\), with SIGKILL after 0\.5 s",
    r"run_ended outcome='passed'",
)


def log_of(directory: Path, rust_log: str | None) -> list[str]:
    """What a run writes on standard error."""
    program = directory / "program.py"
    program.write_text(PROGRAM)
    environment = {name: value for name, value in fake_environment().items() if name != "RUST_LOG"}
    if rust_log is not None:
        environment["RUST_LOG"] = rust_log
    argv = [sys.executable, str(program), str(directory)]
    run = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stderr.splitlines()


def loggers(log: list[str]) -> set[str]:
    return {match["logger"] for match in map(LINE.match, log) if match is not None}


@pytest.mark.slow
@pytest.mark.network
def test_at_debug_each_step_of_a_run_has_a_line(tmp_path: Path) -> None:
    log = log_of(tmp_path, "debug")
    missing = [step for step in STEPS if not any(re.search(f": {step}", line) for line in log if LINE.match(line))]
    assert not missing, "\n".join(log)
    assert all(name.startswith("nomos_testing.") for name in loggers(log)), loggers(log)


@pytest.mark.slow
@pytest.mark.network
def test_by_default_the_log_says_nothing(tmp_path: Path) -> None:
    assert not loggers(log_of(tmp_path, None))


@pytest.mark.slow
@pytest.mark.network
def test_a_target_is_a_part_of_the_framework_or_a_library(tmp_path: Path) -> None:
    log = log_of(tmp_path, "nomos_testing::client=debug,a_library=debug,asyncio=debug")
    assert {"nomos_testing.client.json_requests", "a_library.part", "asyncio"} == loggers(log), "\n".join(log)
