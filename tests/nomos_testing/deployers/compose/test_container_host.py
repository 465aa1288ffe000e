"""A node's place in a stack, with a Docker that gives set answers and takes note of what it is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.deployers.compose.compose_tool import ComposeProject, ComposeTool
from nomos_testing.deployers.compose.docker import Docker
from nomos_testing.deployers.compose.host import CONFIG_PATH, ContainerHost
from nomos_testing.deployers.shared.errors import LaunchError
from nomos_testing.deployers.shared.node_host import NodeHost, Started
from nomos_testing.surroundings import THIS_MACHINE
from nomos_testing.topology.ports import NodePorts
from nomos_testing.waiting.machine import Patience
from support.fakes.fake_docker import fake_docker
from support.processes.relay_lab import until

PORTS = NodePorts(network=3000, da=3300, blend=4401, api=18080, testing_http=18081)
Answers = Sequence[tuple[Sequence[str], Mapping[str, Any]]]


def inspected(*, running: bool = True, paused: bool = False, exit_code: int = 0, published: bool = True) -> str:
    ports = {f"{port}/tcp": [{"HostPort": str(port + 1)}] for port in (PORTS.api, PORTS.testing_http)}
    state = {"Running": running, "Paused": paused, "ExitCode": exit_code, "Pid": 77 if running else 0}
    return json.dumps([{"State": state, "NetworkSettings": {"Ports": ports if published else {}}}])


def host_with(directory: Path, answers: Answers, *, image: str = "nodes:1") -> ContainerHost:
    environ = fake_docker(directory / "bin", answers)
    docker = Docker(environ, str(directory / "bin" / "docker"))
    project = ComposeProject(ComposeTool(docker, (docker.program, "compose")), "p", directory / "compose.yaml")
    clocks = directory / "clocks"
    clocks.mkdir()
    return ContainerHost(
        service="validator-0",
        container="c0",
        image=image,
        ports=PORTS,
        docker=docker,
        project=project,
        address="127.0.0.1",
        mounts={"/clocks": clocks},
        clock_path="/clocks/validator-0",
        log_directory=None,
        patience=Patience(),
        surroundings=THIS_MACHINE,
    )


async def test_it_starts_and_tells_where_the_node_is_reached(tmp_path: Path) -> None:
    host: NodeHost = host_with(
        tmp_path, [(["start", "c0"], {}), (["container", "inspect", "c0"], {"out": inspected()})]
    )
    assert not host.running
    assert await host.ended() == "not started"
    started = await host.start()
    assert started == Started(pid=77, url="http://127.0.0.1:18081", testing_url="http://127.0.0.1:18082")
    assert host.running
    assert host.program == "nodes:1 (c0)"


async def test_a_container_that_its_stack_has_started_is_not_started_again(tmp_path: Path) -> None:
    host = host_with(tmp_path, [])  # any command would fail
    host.expect_start()
    host.take_started(json.loads(inspected())[0])
    started = await host.start()
    assert started is not None
    assert started.pid == 77


async def test_a_container_that_ended_meanwhile_tells_how(tmp_path: Path) -> None:
    host = host_with(tmp_path, [])
    host.expect_start()
    host.take_started(json.loads(inspected(running=False, exit_code=137))[0])
    assert await host.start() is None
    assert not host.running
    assert await host.ended() == "killed by SIGKILL"


async def test_an_end_is_heard_once_and_only_while_it_runs(tmp_path: Path) -> None:
    host = host_with(tmp_path, [])
    host.hear_end(1)
    assert await host.ended() == "not started"
    host.expect_start()
    ending = asyncio.create_task(host.ended())
    host.hear_end(3)
    host.hear_end(0)
    assert await ending == "exit code 3"


async def test_what_docker_refuses_is_an_error_with_its_words(tmp_path: Path) -> None:
    host = host_with(
        tmp_path,
        [
            (["start", "c0"], {"err": "no such container: c0\n", "status": 1}),
            (["pause", "c0"], {"err": "c0 is not running\n", "status": 1}),
        ],
    )
    with pytest.raises(LaunchError, match="no such container: c0"):
        await host.start()
    assert not host.running
    with pytest.raises(NodeControlError, match="c0 is not running"):
        await host.freeze()


async def test_a_port_that_is_not_published_is_named(tmp_path: Path) -> None:
    host = host_with(tmp_path, [])
    host.take_started(json.loads(inspected(published=False))[0])
    with pytest.raises(LaunchError, match="failed to resolve host port for validator-0 container port 18080"):
        await host.start()


async def test_a_frozen_container_is_continued_before_it_is_ended(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    host = host_with(tmp_path, [])
    program = tmp_path / "bin" / "docker"
    answer = tmp_path / "inspected"
    answer.write_text(inspected(paused=True))
    program.write_text(f'#!/bin/sh\necho "$1 $2" >> {asked}\n[ "$1" != container ] || /bin/cat {answer}\n')
    host.expect_start()

    async def hear() -> None:
        await until("the container to be killed", lambda: asked.exists() and "kill c0" in asked.read_text())
        host.hear_end(137)

    async with asyncio.TaskGroup() as both:
        both.create_task(hear())
        both.create_task(host.end(grace=0))
    assert asked.read_text().splitlines() == ["container inspect", "unpause c0", "kill c0"]
    assert await host.ended() == "killed by SIGKILL"


async def test_a_file_below_a_mount_is_written_on_this_machine_for_every_user(tmp_path: Path) -> None:
    host = host_with(tmp_path, [])
    for text in (b"+0\n", b"-5.000000\n"):
        await host.put("/clocks/validator-0", text)
    (file,) = (tmp_path / "clocks").iterdir()
    assert (file.name, file.read_bytes(), file.stat().st_mode & 0o444) == ("validator-0", b"-5.000000\n", 0o444)


async def test_any_other_file_is_copied_into_the_container(tmp_path: Path) -> None:
    copied = tmp_path / "copied"
    host = host_with(tmp_path, [])
    program = tmp_path / "bin" / "docker"
    program.write_text(f'#!/bin/sh\n[ "$1 $3" = "cp c0:{CONFIG_PATH}" ] && exec /bin/cp "$2" {copied}\n')
    await host.put(CONFIG_PATH, b"network: {}\n")
    assert copied.read_bytes() == b"network: {}\n"
