"""``build_test_image.sh`` and ``build-base-image.sh`` with a stand-in for Docker."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from support.inputs.bundles import EMBEDDED, MACOS, NODE, OTHER_MACHINE, bundle, elf
from support.repository.repository_copy import Copy

SCRIPT = "testing-framework/assets/stack/scripts/build_test_image.sh"
PUBLIC = "python:3.11-slim-bookworm"
IMAGE = "logos-blockchain-testing:local"
PROMETHEUS = "prometheus=--if-needed"
DOCKER = f"""#!/bin/bash
# Knows images by files in home/images; each holds its labels. What it is told to do is written down.
echo "$@" >>"$HOME/docker-calls"
images="$HOME/images"; mkdir -p "$images"
named() {{ echo "$images/${{1//[:\\/]/_}}"; }}
case "$1" in
  info)
    [ -z "${{NO_DAEMON:-}}" ] || {{ echo "Cannot connect to the Docker daemon" >&2; exit 1; }}
    case "$3" in *Arch*) echo {platform.machine()};; *Root*) echo /var/lib/docker;; *) echo 20.10.24;; esac ;;
  image)
    image="$(named "${{!#}}")"; [ -f "$image" ] || exit 1
    case "$4" in *Labels*) cat "$image";; *.Id*) echo "sha256:$(cksum <"$image")";; *.Size*) echo 288000000;; esac ;;
  pull) [ -n "${{REGISTRY:-}}" ] || {{ echo "dial tcp: no such host" >&2; exit 1; }}; : >"$(named "$3")" ;;
  buildx) exit 1 ;;
  import)
    cat >/dev/null
    while [ "$1" != - ]; do case "$2" in LABEL*) label="${{2#*=}}";; esac; shift; done
    eval "echo $label" >"$(named "$2")" ;;
  build)
    echo "Step 1"; [ -z "${{BUILD_ERROR:-}}" ] || {{ echo "$BUILD_ERROR"; exit 1; }}
    context="${{!#}}"; ls -R "$context" >"$HOME/context"
    for argument; do case "$argument" in CONTEXT_CHECKSUM=*) checksum="${{argument#*=}}";; esac; done
    echo "$checksum" >"$(named "$5")" ;;
  rmi) ;;
  *) exit 9 ;;
