"""``build-bundle.sh`` with stand-ins for Python and the real node, and once for real."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from support.inputs.bundles import NODE, OTHER_MACHINE, OUR_MACHINE, REVISION, elf
from support.inputs.golden import golden_path
from support.repository.repository_copy import REPOSITORY, STACK, Copy

MACHINE = platform.machine()
OTHER = "aarch64" if MACHINE == "x86_64" else "x86_64"
OTHER_PLATFORM = "linux/arm64" if MACHINE == "x86_64" else "linux/amd64"
PYTHON = """#!/bin/sh
# Stands in for .venv/bin/python: tells its version, makes an environment.
case "$1 $2" in
  "-c import sys; print"*) echo 3.11 ;;
  *make-environment.py*)
    mkdir -p "$2/python/packages"
    for program in nomos-node nomos-executor nomos-cli cfgsync-server cfgsync-client; do
      printf '#!/bin/sh\\n# nomos_node\\n' >"$2/$program"; chmod +x "$2/$program"
    done
    echo "options=$3" >"$2/python/options" ;;
  *) exit 9 ;;
esac
"""
KZG = STACK / "kzgrs_test_params/kzgrs_test_params"
TAR = ".tmp/nomos-binaries-linux-v0.3.1.tar.gz"


@pytest.fixture
def builder(copy: Copy) -> Copy:
    (copy.root / "home").mkdir()
    copy.program("scripts/prepare-venv.sh", '#!/bin/sh\necho "packages=$1"\n')
    copy.program(".venv/bin/python", PYTHON)
    copy.program("scripts/make-kzgrs-test-params.sh", f"#!/bin/sh\nmkdir -p {KZG.parent}\necho generated >{KZG}\n")
    return copy


@pytest.fixture
def circuits(builder: Copy) -> Path:
    return builder.program("home/.nomos-circuits/zksign/witness_generator", "#!/bin/sh\n").parents[1]


def files(tar: Path) -> dict[str, bytes]:
    with tarfile.open(tar) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        assert members[0].name == "artifacts/nomos-bundle-meta.env"
        contents = {member.name.removeprefix("artifacts/"): archive.extractfile(member) for member in members}
        return {name: file.read() for name, file in contents.items() if file is not None}


def meta(contents: dict[str, bytes]) -> dict[str, str]:
    return dict(line.split("=", 1) for line in contents["nomos-bundle-meta.env"].decode().splitlines())


def real_checkout(root: Path, node: bytes = NODE, target: str = "debug") -> tuple[Path, str]:
    """A git repository with the node's build output; and its revision."""
    checkout = root / "checkout"
    for name in ("nomos-node", "nomos-executor", "nomos-cli"):
        program = checkout / "target" / target / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_bytes(node)
        program.chmod(0o755)
    git = ["git", "-C", str(checkout), "-c", "user.name=Tester", "-c", "user.email=tester@localhost"]
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "A revision"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    return checkout, head


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--platform", "macos"), "--platform must be host or linux"),
        (("-p",), "-p needs a value"),
        (("--rev", "abc", "--path", "."), "Use either --rev or --path, not both"),
        (
            ("--docker-platform", "linux/riscv64"),
            "--docker-platform must be linux/amd64 or linux/arm64, got linux/riscv64",
        ),
        (("--fast",), "Unknown argument: --fast"),
    ],
)
def test_wrong_usage(builder: Copy, arguments: tuple[str, ...], message: str) -> None:
    done = builder.run("build-bundle.sh", *arguments)
    first, second, *_ = done.stderr.splitlines()
    assert (done.returncode, first) == (1, message)
    assert second == "Usage: scripts/build-bundle.sh [options]"


