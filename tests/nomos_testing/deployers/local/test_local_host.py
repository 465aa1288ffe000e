"""A node's place on this machine: its files, and commands beside the node."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.local.host import CLOCK_NAME, RECOVERY_PLACEHOLDERS, LocalHost
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.node_host import NodeHost
from nomos_testing.deployers.shared.reaper_client import Reaper
from nomos_testing.surroundings import monotonic
from support.inputs.fault_deadlines import GONE_WITHIN
from support.processes.fake_node_processes import fake_blueprint, fake_node, fake_program, host_of

pytestmark = pytest.mark.network


@pytest.fixture
def reaper(tmp_path: Path) -> Iterator[Reaper]:
    made = Reaper(tmp_path / "journal.jsonl", 0.0)
    yield made
    made.dismiss()


@pytest.fixture
async def host(tmp_path: Path, reaper: Reaper) -> LocalHost:
    library = tmp_path / "libfaketime.so.1"
    node = fake_node(tmp_path, fake_blueprint(), fake_program(tmp_path), reaper, clock_library=library)
    await node.create()
    return host_of(node)


async def test_it_is_a_host_of_a_node_that_was_never_started(host: LocalHost) -> None:
    place: NodeHost = host
    assert not place.running
    assert await place.ended() == "not started"
    with pytest.raises(NodeControlError, match="was never started"):
        place.pid.bit_length()


async def test_files_are_written_whole_and_copied_out(host: LocalHost, tmp_path: Path) -> None:
    await host.put("node.yaml", b"first")
    await host.put("node.yaml", b"second")
    assert (host.directory / "node.yaml").read_bytes() == b"second"
    assert not list(host.directory.glob("*.new"))
    (host.directory / "db" / "deep").mkdir(parents=True)
    (host.directory / "db" / "deep" / "block").write_text("stored")
    for _ in range(2):  # also into a directory that is there
        await host.get("db", tmp_path / "copy")
    assert (tmp_path / "copy" / "deep" / "block").read_text() == "stored"
    with pytest.raises(NodeControlError, match="cannot be copied"):
        await host.get("nothing", tmp_path / "none")


async def test_making_it_anew_removes_everything_but_the_log(host: LocalHost) -> None:
    (host.directory / "stdout.log").write_text("a line\n")
    (host.directory / "__logs.12").write_text("another line\n")
    (host.directory / "db").mkdir()
    (host.directory / "db" / "block").write_text("stored")
    await host.create()
    left = {str(path.relative_to(host.directory)) for path in host.directory.rglob("*") if path.is_file()}
    assert left == {"stdout.log", "__logs.12", *RECOVERY_PLACEHOLDERS}


async def test_commands_run_beside_the_node_with_its_clock(host: LocalHost) -> None:
    program = "import os; print(os.getcwd(), os.environ['FAKETIME_TIMESTAMP_FILE'])"
    told = await host.exec(sys.executable, "-c", program)
    assert told.split() == [str(host.directory), str(host.directory / CLOCK_NAME)]


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ((sys.executable, "-c", "raise SystemExit('no room')"), r"failed \(exit code 1\): no room"),
        (("no-such-program",), "failed to start no-such-program: No such file or directory"),
    ],
)
async def test_a_command_that_fails_is_told_with_its_last_line(
    host: LocalHost, argv: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(NodeControlError, match=complaint):
        await host.exec(*argv)


async def test_a_command_that_does_not_end_is_killed(host: LocalHost) -> None:
    host.exec_seconds = 0.05
    since = monotonic()
    with pytest.raises(NodeControlError, match=r"sleep did not end within 0\.05 s"):
        await host.exec("sleep", "600")
    assert monotonic() - since < GONE_WITHIN


async def test_a_program_beside_the_node_answers_in_lines(host: LocalHost) -> None:
    channel = await host.open(sys.executable, "-c", "print(input()[::-1])")
    async with asyncio.timeout(GONE_WITHIN):
        await channel.write(b"abc")
        assert await channel.read() == b"cba\n"
        assert await channel.ended() == "exit code 0"
    await channel.close()
    with pytest.raises(LaunchError, match="failed to start no-such-program"):
        await host.open("no-such-program")