esac
"""


@pytest.fixture
def machine(copy: Copy, tmp_path: Path) -> Copy:
    """The copy with Docker, a registry in no reach, a base from Debian packages and a bundle."""
    (copy.root / "home").mkdir()
    copy.program("bin/docker", DOCKER)
    copy.program("bin/id", "#!/bin/sh\necho ${UID_SEEN:-0}\n")
    copy.program(
        "bin/debootstrap", '#!/bin/sh\n[ -z "$FAILS" ] || { echo "no mirror"; exit 1; }\nmkdir -p "$4/usr/bin"\n'
    )
    copy.program(
        "scripts/make-environment.py",
        "import sys\nfrom pathlib import Path\n(Path(sys.argv[1]) / 'python/packages').mkdir(parents=True)\n",
    )
    copy.program("scripts/build-prometheus-image.sh", '#!/bin/sh\necho "prometheus=$*"\nexit "${PROMETHEUS_EXIT:-0}"\n')
    with_python(tmp_path / "bundle.tar.gz")
    return copy


def with_python(tar: Path, node: bytes = EMBEDDED, **changes: str) -> Path:
    return bundle(tar, node=node, more_meta=f"node=embedded\npython=3.11\nmachine={platform.machine()}\n", **changes)


def calls(machine: Copy, name: str) -> list[str]:
    lines = (machine.root / "home/docker-calls").read_text().splitlines()
    return [line for line in lines if line.startswith(f"{name} ")]


@pytest.fixture
def tar(tmp_path: Path) -> str:
    return str(tmp_path / "bundle.tar.gz")


@pytest.fixture(autouse=True)
def packages(machine: Copy) -> None:
    machine.program("scripts/prepare-venv.sh", "#!/bin/sh\n")
    machine.program(
        ".venv/bin/python", '#!/bin/sh\n[ "$1" != scripts/make-environment.py ] || mkdir -p "$2/python/packages"\n'
    )


def test_an_image_is_built_once_and_again_when_something_changed(machine: Copy, tar: str) -> None:
    first = machine.run(SCRIPT, NOMOS_BINARIES_TAR=tar)
    assert (first.returncode, first.stderr.count("ERROR")) == (0, 0), first.stderr
    assert first.stdout.splitlines()[-3:] == [
        f"==> Building {IMAGE} on logos-blockchain-testing:base",
        f"Image {IMAGE}: 288 MB",
        PROMETHEUS,
    ]
    assert "run_nomos.sh" in (machine.root / "home/context").read_text()
    assert list(machine.root.glob(".tmp/image-context*")) == []

    second = machine.run(SCRIPT, NOMOS_BINARIES_TAR=tar)
    assert (second.returncode, second.stdout) == (0, f"Image {IMAGE} is up to date\n{PROMETHEUS}\n")
    assert len(calls(machine, "build")) == 1

    dockerfile = machine.root / "testing-framework/assets/stack/Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "# changed\n")
    machine.run(SCRIPT, NOMOS_BINARIES_TAR=tar)
    with_python(Path(tar), node=EMBEDDED + b"# changed\n")
    machine.run(SCRIPT, NOMOS_BINARIES_TAR=tar)
    assert len(calls(machine, "build")) == 3


def test_without_an_image_of_prometheus_the_image_is_there_all_the_same(machine: Copy, tar: str) -> None:
    done = machine.run(SCRIPT, NOMOS_BINARIES_TAR=tar, PROMETHEUS_EXIT="1")
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1] == "==> There is no image of Prometheus: runs collect no metrics"


def test_the_public_base_is_taken_where_there_is_a_registry(machine: Copy, tar: str) -> None:
    done = machine.run(SCRIPT, NOMOS_BINARIES_TAR=tar, REGISTRY="1")
    assert done.returncode == 0, done.stderr
    assert f"BASE_IMAGE={PUBLIC}" in calls(machine, "build")[0]
    assert calls(machine, "import") == []


def test_a_base_that_is_named_is_taken(machine: Copy, tar: str) -> None:
    assert machine.run(SCRIPT, NOMOS_BINARIES_TAR=tar, BASE_IMAGE="mine:1", IMAGE_TAG="nomos:2").returncode == 0
    (call,) = calls(machine, "build")
    assert "BASE_IMAGE=mine:1" in call
    assert "-t nomos:2" in call
    assert calls(machine, "pull") == []


def test_a_base_with_another_python_is_not_made_here(machine: Copy, tmp_path: Path) -> None:
    tar = bundle(tmp_path / "other.tar.gz", node=EMBEDDED, more_meta="python=3.12\n")
    done = machine.run(SCRIPT, NOMOS_BINARIES_TAR=str(tar))
    assert done.returncode == 1
    assert "ERROR: the base image python:3.12-slim-bookworm can't be pulled: dial tcp: no such host" in done.stderr
    assert "PYTHON_BIN=python3.11" in done.stderr


def test_a_bundle_is_built_where_none_was_named(machine: Copy) -> None:
    machine.program("scripts/build-bundle.sh", '#!/bin/sh\necho "bundle: $*"\nexit 5\n')
    done = machine.run(SCRIPT)
    assert done.returncode == 5
    tar = ".tmp/nomos-binaries-linux-v0.3.1.tar.gz"
    assert done.stdout == f"==> Building the bundle {tar}: there is none\nbundle: --platform linux --output {tar}\n"


@pytest.mark.parametrize(
    ("changes", "defect"),
    [
        ({"revision": "d2dd5a50"}, "it holds revision 'd2dd5a50', not "),
        ({"head": "d2dd5a50"}, "it was built from 'd2dd5a50', not "),
        ({"leave_out": "nomos-bundle-meta.env"}, "it does not say what it holds"),
        ({"more_meta": "machine=riscv64\n"}, "it is for 'riscv64', not "),
        ({"more_meta": f"machine={platform.machine()}\nsources=1\n"}, "it was made from other sources"),
    ],
)
def test_a_bundle_that_is_stale_or_foreign_is_built_anew(machine: Copy, changes: dict[str, str], defect: str) -> None:
    bundle(machine.root / ".tmp/nomos-binaries-linux-v0.3.1.tar.gz", node=EMBEDDED, **changes)  # type: ignore[arg-type]
    machine.program("scripts/build-bundle.sh", "#!/bin/sh\nexit 5\n")
    done = machine.run(SCRIPT)
    assert done.returncode == 5
    assert f"linux-v0.3.1.tar.gz: {defect}" in done.stdout


def test_a_bundle_that_was_named_and_is_missing(machine: Copy) -> None:
    done = machine.run(SCRIPT, NOMOS_BINARIES_TAR="nowhere.tar.gz")
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: Prebuilt binaries missing and bundle tar not found at nowhere.tar.gz\n")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"leave_out": "nomos-node"}, "ERROR: Bundle {tar} missing binaries under artifacts/\n"),
        (
            {"leave_out": "circuits/kzgrs_test_params"},
            "ERROR: KZG params missing at artifacts/circuits/kzgrs_test_params",
        ),
        ({"revision": "d2dd5a50"}, "ERROR: Bundle {tar} is stale: it holds revision 'd2dd5a50'"),
        ({"node": elf(OTHER_MACHINE)}, "ERROR: nomos-node in {tar} is not a program for Linux on "),
        ({"node": MACOS}, "ERROR: nomos-node in {tar} is not a program for Linux on "),
    ],
)
def test_a_bundle_that_makes_no_image(machine: Copy, tar: str, changes: dict[str, str], message: str) -> None:
    with_python(Path(tar), **changes)
    done = machine.run(SCRIPT, NOMOS_BINARIES_TAR=tar)
    assert done.returncode == 1
    assert message.format(tar=tar) in done.stderr
    assert calls(machine, "build") == []
    assert list(machine.root.glob(".tmp/image-context*")) == []


def test_a_file_that_is_no_bundle(machine: Copy, tar: str) -> None:
    Path(tar).write_text("not found")
    done = machine.run(SCRIPT, NOMOS_BINARIES_TAR=tar)
    assert done.returncode == 1
    assert f"ERROR: {tar} is not a complete .tar.gz archive" in done.stderr


def test_a_bundle_of_real_programs_alone_gets_the_cfgsync_programs(machine: Copy, tmp_path: Path) -> None:
    tar = bundle(tmp_path / "real.tar.gz", node=NODE)
    done = machine.run(SCRIPT, NOMOS_BINARIES_TAR=str(tar))
    assert done.returncode == 0, done.stderr
    assert "==> Adding the cfgsync programs" in done.stdout


def test_without_a_daemon(machine: Copy, tar: str) -> None:
    for script in (SCRIPT, "build-base-image.sh"):
        done = machine.run(script, NOMOS_BINARIES_TAR=tar, NO_DAEMON="1")
        assert done.returncode == 1
        assert done.stderr.startswith(
            "ERROR: docker does not appear to be available on this host: Cannot connect to the Docker daemon\n"
        )


def test_without_docker(machine: Copy, tmp_path: Path) -> None:
    elsewhere = tmp_path / "programs"
    elsewhere.mkdir()
    for program in (*Path("/usr/bin").iterdir(), *Path("/bin").iterdir()):
        if program.name != "docker" and not (elsewhere / program.name).is_symlink():
            (elsewhere / program.name).symlink_to(program)
    done = machine.run(SCRIPT, PATH=str(elsewhere))
    assert done.returncode == 1
    assert done.stderr.startswith(
        "ERROR: docker does not appear to be available on this host: there is no program docker on PATH\n"
    )


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("write /opt: no space left on device", f"ERROR: docker build of {IMAGE} ran out of disk space; its output: "),
        ("ERROR: nomos-node does not run in this image", f"ERROR: docker build of {IMAGE} failed; its output: "),
    ],
)
def test_a_build_that_fails(machine: Copy, tar: str, said: str, message: str) -> None:
    done = machine.run(SCRIPT, NOMOS_BINARIES_TAR=tar, BUILD_ERROR=said)
    assert done.returncode == 1
    assert said in done.stderr
    assert message in done.stderr
    assert said in (machine.root / ".tmp/build-test-image.log").read_text()


def test_wrong_usage(machine: Copy) -> None:
    for script in (SCRIPT, "build-base-image.sh"):
        done = machine.run(script, "--fast")
        assert done.returncode == 1
        assert done.stderr.startswith("Unknown argument: --fast\nUsage: ")


# The base


def test_the_base_is_made_once(machine: Copy) -> None:
    first = machine.run("build-base-image.sh")
    assert first.returncode == 0, first.stderr
    assert first.stdout.endswith("Base image logos-blockchain-testing:base: 288 MB\n")
    assert machine.run("build-base-image.sh").stdout == "Base image logos-blockchain-testing:base is there already\n"
    assert machine.run("build-base-image.sh", "--force").returncode == 0
    assert len(calls(machine, "import")) == 2
    assert list(machine.root.glob(".tmp/base-image.*")) == []


def test_the_base_needs_root(machine: Copy) -> None:
    done = machine.run("build-base-image.sh", UID_SEEN="1000")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "ERROR: debootstrap needs root to make the base image logos-blockchain-testing:base.\n"
    )


def test_a_mirror_that_is_not_reached(machine: Copy) -> None:
    done = machine.run("build-base-image.sh", FAILS="1", NOMOS_DEBIAN_MIRROR="http://mirror.invalid/debian")
    assert done.returncode == 1
    assert "no mirror\nERROR: debootstrap failed; its output: " in done.stderr
    assert "Is http://mirror.invalid/debian reachable?" in done.stderr
