"""The control socket of a run in memory: who may connect, what each request does, and what the journal says of it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.faults.fault_events import FaultHealed, FaultInjected, HealVerified
from nomos_testing.journal.events import Notice
from nomos_testing.runtime import control_server
from nomos_testing.runtime.control_client import ControlClient, ControlRefused
from nomos_testing.runtime.control_protocol import SOCKET_NAME, short_path
from nomos_testing.runtime.control_server import ControlServer
from support.fakes.control_lab import PATIENCE, lab, until
from support.fakes.run_bench import MemoryNode, bench

_NOBODY = 65534


async def test_only_the_owner_may_open_the_socket(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        mode = (net.directory / SOCKET_NAME).stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
async def test_another_user_gets_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with lab(tmp_path) as net:
        (net.directory / SOCKET_NAME).chmod(0o666)
        monkeypatch.chdir(net.directory)  # the other user may not enter the directories above
        with socket.socket(socket.AF_UNIX) as asking:
            os.seteuid(_NOBODY)
            try:
                asking.connect(SOCKET_NAME)
            finally:
                os.seteuid(0)
            asking.setblocking(False)
            async with asyncio.timeout(PATIENCE):
                assert await asyncio.get_running_loop().sock_recv(asking, 100) == b""
        assert "nodes" in await net.client.ask("status")


async def test_status_names_nodes_and_controls(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        net.control.down.add("validator-1")
        assert await net.client.ask("status") == {
            "node_control": True,
            "network_control": False,
            "nodes": {
                "validator-0": {"running": True, "url": "http://127.0.0.1:1"},
                "validator-1": {"running": False, "url": "http://127.0.0.1:2"},
            },
            "kept_until": None,
        }


async def test_a_pause_by_hand_is_a_fault_in_progress_until_it_is_resumed(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        assert await net.client.ask("pause", node="validator-1") == "fault 1 (pause validator-1)"
        log = net.made.runner.context.faults()
        assert log.hit_nodes() == {"validator-1"}
        injected = await net.event(FaultInjected)
        assert (injected.number, injected.fault, injected.origin) == (1, "pause validator-1", "by hand")
        await net.client.ask("resume", node="validator-1")
        assert not log.active()
        assert net.control.calls == ["pause validator-1", "resume validator-1"]
        assert (await net.event(FaultHealed)).number == 1
        assert (await net.event(HealVerified)).number == 1


async def test_heal_undoes_everything_by_hand(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        await net.client.ask("pause", node="validator-0")
        await net.client.ask("kill", node="validator-1")
        healed = await net.client.ask("heal")
        assert healed == ["fault 2 (kill validator-1) is healed", "fault 1 (pause validator-0) is healed"]
        assert net.control.calls[2:] == ["start validator-1", "resume validator-0"]
        assert await net.client.ask("heal") == []


async def test_a_heal_that_fails_hinders_no_other(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        await net.client.ask("pause", node="validator-0")
        await net.client.ask("kill", node="validator-1")
        net.control.refuses.add("validator-1")
        assert "validator-1 does not obey" in await net.refusal("heal")
        assert net.control.calls[2:] == ["resume validator-0"]
        await net.client.ask("pause", node="validator-0")
        net.control.refuses.add("validator-0")
        refused = await net.refusal("heal")
        assert "validator-0 does not obey" in refused
        assert "validator-1 does not obey" in refused
        net.control.refuses.clear()
        await net.client.ask("resume", node="validator-0")
        assert await net.client.ask("heal") == ["fault 2 (kill validator-1) is healed"]


async def test_restart_undoes_what_was_done_to_the_node(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        await net.client.ask("stop", node="validator-0")
        await net.client.ask("restart", node="validator-0")
        await net.client.ask("restart", node="validator-1")
        assert net.control.calls == ["stop validator-0", "start validator-0", "restart validator-1"]
        assert not net.made.runner.context.faults().active()


async def test_what_is_done_by_hand_is_undone_before_the_cooldown(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        await net.client.ask("pause", node="validator-1")
        verdict = await net.made.runner.run()
        assert verdict.passed
        assert net.control.calls == ["pause validator-1", "resume validator-1", "heal"]


async def test_refusals_say_what_is_possible(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        assert "there is no node 'validator-7'; the network has validator-0, validator-1" in await net.refusal(
            "pause", node="validator-7"
        )
        assert "network_control: true" in await net.refusal("cut", node="validator-0")
        assert "was not paused by hand" in await net.refusal("resume", node="validator-0")
        assert "there is no request 'dance'; there are cut, end, heal" in await net.refusal("dance")
        assert "no verdict yet" in await net.refusal("end")
        await net.client.ask("kill", node="validator-0")
        assert "fault 1 (kill validator-0) is in progress" in await net.refusal("pause", node="validator-0")
        net.control.down.add("validator-1")
        assert "validator-1 does not run" in await net.refusal("pause", node="validator-1")


async def test_a_scenario_without_control_says_how_to_allow_it(tmp_path: Path) -> None:
    async with lab(tmp_path, node_control=False) as net:
        assert "node_control: true" in await net.refusal("pause", node="validator-0")
        assert net.control.calls == []


async def test_an_action_that_fails_leaves_no_fault_in_progress(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        net.control.refuses.add("validator-0")
        assert "does not obey" in await net.refusal("pause", node="validator-0")
        assert not net.made.runner.context.faults().active()
        assert not any(isinstance(event, FaultInjected) for event in net.made.events())


@pytest.mark.parametrize("line", ["", "[]", "nonsense", '{"id": {}, "do": "status"}', '{"id": 1}', "[" * 100_000])
async def test_a_line_that_is_no_request_is_answered_and_hinders_nobody(tmp_path: Path, line: str) -> None:
    async with lab(tmp_path) as net:
        with short_path(net.directory) as path:
            reader, writer = await asyncio.open_unix_connection(path)
        writer.write(f"{line}\n".encode() + b'{"id": 2, "do": "status"}\n')
        answers = [json.loads(await reader.readline()) for _ in range(2)]
        writer.close()
        await writer.wait_closed()
        assert "expected a line such as" in answers[0]["error"]
        assert (answers[1]["id"], answers[1]["ok"]) == (2, True)


async def test_the_path_of_the_run_may_be_longer_than_the_kernel_takes(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    async with lab(deep) as net:
        assert len(str(net.directory / SOCKET_NAME)) > 200
        assert "nodes" in await net.client.ask("status")


async def test_a_socket_of_a_dead_run_is_no_obstacle(tmp_path: Path) -> None:
    async with bench(tmp_path, nodes=[MemoryNode()]) as made:
        with socket.socket(socket.AF_UNIX) as dead, short_path(made.directory.path) as path:
            dead.bind(path)
        with pytest.raises(ControlRefused, match="--keep"):
            await ControlClient.connect(made.directory.path)
        async with ControlServer() as server:
            await server.serve(made.directory.path, made.runner.context, made.runner.by_hand)
            async with await ControlClient.connect(made.directory.path) as client:
                assert (await client.ask("run", source="1 + 1"))["value"] == "2"


async def test_a_directory_without_a_network_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ControlRefused, match="no network of"):
        await ControlClient.connect(tmp_path)
    with pytest.raises(ControlRefused, match="is no directory"):
        await ControlClient.connect(tmp_path / "missing")


async def test_clients_hear_that_the_network_is_taken_down_and_then_that_it_has_ended(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        await net.client.ask("status")
        await net.server.retire()
        assert not (net.directory / SOCKET_NAME).exists()
        assert "taken down" in await net.refusal("status")
        assert not net.client.ended
        await net.server.close()
        async with asyncio.timeout(PATIENCE):
            await net.client.wait_ended()
        assert "ended" in await net.refusal("status")


async def test_inputs_of_a_prompt_await_print_and_remember(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        first = await net.client.ask("run", source="import asyncio\nawait asyncio.sleep(0)\nx = 20\nprint('seen')")
        assert first == {"output": "seen\n", "value": None, "error": None}
        second = await net.client.ask("run", source="x + 1")
        assert second["value"] == "21"
        assert (await net.client.ask("run", source="_ * 2"))["value"] == "42"
        info = await net.client.ask("run", source="(await client('validator-0').consensus_info()).height")
        assert info["value"] == "0"
        assert (await net.client.ask("run", source="sorted(nodes)"))["value"] == "['validator-0', 'validator-1']"
        assert "ctx" in (await net.client.ask("run", source="help()"))["output"]
        assert "Return the plan" in (await net.client.ask("run", source="help(ctx.plan)"))["output"]


@pytest.mark.parametrize(
    ("source", "last"),
    [
        ("def f():\n    1 / 0\nf()", "ZeroDivisionError: division by zero"),
        ("x = (", "SyntaxError: '(' was never closed"),
        ("exit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        (
            "client('validator-9')",
            "KeyError: \"there is no node 'validator-9'; the network has validator-0, validator-1\"",
        ),
    ],
)
async def test_an_error_of_an_input_is_its_answer_and_not_the_end_of_the_run(
    tmp_path: Path, source: str, last: str
) -> None:
    async with lab(tmp_path) as net:
        answer = await net.client.ask("run", source=source)
        assert answer["error"].splitlines()[-1] == last
        assert "_printing_to" not in answer["error"]
        assert (await net.client.ask("run", source="1 + 1"))["value"] == "2"


async def test_an_input_is_cancelled_alone(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        endless = "began = True\ntry:\n    await __import__('asyncio').Event().wait()\nfinally:\n    stopped = True"
        running = asyncio.create_task(net.client.ask("run", source=endless))
        await net.until_known("began")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await net.until_known("stopped")


async def test_what_others_print_meanwhile_is_not_of_the_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with lab(tmp_path) as net:
        waiting = "print('mine')\nctx.go = __import__('asyncio').Event()\nawait ctx.go.wait()\nprint('too')"
        running = asyncio.create_task(net.client.ask("run", source=waiting))
        context: Any = net.made.runner.context
        await until("the event", lambda: hasattr(context, "go"))
        print("of another")
        context.go.set()
        async with asyncio.timeout(PATIENCE):
            assert (await running)["output"] == "mine\ntoo\n"
        assert capsys.readouterr().out == "of another\n"


async def test_a_place_that_can_have_no_socket_gives_a_warning_and_no_failure(tmp_path: Path) -> None:
    async with bench(tmp_path) as made, ControlServer() as server:
        (made.directory.path / SOCKET_NAME).mkdir()
        await server.serve(made.directory.path, made.runner.context, made.runner.by_hand)
        assert (await made.runner.run()).passed
    (warning,) = [event for event in made.events() if isinstance(event, Notice)]
    assert (warning.level, warning.text.partition(":")[0]) == ("warning", "the network cannot be controlled by hand")


async def test_an_input_that_runs_ends_before_the_network_is_taken_down(tmp_path: Path) -> None:
    async with lab(tmp_path) as net:
        waiting = "began = True\ntry:\n    await __import__('asyncio').Event().wait()\nfinally:\n    ctx.stopped = True"
        running = asyncio.create_task(net.client.ask("run", source=waiting))
        await net.until_known("began")
        await net.server.retire()
        context: Any = net.made.runner.context
        assert context.stopped
        with pytest.raises(ControlRefused, match="cancelled"):
            await running


async def test_a_client_that_does_not_read_does_not_hinder_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_server, "_CANCEL_SECONDS", 0.1)
    large = {"do": "run", "source": "print('x' * 900_000)\nctx.has_printed = True"}
    with socket.socket(socket.AF_UNIX) as silent:
        async with asyncio.timeout(PATIENCE), lab(tmp_path) as net:
            with short_path(net.directory) as path:
                silent.connect(path)
            silent.sendall(json.dumps(large).encode() + b"\n")
            await net.until_told("has_printed")
