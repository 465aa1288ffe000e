"""The nodes' image on a real Docker daemon: its size, its programs, a network that gets its settings from cfgsync."""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from nomos_core.config import dump_document
from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.deployers.compose.host import CONFIG_PATH
from nomos_testing.surroundings import measured_machine_factor
from support.inputs.bundles import OTHER_MACHINE, elf
from support.processes.docker_daemon import docker
from support.processes.node_image import node_image, run_build
from support.repository.repository_copy import REPOSITORY

pytestmark = [pytest.mark.docker, pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(900)]

CONFIG = CfgsyncConfig(n_hosts=2, timeout=120, slot_duration=0.5, prover="development")
LARGEST = 400_000_000


@pytest.fixture
def image() -> str:
    return node_image()


def run(image: str, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """A container that is gone when it ends."""
    entry = ("docker", "run", "--rm", "--network=none", *options, f"--entrypoint={command[0]}", image, *command[1:])
    return subprocess.run(entry, capture_output=True, text=True, timeout=300, check=False)


def test_the_image_is_small_and_is_not_built_again(image: str) -> None:
    assert int(docker("image", "inspect", "-f", "{{.Size}}", image)) < LARGEST
    started = time.monotonic()
    again = run_build()
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, f"Image {image} is up to date"), again.stderr
    assert time.monotonic() - started < 10 * measured_machine_factor()


def test_every_program_starts_in_it(image: str) -> None:
    programs = ("nomos-node", "nomos-executor", "nomos-cli", "cfgsync-server", "cfgsync-client")
    shell = " && ".join(f"{program} --help >/dev/null" for program in programs)
    assert run(image, "sh", "-ec", shell).returncode == 0
    relay = run(image, "sh", "-c", "echo '{\"id\": 1}' | python -m nomos_testing.relay /tmp/evidence")
    assert json.loads(relay.stdout)["id"] == 1, relay.stderr
    assert run(image, "test", "-s", "/kzgrs_test_params/kzgrs_test_params").returncode == 0


def test_its_programs_run_as_a_user_without_privileges(image: str) -> None:
    script = "id -u; pwd; grep -E 'CapEff|Seccomp:' /proc/self/status; touch config.yaml /logs/a /var/log/nomos/a"
    seen = run(image, "sh", "-ec", script)
    assert seen.returncode == 0, seen.stderr
    uid, directory, *rows = seen.stdout.splitlines()
    assert (uid != "0", directory) == (True, "/var/lib/nomos")
    assert dict(row.split(":\t") for row in rows) == {"CapEff": "0" * 16, "Seccomp": "2"}


def test_a_program_for_another_machine_ends_its_container(image: str, tmp_path: Path) -> None:
    program = tmp_path / "nomos-node"
    program.write_bytes(elf(OTHER_MACHINE))
    program.chmod(0o755)
    mounted = ("-v", f"{program}:/opt/nomos/nomos-node:ro")
    done = run(image, "/etc/nomos/scripts/run_nomos_node.sh", options=mounted)
    assert done.returncode == 126
    assert "nomos-node is not for Linux on" in done.stderr


def test_the_manuals_commands_make_the_image(image: str) -> None:
    manual = (REPOSITORY / "docs/images.md").read_text()
    commands = re.findall(r"```bash\n(.*?)```", manual, re.DOTALL)
    assert len(commands) == 1
    done = subprocess.run(
        ["bash", "-ec", commands[0]], cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Image {image} is up to date" in done.stdout.splitlines()


class Stack:
    """A network of containers, removed with all that was started in it."""

    def __init__(self, image: str) -> None:
        self._image = image
        self._name = f"nomos-image-test-{uuid4().hex[:8]}"
        self._containers: list[str] = []
        docker("network", "create", self._name)

    def start(self, *options: str, command: str) -> str:
        started = docker("run", "-d", f"--network={self._name}", *options, f"--entrypoint={command}", self._image)
        self._containers.append(started)
        return self._containers[-1]

    def remove(self) -> None:
        if self._containers:
            docker("rm", "-f", "-v", *self._containers)
        docker("network", "rm", self._name)


@pytest.fixture
def stack(image: str) -> Iterator[Stack]:
    running = Stack(image)
    yield running
    running.remove()


def info(container: str) -> dict[str, Any] | None:
    """What the node's API says; None while it does not answer."""
    published = docker("port", container, "18080/tcp", check=False).splitlines()
    try:
        with urllib.request.urlopen(f"http://{published[0]}/cryptarchia/info", timeout=5) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except (IndexError, OSError, urllib.error.URLError):
        return None


def wait_for_height(container: str, height: int) -> dict[str, Any]:
    limit = 60 * measured_machine_factor()
    deadline = time.monotonic() + limit
    seen = None
    while time.monotonic() < deadline:
        seen = info(container) or seen
        if seen and seen["height"] >= height:
            return seen
        time.sleep(0.2)
    raise AssertionError(
        f"no height {height} within {limit:.0f} s but {seen}: {docker('logs', '--tail=20', container)}"
    )


def test_containers_get_their_settings_and_make_blocks_and_a_restarted_one_keeps_them(
    stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "cfgsync.yaml").write_text(dump_document(CONFIG))
    server = stack.start(
        *("--network-alias=cfgsync", "-v", f"{tmp_path}/cfgsync.yaml:/etc/nomos/cfgsync.yaml:ro"),
        command="/etc/nomos/scripts/run_cfgsync.sh",
    )
    stack.start("-e", "CFG_HOST_IDENTIFIER=validator-0", command="/etc/nomos/scripts/run_nomos_node.sh")
    executor = stack.start(
        *("-e", "CFG_HOST_IDENTIFIER=executor-0", "-e", "NOMOS_LOG_DIR=/logs", "-p", "127.0.0.1:0:18080"),
        command="/etc/nomos/scripts/run_nomos_executor.sh",
    )
    reached = wait_for_height(executor, 2)["height"]
    assert "All hosts have announced their IPs" in docker("logs", server)
    assert docker("exec", executor, "sh", "-c", "ls /logs/nomos-executor-0*")

    before = docker("exec", executor, "cat", CONFIG_PATH)
    docker("restart", "--time=10", executor)
    wait_for_height(executor, reached + 1)
    assert docker("exec", executor, "cat", CONFIG_PATH) == before
    assert f"Config saved to {CONFIG_PATH}" in docker("logs", executor)
