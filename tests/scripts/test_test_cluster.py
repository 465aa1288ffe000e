"""``test-cluster.sh``: what it says where it can't be had, and that its programs are built once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from support.processes.kubernetes_cluster import OWN, TEST_CLUSTER, copy_command
from support.repository.repository_copy import Copy

GO = """#!/bin/sh
case "$1" in
version) echo "go version go1.{minor}.0 linux/amd64" ;;
env) echo "$2" ;;
build) echo "$PWD $*" >>"{log}"; while [ "$1" != -o ]; do shift; done; {result} ;;
esac
"""
BUILDS = 'echo program >"$2"; chmod +x "$2"'
PROGRAMS = ("etcd", "containerd", "ctr", "containerd-shim-runc-v2", "runc", "iptables", "iptables-save", "openssl")
USED_BY_SHELL = ("bash", "dirname", "sed", "cat", "cut", "sha256sum", "flock", "mkdir", "grep", "rmdir", "awk")


@pytest.fixture
def machine(copy: Copy) -> Copy:
    """With stand-ins for all that a cluster consists of; ``bin`` is all of its ``PATH``, and the user is root."""
    for name in USED_BY_SHELL:
        shutil.copy(str(shutil.which(name)), copy.root / "bin" / name)
    for name in (*PROGRAMS, "setsid", "unshare"):
        copy.program(f"bin/{name}", "#!/bin/sh\n")
    for name in ("bridge", "host-local"):
        copy.program(f"cni/{name}", "#!/bin/sh\n")
    copy.program("bin/ip", "#!/bin/sh\nexit 1\n")
    copy.program("bin/id", "#!/bin/sh\necho 0\n")
    copy.program("bin/uname", '#!/bin/sh\n[ "$1" = -m ] && echo x86_64 || echo Linux\n')
    copy.program("bin/go", GO.format(minor=24, log=copy.root / "go.log", result=BUILDS))
    _replace(copy, "scripts/test-cluster.sh", 'PATH="$PATH:/usr/sbin:/sbin:/usr/local/go/bin"', "")
    _replace(copy, "scripts/test-cluster/settings.sh", "/usr/lib/cni /opt/cni/bin /usr/libexec/cni", f"{copy.root}/cni")
    return copy


def _replace(copy: Copy, path: str, old: str, new: str) -> None:
    text = (copy.root / path).read_text()
    assert old in text
    (copy.root / path).write_text(text.replace(old, new))


def _run(machine: Copy, *arguments: str) -> subprocess.CompletedProcess[str]:
    return machine.run(
        "test-cluster.sh",
        *arguments,
        PATH=str(machine.root / "bin"),
        NOMOS_TEST_CLUSTER_STATE=str(machine.root / "state"),
    )


def _told(machine: Copy, *arguments: str, code: int) -> str:
    done = _run(machine, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr


def test_its_help_names_each_command(machine: Copy) -> None:
    done = _run(machine, "--help")
    assert done.returncode == 0
    named = [line.split()[1] for line in done.stdout.splitlines()]
    assert named == ["up", "down", "status", "load", "stop-api", "start-api", "build", "-h,"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "scripts/test-cluster.sh up "),
        (["start"], "ERROR: unknown command: start"),
        (["up", "now"], "ERROR: up takes no arguments, got: now"),
        (["load"], "ERROR: load needs the name of an image"),
    ],
)
def test_what_it_does_not_understand_is_told(machine: Copy, arguments: list[str], told: str) -> None:
    assert told in _told(machine, *arguments, code=1)


@pytest.mark.parametrize("arguments", [["up"], ["down"], ["status"], ["load", "image"], ["stop-api"], ["start-api"]])
def test_it_takes_root_and_linux(machine: Copy, arguments: list[str]) -> None:
    machine.program("bin/id", "#!/bin/sh\necho 1000\n")
    assert f"Run it as root (sudo {machine.root}/scripts/test-cluster.sh {arguments[0]})" in _told(
        machine, *arguments, code=2
    )
    machine.program("bin/uname", "#!/bin/sh\necho Darwin\n")
    assert "takes Linux, and this is Darwin" in _told(machine, *arguments, code=2)


def test_missing_programs_are_all_told_with_their_packages(machine: Copy) -> None:
    for name in ("etcd", "ctr"):
        (machine.root / "bin" / name).unlink()
    shutil.rmtree(machine.root / "cni")
    assert _told(machine, "up", code=2).splitlines() == [
        "ERROR: the test cluster needs programs that are not here:",
        "  etcd (Debian: etcd-server)",
        "  ctr (Debian: containerd)",
        "  the CNI plugins (Debian: containernetworking-plugins)",
    ]


def test_a_go_that_can_not_build_it_is_told(machine: Copy) -> None:
    machine.program("bin/go", GO.format(minor=19, log=machine.root / "go.log", result=BUILDS))
    assert "Go 1.19 is too old" in _told(machine, "up", code=2)
    (machine.root / "bin/go").unlink()
    for command in ("up", "build"):
        assert "there is no Go to build them" in _told(machine, command, code=2)


def test_without_a_cluster_there_is_nothing_to_end(machine: Copy) -> None:
    assert _run(machine, "down").stdout == "==> There is no cluster\n"
    status = _run(machine, "status")
    assert (status.returncode, status.stdout) == (1, "==> There is no cluster\n")
    for arguments in (["load", "image"], ["stop-api"], ["start-api"]):
        assert "there is no cluster; start one" in _told(machine, *arguments, code=1)


@pytest.fixture
def built(machine: Copy) -> Copy:
    """With the programs as if they were built."""
    text = (machine.root / "scripts/test-cluster/build.sh").read_text()
    assert "programs_are_built() {" in text
    machine.program("scripts/test-cluster/build.sh", text + "programs_are_built() { true; }\n")
    return machine


def test_a_directory_that_is_no_clusters_is_left_alone(built: Copy) -> None:
    (built.root / "state").mkdir()
    (built.root / "state/letter").touch()
    assert "is no cluster's; it is left alone" in _told(built, "up", code=2)
    assert _run(built, "down").returncode == 0
    assert (built.root / "state/letter").exists()


def test_another_cluster_is_left_alone(built: Copy) -> None:
    built.program("bin/ip", "#!/bin/sh\n")
    assert "there is another cluster on this machine: the network interface k8s0" in _told(built, "up", code=2)
    built.program("bin/ip", "#!/bin/sh\nexit 1\n")
    built.program("bin/iptables-save", "#!/bin/sh\necho ':KUBE-SERVICES - [0:0]'\n")
    assert "there is another cluster on this machine: the firewall" in _told(built, "up", code=2)


@pytest.fixture
def builder(copy: Copy) -> Copy:
    """With a stand-in for Go, and the machine's other programs."""
    copy.program("bin/go", GO.format(minor=24, log=copy.root / "go.log", result=BUILDS))
    return copy