def test_help(builder: Copy) -> None:
    done = builder.run("build-bundle.sh", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: scripts/build-bundle.sh")


# The embedded node


def test_the_embedded_node_is_packed_by_default(builder: Copy) -> None:
    done = builder.run("build-bundle.sh", "--platform", "linux")
    assert (done.returncode, done.stderr) == (0, "")
    said = [line for line in done.stdout.splitlines() if not line.startswith("packages=")]
    assert said[:4] == [
        f"Bundle output: {TAR}",
        "==> Preparing circuits",
        "==> Building binaries",
        "==> Packaging bundle",
    ]
    assert said[4].startswith(f"Bundle created at {TAR} (")
    contents = files(builder.root / TAR)
    assert {"nomos-node", "nomos-executor", "nomos-cli", "cfgsync-server", "cfgsync-client"} <= set(contents)
    assert contents["circuits/kzgrs_test_params"] == b"generated\n"
    described = meta(contents)
    assert {
        "nomos_node_path": "",
        "nomos_node_rev": REVISION,
        "nomos_node_git_head": REVISION,
        "platform": "linux",
        "features": "",
        "node": "embedded",
        "machine": MACHINE,
        "python": "3.11",
        "bundle_version": "v4",
    }.items() <= described.items()
    assert list(builder.root.glob(".tmp/bundle.*")) == []


def test_the_output_is_named_from_the_root(builder: Copy, tmp_path: Path) -> None:
    assert builder.run("build-bundle.sh", "-o", "out/mine.tar.gz", cwd=tmp_path).returncode == 0
    assert meta(files(builder.root / "out/mine.tar.gz"))["platform"] == "host"


def test_parameters_that_are_there_are_taken(builder: Copy) -> None:
    kept = builder.root / KZG
    kept.parent.mkdir()
    kept.write_bytes(b"kept")
    assert builder.run("build-bundle.sh", "-o", "a.tar.gz").returncode == 0
    assert files(builder.root / "a.tar.gz")["circuits/kzgrs_test_params"] == b"kept"
    named = builder.root / "named"
    named.write_bytes(b"named")
    assert builder.run("build-bundle.sh", "-o", "a.tar.gz", NOMOS_KZGRS_PARAMS_PATH=str(named)).returncode == 0
    assert files(builder.root / "a.tar.gz")["circuits/kzgrs_test_params"] == b"named"


def test_parameters_that_are_named_and_missing(builder: Copy) -> None:
    done = builder.run("build-bundle.sh", NOMOS_KZGRS_PARAMS_PATH="/nowhere/params")
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: KZG params missing at /nowhere/params\n")


def test_installed_circuits_come_along_with_the_package_that_uses_them(builder: Copy, circuits: Path) -> None:
    assert "packages=groth16" in builder.run("build-bundle.sh", "-o", "a.tar.gz").stdout
    contents = files(builder.root / "a.tar.gz")
    assert "circuits/zksign/witness_generator" in contents
    assert contents["python/options"] == b"options=--groth16\n"


def test_groth16_without_circuits(builder: Copy) -> None:
    done = builder.run("build-bundle.sh", NOMOS_PROVER="groth16")
    assert done.returncode == 1
    assert "ERROR: Missing zksign/witness_generator; NOMOS_PROVER=groth16 needs the circuits (v0.3.1)." in done.stderr


def test_another_architecture(builder: Copy) -> None:
    done = builder.run("build-bundle.sh", "--docker-platform", OTHER_PLATFORM)
    assert done.returncode == 1
    assert done.stderr.startswith(f"ERROR: a bundle for {OTHER} can't be made on {MACHINE}: ")


def test_a_disk_that_is_full(builder: Copy) -> None:
    builder.program(
        "bin/tar", '#!/bin/sh\ncase "$*" in *" -cf "*) echo "tar: No space left on device" >&2; exit 2;; esac\n'
    )
    done = builder.run("build-bundle.sh", "-o", "a.tar.gz")
    assert done.returncode == 1
    assert "ERROR: the bundle could not be written to a.tar.gz; is there room?" in done.stderr
    assert list(builder.root.glob("a.tar.gz*")) == []


# Real nodes


@pytest.mark.parametrize("target", ["debug", "release"])
@pytest.mark.usefixtures("circuits")
def test_a_checkout_that_is_built(builder: Copy, tmp_path: Path, target: str) -> None:
    checkout, head = real_checkout(tmp_path, target=target)
    done = builder.run("build-bundle.sh", "--path", "checkout", "--features", "a,b", "-o", "a.tar.gz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    contents = files(builder.root / "a.tar.gz")
    assert contents["nomos-node"] == contents["nomos-cli"] == NODE
    described = meta(contents)
    assert (described["nomos_node_path"], described["nomos_node_git_head"]) == (str(checkout), head)
    assert (described["node"], described["features"]) == ("real", "a,b")


def test_a_checkout_that_is_not_built(builder: Copy, tmp_path: Path) -> None:
    (tmp_path / "checkout").mkdir()
    done = builder.run("build-bundle.sh", "--path", str(tmp_path / "checkout"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"ERROR: {tmp_path}/checkout holds no built node")
    assert "cargo build" in done.stderr


def test_a_checkout_that_is_not_there(builder: Copy) -> None:
    done = builder.run("build-bundle.sh", "--path", "/nowhere")
    assert (done.returncode, done.stderr) == (1, "ERROR: there is no checkout of the node at /nowhere\n")


def test_a_revision_that_is_not_built_says_how_to_build_it_and_where_to_put_it(builder: Copy) -> None:
    done = builder.run("build-bundle.sh", "--rev", "d2dd5a50")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "ERROR: no built checkout of the node at revision d2dd5a50 is at .tmp/nomos-node-host-src.\n"
    )
    for part in ("git checkout d2dd5a50", "cargo build", "--path", "NOMOS_NODE_BIN", ".tmp/nomos-node-host-src"):
        assert part in done.stderr


@pytest.mark.usefixtures("circuits")
def test_a_revision_whose_checkout_is_built(builder: Copy) -> None:
    checkout, head = real_checkout(builder.root / ".tmp")
    checkout.rename(builder.root / ".tmp/nomos-node-host-src")
    done = builder.run("build-bundle.sh", "--rev", head, "-o", "a.tar.gz")
    assert done.returncode == 0, done.stderr
    assert meta(files(builder.root / "a.tar.gz"))["nomos_node_rev"] == head


@pytest.mark.usefixtures("circuits")
def test_programs_that_are_given(builder: Copy) -> None:
    node = builder.program("real/nomos-node", NODE.decode())
    executor = builder.program("real/nomos-executor", NODE.decode())
    alone = builder.run("build-bundle.sh", NOMOS_NODE_BIN=str(node))
    assert alone.returncode == 1
    assert alone.stderr.startswith("ERROR: NOMOS_NODE_BIN and NOMOS_EXECUTOR_BIN go together")
    done = builder.run("build-bundle.sh", "-o", "a.tar.gz", NOMOS_NODE_BIN=str(node), NOMOS_EXECUTOR_BIN=str(executor))
    assert done.returncode == 0, done.stderr
    contents = files(builder.root / "a.tar.gz")
    assert contents["nomos-node"] == NODE
    assert "nomos-cli" not in contents
    assert meta(contents)["node"] == "real"


def test_real_programs_need_circuits(builder: Copy, tmp_path: Path) -> None:
    checkout, _ = real_checkout(tmp_path)
    done = builder.run("build-bundle.sh", "--path", str(checkout))
    assert done.returncode == 1
    assert "ERROR: Missing zksign/witness_generator; a real node needs the circuits (v0.3.1)." in done.stderr


def test_programs_for_another_machine(builder: Copy, tmp_path: Path) -> None:
    checkout, _ = real_checkout(tmp_path, node=elf(OTHER_MACHINE))
    done = builder.run("build-bundle.sh", "--path", str(checkout))
    assert done.returncode == 1
    assert done.stderr.endswith(f"/target/debug/nomos-node is not a program for Linux on {MACHINE}.\n")
    assert elf(OUR_MACHINE) != elf(OTHER_MACHINE)


# For real


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_embedded_nodes_bundle_runs_from_any_place_with_python_alone(tmp_path: Path) -> None:
    tar = tmp_path / "bundle.tar.gz"
    done = subprocess.run(
        [REPOSITORY / "scripts/build-bundle.sh", "--output", tar], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with tarfile.open(tar) as archive:
        archive.extractall(tmp_path / "elsewhere", filter="tar")
    artifacts = tmp_path / "elsewhere/artifacts"
    python = Path(sys._base_executable).parent  # type: ignore[attr-defined]
    environment = {"PATH": f"{python}:{os.defpath}", "HOME": str(tmp_path)}
    checked = subprocess.run(
        [artifacts / "nomos-executor", "--check-config", golden_path("executor.yaml")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout) == (0, "Config file is valid! ✅\n"), checked.stderr
    for program in ("nomos-node", "nomos-cli", "cfgsync-server", "cfgsync-client"):
        subprocess.run([artifacts / program, "--help"], env=environment, capture_output=True, check=True)
    size = sum(file.stat().st_size for file in artifacts.rglob("*") if file.is_file())
    assert size < 250_000_000
    assert len(list(artifacts.rglob("nomos_node/node.py"))) == 1
