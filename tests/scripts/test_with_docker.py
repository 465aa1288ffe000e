"""``with-docker.sh``: whose daemon it takes, what it says, and that it leaves nothing of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.processes.docker_daemon import require_docker
from support.repository.repository_copy import Copy

DOCKER = """#!/bin/sh
case "$1" in
version) [ -e "{up}" ] && echo 20.10.24 ;;
ps) echo one-of-ours ;;
rm) shift; echo "removed $*" >>"{log}" ;;
*) exit 1 ;;
esac
"""
DOCKERD = """#!/bin/sh
echo "dockerd $*" >>"{log}"
touch "{up}"
trap 'rm "{up}"; echo "dockerd ended" >>"{log}"; exit' TERM
while :; do sleep 0.05; done
"""
NOTHING = "#!/bin/sh\n"


@pytest.fixture
def machine(copy: Copy) -> Copy:
    """With stand-ins for Docker: the daemon is up once ``dockerd`` runs, or ``up`` is there."""
    up, log = copy.root / "up", copy.root / "log"
    copy.program("bin/docker", DOCKER.format(up=up, log=log))
    copy.program("bin/dockerd", DOCKERD.format(up=up, log=log))
    copy.program("bin/id", "#!/bin/sh\necho 0\n")
    for name in ("containerd", "iptables", "iptables-save", "iptables-restore", "ip"):
        copy.program(f"bin/{name}", NOTHING)
    return copy


def test_the_daemon_that_runs_is_taken(machine: Copy) -> None:
    (machine.root / "up").touch()
    done = machine.run("with-docker.sh", "sh", "-c", "echo ran ${DOCKER_HOST-there}; exit 3")
    assert done.returncode == 3
    assert done.stdout == "==> Docker: the daemon that is running (20.10.24)\nran there\n"
    assert not (machine.root / "log").exists(), "no other daemon was started"


def test_without_one_its_own_runs_as_long_as_the_command(machine: Copy) -> None:
    done = machine.run("with-docker.sh", "sh", "-c", "echo ran $DOCKER_HOST; exit 3")
    assert done.returncode == 3, done.stderr
    first, ran = done.stdout.splitlines()
    assert first == "==> Docker: a daemon of our own (20.10.24), until this ends"
    socket = ran.removeprefix("ran unix://")
    started, *ended = (machine.root / "log").read_text().splitlines()
    assert f"--host unix://{socket} --data-root {machine.root}/.tmp/docker-data." in started
    assert ended == ["removed -f one-of-ours", "dockerd ended"]
    assert not Path(socket).parent.exists()
    assert not list((machine.root / ".tmp").glob("docker-data.*"))


def test_data_stay_where_they_are_asked_for(machine: Copy) -> None:
    data = machine.root / "kept"
    data.mkdir()
    assert machine.run("with-docker.sh", "true", NOMOS_DOCKER_DATA=str(data)).returncode == 0
    assert f"--data-root {data} " in (machine.root / "log").read_text()
    assert data.is_dir()


def test_a_daemon_that_does_not_come_up_is_a_reason(machine: Copy) -> None:
    machine.program("bin/dockerd", "#!/bin/sh\necho 'failed to start daemon: no room' >&2\nexit 1\n")
    done = machine.run("with-docker.sh", "sh", "-c", "echo ran ${DOCKER_HOST-without}")
    assert done.returncode == 0
    reason = "dockerd did not start: failed to start daemon: no room"
    assert done.stdout == f"==> Docker: none, what needs it is skipped: {reason}\nran without\n"


@pytest.mark.parametrize(
    ("missing", "environ", "reason"),
    [
        ("dockerd", {}, "there is no program dockerd (Debian: docker.io, iptables, iproute2)"),
        (None, {"DOCKER_HOST": "tcp://elsewhere"}, "DOCKER_HOST=tcp://elsewhere does not answer"),
        ("id", {}, "no daemon answers, and only root may start one"),
    ],
)
def test_where_none_can_be_had_the_command_runs_and_the_reason_is_told(
    machine: Copy, missing: str | None, environ: dict[str, str], reason: str
) -> None:
    # PATH is the copy's alone, so that the machine's own Docker is out of sight.
    for name in ("bash", "dirname", "timeout", "sh", "mkdir", "cat", "grep"):
        shutil.copy(str(shutil.which(name)), machine.root / "bin" / name)
    if missing == "id":
        machine.program("bin/id", "#!/bin/sh\necho 1000\n")
    elif missing:
        (machine.root / "bin" / missing).unlink()
    script = machine.root / "scripts/with-docker.sh"
    script.write_text(script.read_text().replace('PATH="$PATH:/usr/sbin:/sbin"', ""))
    done = subprocess.run(
        [machine.root / "bin/bash", script, "sh", "-c", "echo ran"],
        env={"PATH": str(machine.root / "bin"), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"==> Docker: none, what needs it is skipped: {reason}\nran\n")


@pytest.mark.docker
def test_a_real_daemon_of_its_own_comes_and_goes(copy: Copy) -> None:
    """In a network and with mounts of its own, where the daemon of this machine is not in sight."""
    require_docker()
    if os.geteuid() or not all(map(shutil.which, ("unshare", "dockerd", "iptables", "ip"))):
        pytest.skip("takes root and the programs unshare, dockerd, iptables and ip")
    inside = f"""
        mount -t tmpfs none /run && ip link set lo up && iptables -A INPUT -s 10.9.9.9 -j DROP
        iptables-save | grep -v '^#' >{copy.root}/before
        {copy.root}/scripts/with-docker.sh docker info -f 'root={{{{.DockerRootDir}}}}'; code=$?
        ip link show docker0 2>/dev/null && exit 1
        iptables-save -t filter | grep -v '^#' | diff {copy.root}/before - && exit $code
    """
    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", inside],
        env=copy.environment({"PATH": os.environ["PATH"]}),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"root={copy.root}/.tmp/docker-data." in done.stdout
    assert not list((copy.root / ".tmp").glob("docker-data.*"))