def _build(copy: Copy) -> Path:
    done = copy.run("test-cluster.sh", "build")
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.splitlines()[-1])


def _built_modules(copy: Copy) -> list[str]:
    return [line.split()[0].rsplit("/", 1)[1] for line in (copy.root / "go.log").read_text().splitlines()]


def test_the_programs_are_built_once(builder: Copy) -> None:
    leftover = builder.root / "home/.cache/logos-blockchain-testing/kubernetes/build.killed/modules"
    leftover.mkdir(parents=True)
    leftover.chmod(0o555)
    directory = _build(builder)
    assert sorted(file.name for file in directory.iterdir()) == ["kube", "pause.tar"]
    assert sorted(file.name for file in directory.parent.iterdir()) == [directory.name, "lock"], "nothing else is kept"
    assert _built_modules(builder) == ["kubernetes", "pause"]
    assert "-mod=readonly" in (builder.root / "go.log").read_text(), "go.sum has all that is needed"
    assert _build(builder) == directory
    assert len(_built_modules(builder)) == 2


def test_two_that_build_at_once_build_once(builder: Copy) -> None:
    processes = [
        subprocess.Popen(
            builder.command("test-cluster.sh", ["build"]),
            env=builder.environment({}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[0].splitlines()[-1] == outputs[1].splitlines()[-1]
    assert _built_modules(builder) == ["kubernetes", "pause"]


@pytest.mark.parametrize("file", ["kubernetes/go.sum", "kubernetes/main.go", "pause/main.go"])
def test_other_sources_are_another_build(builder: Copy, file: str) -> None:
    first = _build(builder)
    with (builder.root / "scripts/test-cluster" / file).open("a") as source:
        source.write("// changed\n")
    second = _build(builder)
    assert first != second
    assert first.name.startswith("1.32.5-")
    assert second.name.startswith("1.32.5-")


def test_another_machine_is_another_build(builder: Copy) -> None:
    first = _build(builder)
    builder.program("bin/uname", "#!/bin/sh\necho riscv64\n")
    assert "-riscv64-" in _build(builder).name
    assert "-riscv64-" not in first.name


def test_a_build_that_fails_says_why_and_leaves_nothing(builder: Copy) -> None:
    failing = 'echo "kube: no room" >&2; exit 1'
    builder.program("bin/go", GO.format(minor=24, log=builder.root / "go.log", result=failing))
    done = builder.run("test-cluster.sh", "build")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "kube: no room"
    assert f"its output: {builder.root}/.tmp/test-cluster-build.log" in done.stderr
    cache = builder.root / "home/.cache/logos-blockchain-testing/kubernetes"
    assert [file.name for file in cache.iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("context", "program"), [("kind-ci", "kind"), ("minikube", "minikube"), (OWN, str(TEST_CLUSTER)), ("default", None)]
)
def test_how_an_image_gets_into_a_cluster_hangs_on_its_kind(context: str, program: str | None) -> None:
    command = copy_command(context, "image:tag")
    assert command[:1] == ([program] if program else [])
    assert not command or "image:tag" in command
