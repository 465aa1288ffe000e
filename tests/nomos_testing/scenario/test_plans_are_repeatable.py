"""A plan follows from the scenario and its seed, not from the hashes of a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[3] / "examples" / "faults.yaml"
PROGRAM = "from nomos_testing.cli.main import main; main()"
SCENARIO = """
topology: {validators: 4, executors: 2}
run_for: 120
node_control: true
faults:
  - {at: 5, lasting: 5, partition: {groups: [[validator-2, validator-0], [executor-1, executor-0]]}}
  - {at: 20, lasting: 5, latency: {seconds: 0.1, nodes: [any, any], peers: [any]}}
  - {at: 40, lasting: 5, isolate: {node: any}}
"""


def plan(scenario: Path, hash_seed: str) -> object:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    argv = [sys.executable, "-c", PROGRAM, "plan", str(scenario), "--json", "--seed", "7"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_same_seed_makes_the_same_plan_in_processes_with_other_hashes(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(SCENARIO)
    for file in (scenario, EXAMPLE):
        assert plan(file, "1") == plan(file, "2") == plan(file, "3")
