"""``run_nomos.sh``, the entry point of a node's container, with stand-ins for what it runs."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest

from support.inputs.bundles import MACOS, OTHER_MACHINE, OUR_MACHINE, elf
from support.repository.repository_copy import REPOSITORY, STACK

SCRIPT = REPOSITORY / STACK / "scripts/run_nomos.sh"
NODE = '#!/bin/sh\necho "node=$(basename "$0") $*"\nenv\nexit "${NODE_EXIT:-0}"\n'
CLIENT = """#!/bin/sh
echo asked >>asked
[ "$(wc -l <asked)" -ge "${ANSWERS_AT:-1}" ] && echo config >"$CFG_FILE_PATH"
"""


class Container:
    """A directory that stands in for a container: its programs come first on ``PATH``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir()
        for name, text in {
            "nomos-node": NODE,
            "nomos-executor": NODE,
            "cfgsync-client": CLIENT,
            "sleep": '#!/bin/sh\necho "$1" >>slept\n',
            "hostname": '#!/bin/sh\necho "172.18.0.5 172.19.0.5"\n',
        }.items():
            self.put(name, text.encode())

    def put(self, name: str, data: bytes) -> None:
        (self.bin / name).write_bytes(data)
        (self.bin / name).chmod(0o755)

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", SCRIPT, *arguments],
            cwd=self.root,
            env={"PATH": f"{self.bin}:{os.defpath}"} | environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def lines(self, name: str) -> list[str]:
        file = self.root / name
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def shown(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


@pytest.mark.parametrize(("role", "program"), [("validator", "nomos-node"), ("executor", "nomos-executor")])
def test_it_becomes_the_node_of_its_role(container: Container, role: str, program: str) -> None:
    done = container.run(role, NODE_EXIT="7")
    seen = shown(done)
    assert (done.returncode, done.stderr) == (7, "")
    assert seen["node"] == f"{program} {container.root}/config.yaml"
    assert seen["CFG_HOST_KIND"] == role
    assert seen["CFG_HOST_IDENTIFIER"] == f"{role}-0"
    assert seen["CFG_HOST_IP"] == "172.18.0.5"
    assert seen["CFG_SERVER_ADDR"] == "http://cfgsync:4400"
    assert seen["NOMOS_KZGRS_PARAMS_PATH"] == "/kzgrs_test_params/kzgrs_test_params"
    assert seen["NOMOS_TIME_BACKEND"] == "monotonic"
    assert seen["POL_PROOF_DEV_MODE"] == "true"
    assert "LOG_LEVEL" not in seen
    assert "LOG_BACKEND" not in seen
    assert (container.root / "recovery").is_dir()


def test_what_the_caller_sets_stays(container: Container) -> None:
    given = {
        "CFG_SERVER_ADDR": "http://other:1",
        "CFG_HOST_IP": "10.0.0.1",
        "CFG_HOST_IDENTIFIER": "validator-12",
        "NOMOS_KZGRS_PARAMS_PATH": "/params",
        "POL_PROOF_DEV_MODE": "false",
        "LOG_LEVEL": "WARN",
        "NOMOS_LOG_LEVEL": "debug",
    }
    assert given.items() <= shown(container.run("validator", **given)).items()


@pytest.mark.parametrize(
    ("level", "taken"), [("debug", "DEBUG"), ("Warn", "WARN"), ("error", "ERROR"), ("trace", None)]
)
def test_the_manuals_log_level_becomes_the_nodes(container: Container, level: str, taken: str | None) -> None:
    assert shown(container.run("validator", NOMOS_LOG_LEVEL=level)).get("LOG_LEVEL") == taken


@pytest.mark.parametrize(("role", "prefix"), [("validator", "nomos-node-3"), ("executor", "nomos-executor-3")])
def test_log_files_are_called_by_role_and_number(container: Container, role: str, prefix: str) -> None:
    logs = str(container.root / "logs")
    seen = shown(container.run(role, NOMOS_LOG_DIR=logs, CFG_HOST_IDENTIFIER=f"{role}-3"))
    assert (seen["LOG_BACKEND"], seen["LOG_DIR"], seen["LOG_PATH"]) == ("file", logs, prefix)
    assert Path(logs).is_dir()


def test_it_asks_again_until_there_is_an_answer(container: Container) -> None:
    assert container.run("validator", ANSWERS_AT="4").returncode == 0
    assert len(container.lines("asked")) == 4
    assert container.lines("slept") == ["3"] * 3


def test_it_asks_thirty_times(container: Container) -> None:
    done = container.run("validator", ANSWERS_AT="100")
    assert done.returncode == 1
    assert done.stderr == "run_nomos.sh: no configuration from http://cfgsync:4400 after 30 tries\n"
    assert len(container.lines("asked")) == 30


def test_a_container_that_is_started_again_keeps_its_configuration(container: Container) -> None:
    container.run("validator")
    assert container.run("validator").returncode == 0
    assert len(container.lines("asked")) == 1


@pytest.mark.parametrize("arguments", [(), ("node",), ("",)])
def test_an_unknown_role(container: Container, arguments: tuple[str, ...]) -> None:
    done = container.run(*arguments)
    name = "".join(arguments)
    assert done.returncode == 2
    assert done.stderr == f"run_nomos.sh: unknown role '{name}'; expected validator or executor\n"
    assert container.lines("asked") == []


@pytest.mark.parametrize(
    ("program", "found"),
    [(elf(OTHER_MACHINE), f"{OTHER_MACHINE:x}"), (MACOS, "a macOS program"), (b"text", "no ELF program")],
)
def test_a_program_for_another_machine(container: Container, program: bytes, found: str) -> None:
    container.put("nomos-executor", program)
    done = container.run("executor")
    assert done.returncode == 126
    assert f"nomos-executor is not for Linux on {platform.machine()} (found: {found})" in done.stderr
    assert container.lines("asked") == []


def test_a_program_for_this_machine_is_started(container: Container) -> None:
    container.put("nomos-node", elf(OUR_MACHINE))
    done = container.run("validator")
    assert len(container.lines("asked")) == 1
    assert "is not for Linux" not in done.stderr


def test_a_program_that_is_not_there(container: Container) -> None:
    (container.bin / "nomos-node").unlink()
    done = container.run("validator")
    assert (done.returncode, done.stderr) == (126, "run_nomos.sh: nomos-node is not in this image\n")


def test_an_embedded_node_loads_while_its_configuration_is_on_the_way(container: Container) -> None:
    package = container.root / "python/nomos_node"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "start_when_configured.py").write_text("import sys\nprint('awaited=' + ' '.join(sys.argv[1:]))\n")
    given = {"PYTHONPATH": f"{container.root}/python:/elsewhere"}
    asking = f"{SCRIPT.parent}/ask_cfgsync.sh"
    seen = shown(container.run("validator", **given))
    assert seen["awaited"] == f"nomos-node {container.root}/config.yaml {asking}"
    (container.root / "config.yaml").write_text("there already")
    assert shown(container.run("validator", **given))["node"].startswith("nomos-node ")
