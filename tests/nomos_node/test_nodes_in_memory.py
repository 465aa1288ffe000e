"""Nodes on other surroundings: six in one process, on a clock of the test, without threads, sockets and files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nomos_core.mantle.operations import Opcode
from support.processes.nodes_in_memory import SLOTS, refuse_the_machine

_TESTS = Path(__file__).parents[1]
Run = Callable[[int, int], dict[str, Any]]


@pytest.fixture(scope="module")
def run(kzg_file: Path) -> Run:
    """Run the nodes with a seed, in a Python with a hash seed, and return what they say."""

    @cache
    def outcome(seed: int, hash_seed: int) -> dict[str, Any]:
        environment = os.environ | {"PYTHONHASHSEED": str(hash_seed), "PYTHONDONTWRITEBYTECODE": "1"}
        program = [sys.executable, "-m", "support.processes.nodes_in_memory", str(kzg_file), str(seed)]
        ended = subprocess.run(program, cwd=_TESTS, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    return outcome


def test_they_make_one_chain_with_a_transaction_and_a_blob(run: Run) -> None:
    nodes = run(1, 1)["nodes"]
    chains = {name: node["chain"] for name, node in nodes.items()}
    assert list(chains) == [*(f"validator-{number}" for number in range(4)), "executor-0", "validator-4"]
    assert len({tuple(chain) for chain in chains.values()}) == 1, "the last slot has ended for all"
    for node in nodes.values():
        assert node["info"]["mode"] == "Online"
        assert node["info"]["height"] == len(node["chain"]) - 1 > SLOTS / 2
        assert sorted(node["operations"]) == [Opcode.INSCRIBE, Opcode.BLOB]


def test_they_load_no_library_of_the_real_network(run: Run) -> None:
    assert run(1, 1)["libraries of the real network"] == []


def test_all_protocols_went_between_them(run: Run) -> None:
    topics = {line.split()[4] for line in run(1, 1)["trace"]}
    assert {"mantle", "/cryptarchia/proto", "/nomos/cryptarchia/sync/1.0.0"} < topics
    assert {f"/nomos/da/1.0.0/{name}" for name in ("dispersal", "replication", "sampling")} < topics


@pytest.mark.parametrize("hash_seed", [2, 3])
def test_equal_seeds_give_equal_messages_whatever_python_hashes_by(run: Run, hash_seed: int) -> None:
    assert run(1, hash_seed)["trace"] == run(1, 1)["trace"]
    assert run(1, hash_seed) == run(1, 1)


def test_another_seed_gives_another_order_of_messages(run: Run) -> None:
    assert run(2, 1)["trace"] != run(1, 1)["trace"]


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("_thread.start_new_thread", (print, (), {})),
        ("socket.bind", (None, ("127.0.0.1", 0))),
        ("subprocess.Popen", ("true", [], None, None)),
        ("open", ("a file", "w", os.O_WRONLY | os.O_CREAT)),
        ("sqlite3.connect", ("nomos.sqlite3",)),
    ],
)
def test_whatever_reaches_past_the_surroundings_is_refused(event: str, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(AssertionError, match="reached past its surroundings"):
        refuse_the_machine(event, arguments)


def test_files_may_be_read() -> None:
    refuse_the_machine("open", ("KZG parameters", "rb", os.O_RDONLY))
