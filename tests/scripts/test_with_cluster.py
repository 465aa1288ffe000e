"""``with-cluster.sh``: whose cluster it takes, what it says, and that its own ends with the command."""

from __future__ import annotations

import shutil
import signal
import subprocess

import pytest

from support.repository.repository_copy import Copy

KUBECTL = '#!/bin/sh\n[ -e "{up}" ] && echo "Server Version: v1.32.5"\n'
TEST_CLUSTER = """#!/bin/sh
case "$1" in
up) echo "==> Starting"; {outcome} ;;
down) echo "ended" >>"{log}"; rm -f "{own}" ;;
status) [ -e "{own}" ] && echo "export KUBECONFIG={own}" ;;
esac
"""


@pytest.fixture
def machine(copy: Copy) -> Copy:
    """With stand-ins: the configured cluster answers if ``up`` is there, a disposable one runs if ``own`` is."""
    copy.program("bin/kubectl", KUBECTL.format(up=copy.root / "up"))
    _test_cluster(copy, f'touch "{copy.root / "own"}"')
    return copy


def _test_cluster(copy: Copy, outcome: str) -> None:
    copy.program(
        "scripts/test-cluster.sh",
        TEST_CLUSTER.format(own=copy.root / "own", log=copy.root / "log", outcome=outcome),
    )


def _run(machine: Copy, **environ: str) -> list[str]:
    done = machine.run("with-cluster.sh", "sh", "-c", "echo ran with ${KUBECONFIG-none}; exit 3", **environ)
    assert done.returncode == 3, done.stderr
    return done.stdout.splitlines()


def test_the_cluster_that_is_configured_is_taken(machine: Copy) -> None:
    (machine.root / "up").touch()
    told = "==> Kubernetes: the cluster that is configured (v1.32.5)"
    assert _run(machine, KUBECONFIG="/named") == [told, "ran with /named"]
    (machine.root / "home/.kube").mkdir(parents=True)
    (machine.root / "home/.kube/config").touch()
    assert _run(machine) == [told, "ran with none"]
    assert not (machine.root / "log").exists(), "nothing was started or ended"


def test_a_disposable_one_that_is_up_is_taken_and_stays(machine: Copy) -> None:
    (machine.root / "own").touch()
    assert _run(machine) == [
        "==> Kubernetes: the disposable cluster that is up",
        f"ran with {machine.root / 'own'}",
    ]
    assert (machine.root / "own").exists()


def test_without_one_a_disposable_one_runs_as_long_as_the_command(machine: Copy) -> None:
    assert _run(machine) == [
        "==> Starting",
        "==> Kubernetes: a disposable cluster, until this ends",
        f"ran with {machine.root / 'own'}",
    ]
    assert (machine.root / "log").read_text() == "ended\n"


def test_one_of_its_own_ends_where_the_command_is_interrupted(machine: Copy) -> None:
    process = subprocess.Popen(
        machine.command("with-cluster.sh", ["sh", "-c", 'echo runs; read -r line; kill -TERM "$PPID"']),
        env=machine.environment({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    output, _ = process.communicate("go on\n", timeout=60)
    assert output.splitlines()[-1] == "runs"
    assert process.returncode == 128 + signal.SIGTERM
    assert (machine.root / "log").read_text() == "ended\n"


@pytest.mark.parametrize("code", [1, 2])
def test_where_none_can_be_had_the_command_runs_and_the_reason_is_told(machine: Copy, code: int) -> None:
    _test_cluster(machine, f"echo 'ERROR: it takes root' >&2; exit {code}")
    assert _run(machine) == [
        "==> Starting",
        "==> Kubernetes: none, what needs it is skipped: ERROR: it takes root",
        "ran with none",
    ]


def test_a_cluster_that_is_named_and_does_not_answer_is_a_reason(machine: Copy) -> None:
    assert _run(machine, KUBECONFIG="/named") == [
        "==> Kubernetes: none, what needs it is skipped: KUBECONFIG=/named names no cluster that answers",
        "ran with /named",
    ]

    (machine.root / "bin/kubectl").unlink()
    done = machine.run("with-cluster.sh", "true", KUBECONFIG="/named", PATH=_path_without_kubectl(machine))
    assert "there is no kubectl on PATH to ask the cluster of KUBECONFIG=/named with" in done.stdout


def _path_without_kubectl(machine: Copy) -> str:
    for name in ("bash", "dirname", "awk", "cat", "sha256sum", "uname", "timeout", "sed", "grep", "true"):
        shutil.copy(str(shutil.which(name)), machine.root / "bin" / name)
    return str(machine.root / "bin")


def test_a_disposable_one_brings_a_kubectl(machine: Copy) -> None:
    """It comes last on ``PATH``: the machine's own is meant where there is one."""
    done = machine.run("with-cluster.sh", "sh", "-c", 'echo "$PATH"', NOMOS_TEST_CLUSTER_STATE="/state")
    assert done.stdout.splitlines()[-1].endswith(":/state/bin")
