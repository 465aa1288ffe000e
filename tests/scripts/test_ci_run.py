"""``.ci/run``: what it installs where it may, what it says where it may not, and that the tests run in any case."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from support.repository.repository_copy import REPOSITORY, Copy

USED = ("bash", "sh", "dirname", "mkdir", "cat", "grep", "rm", "chmod")
TOLD = (
    "docker.io iptables iproute2 debootstrap prometheus faketime etcd-server containerd runc openssl"
    " chromium chromium-driver containernetworking-plugins docker-compose"
)
PROGRAMS = (
    "dockerd",
    "iptables",
    "ip",
    "debootstrap",
    "faketime",
    "etcd",
    "containerd",
    "runc",
    "openssl",
    "chromium",
    "chromedriver",
)


@pytest.fixture
def bare(copy: Copy) -> Copy:
    """A machine with none of the programs but those of a shell; ``bin`` is all of its ``PATH``."""
    for name in USED:
        shutil.copy(str(shutil.which(name)), copy.root / "bin" / name)
    text = (REPOSITORY / ".ci/run").read_text().replace('PATH="$PATH:/usr/sbin:/sbin"', "")
    for directory in ("/usr/sbin/policy-rc.d", "/usr/lib/cni", "/opt/cni"):
        text = text.replace(directory, f"{copy.root}{directory}")
    (copy.root / "usr/sbin").mkdir(parents=True)
    copy.program(".ci/run", text)
    copy.program("scripts/run-tests.sh", "#!/bin/sh\necho tests run\nexit 5\n")
    return copy


def _run(machine: Copy, *, user: int) -> str:
    machine.program("bin/id", f"#!/bin/sh\necho {user}\n")
    done = subprocess.run(
        [machine.root / "bin/bash", machine.root / ".ci/run"],
        env={"PATH": str(machine.root / "bin"), "LOG": str(machine.root / "log")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5, "the exit code is that of the tests"
    *said, last = done.stdout.splitlines()
    assert last == "tests run"
    return "\n".join(said)


def test_root_gets_what_is_missing_with_its_daemons_off(bare: Copy) -> None:
    bare.program("bin/apt-get", f'#!/bin/sh\necho "$*" >>"$LOG"\ncat {bare.root}/usr/sbin/policy-rc.d >>"$LOG"\n')
    assert _run(bare, user=0) == f"==> Installing for the tests: {TOLD}"
    policy = ["#!/bin/sh", "exit 101"]
    assert (bare.root / "log").read_text().splitlines() == [
        *("update", *policy),
        *(f"install -y --no-install-recommends {TOLD}", *policy),
    ]
    assert not (bare.root / "usr/sbin/policy-rc.d").exists()


def test_what_is_there_is_not_installed(bare: Copy) -> None:
    for name in (*PROGRAMS, "docker-compose"):
        bare.program(f"bin/{name}", "#!/bin/sh\n")
    bare.program("usr/lib/cni/bridge", "#!/bin/sh\n")
    bare.program("bin/apt-get", "#!/bin/sh\n")
    assert _run(bare, user=0) == "==> Installing for the tests: prometheus"
    bare.program("bin/prometheus", "#!/bin/sh\n")
    assert _run(bare, user=0) == ""


def test_a_failure_is_told_and_the_tests_run(bare: Copy) -> None:
    bare.program("bin/apt-get", '#!/bin/sh\necho "Reading package lists..."\necho "E: no network"\nexit 100\n')
    assert _run(bare, user=0).splitlines()[1] == (
        "==> That failed (.tmp/apt-get.log): E: no network; what needs them is skipped"
    )
    assert not (bare.root / "usr/sbin/policy-rc.d").exists()


def test_others_are_told(bare: Copy) -> None:
    assert _run(bare, user=1000) == (
        f"==> Not here, and not installed (that takes root and apt-get): {TOLD}; what needs them is skipped"
    )
