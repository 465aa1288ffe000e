"""Circuits and KZG parameters, installed from a server on loopback: what arrives where, and what is refused."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nomos_core.da.kzg_generator import generated_params
from support.fakes.release_server import CIRCUITS, ReleaseServer, archive, release_server
from support.repository.repository_copy import Copy

REVISION = "3f623e0c9d159bd8b398a25eda8db0642c491f99"
KZG_PATH = f"/node/{REVISION}/tests/kzgrs/kzgrs_test_params"
DOUBLED = "testing-framework/assets/stack/kzgrs_test_params/kzgrs_test_params"
KZG = generated_params(3)


@pytest.fixture
def server() -> Iterator[ReleaseServer]:
    with release_server() as server:
        server.publish("linux-x86_64")
        server.files[KZG_PATH] = KZG
        yield server


def set_up(
    copy: Copy, server: ReleaseServer | str, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    """With a pause of a second before another try; standard input is at its end."""
    url = server if isinstance(server, str) else server.url
    return copy.run("setup-nomos-circuits.sh", *arguments, **(mirror(url) | environ))


def mirror(url: str) -> dict[str, str]:
    return {
        "NOMOS_CIRCUITS_BASE_URL": f"{url}/releases",
        "NOMOS_KZGRS_BASE_URL": f"{url}/node",
        "NOMOS_CIRCUITS_PLATFORM": "linux-x86_64",
        "NOMOS_DOWNLOAD_RETRY_SECONDS": "1",
    }


def left_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []


def test_the_manuals_recipe_installs_everything(copy: Copy, server: ReleaseServer, tmp_path: Path) -> None:
    target = tmp_path / "nomos-circuits"
    done = set_up(copy, server, "v0.3.1", str(target))
    assert done.returncode == 0, done.stderr
    installed = {path.relative_to(target).as_posix(): path for path in target.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in installed.items()} == {**CIRCUITS, "kzgrs_test_params": KZG}
    assert installed["zksign/witness_generator"].stat().st_mode & 0o111
    assert (copy.root / DOUBLED).read_bytes() == KZG
    assert done.stderr == ""
    assert f"Installed circuits v0.3.1 (linux-x86_64) in {target}:\n  pol\n  zksign\n" in done.stdout
    assert f"export NOMOS_CIRCUITS={target}" in done.stdout
    assert left_in(tmp_path) == ["nomos-circuits", "repository"]


def test_version_and_place_have_defaults(copy: Copy, server: ReleaseServer) -> None:
    done = set_up(copy, server)
    assert done.returncode == 0, done.stderr
    assert (copy.root / "home/.nomos-circuits/zksign/witness_generator").is_file()
    assert "export NOMOS_CIRCUITS" not in done.stdout


def test_a_relative_place_is_meant_from_where_the_caller_stands(
    copy: Copy, server: ReleaseServer, tmp_path: Path
) -> None:
    done = copy.run("setup-nomos-circuits.sh", "v0.3.1", "circuits/", cwd=tmp_path, **mirror(server.url))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "circuits/kzgrs_test_params").is_file()


def test_parameters_in_the_archive_are_taken_from_there(copy: Copy, server: ReleaseServer, tmp_path: Path) -> None:
    server.publish("linux-x86_64", archive({**CIRCUITS, "kzgrs_test_params": KZG}))
    del server.files[KZG_PATH]
    assert set_up(copy, server, "v0.3.1", str(tmp_path / "circuits")).returncode == 0


def test_the_token_goes_with_the_downloads(copy: Copy, server: ReleaseServer, tmp_path: Path) -> None:
    set_up(copy, server, "v0.3.1", str(tmp_path / "one"))
    assert server.tokens == {None}
    server.tokens.clear()
    set_up(copy, server, "v0.3.1", str(tmp_path / "two"), GITHUB_TOKEN="a-secret")
    assert server.tokens == {"Bearer a-secret"}


# Platforms


@pytest.mark.parametrize(
    ("platform", "published"),
    [("linux-aarch64", "linux-x86_64"), ("macos-x86_64", "macos-aarch64"), ("macos-x86_64", "linux-x86_64")],
)
def test_where_a_release_has_nothing_for_a_platform_another_one_is_taken(
    copy: Copy, server: ReleaseServer, tmp_path: Path, platform: str, published: str
) -> None:
    server.files = {KZG_PATH: KZG}
    server.publish(published)
    done = set_up(copy, server, "v0.3.1", str(tmp_path / "circuits"), NOMOS_CIRCUITS_PLATFORM=platform)
    assert done.returncode == 0, done.stderr
    assert f"the release has none for {platform}" in done.stdout
    assert done.stderr.startswith(f"WARNING: these are programs for {published}: {platform} needs an emulator")


@pytest.mark.parametrize(
    ("system", "machine", "platform"),
    [
        ("Linux", "aarch64", "linux-aarch64"),
        ("Darwin", "arm64", "macos-aarch64"),
        ("MSYS_NT", "x86_64", "windows-x86_64"),
    ],
)
def test_the_platform_is_this_machines(
    copy: Copy, server: ReleaseServer, system: str, machine: str, platform: str
) -> None:
    copy.program("bin/uname", f'#!/bin/sh\n[ "$1" = -s ] && echo {system} || echo {machine}\n')
    server.publish(platform)
    done = set_up(copy, server, NOMOS_CIRCUITS_PLATFORM="")
    assert done.returncode == 0, done.stderr
    assert f"Installed circuits v0.3.1 ({platform})" in done.stdout


def test_a_machine_without_circuits(copy: Copy, server: ReleaseServer) -> None:
    copy.program("bin/uname", '#!/bin/sh\n[ "$1" = -s ] && echo Linux || echo riscv64\n')
    done = set_up(copy, server, NOMOS_CIRCUITS_PLATFORM="")
    assert done.returncode == 1
    assert done.stderr == (
        "ERROR: there are no circuits for riscv64; name another platform with NOMOS_CIRCUITS_PLATFORM.\n"
    )


def test_a_release_that_does_not_exist(copy: Copy, server: ReleaseServer, tmp_path: Path) -> None:
    done = set_up(copy, server, "v9.9.9", str(tmp_path / "circuits"))
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"ERROR: {server.url}/releases/v9.9.9 has no circuits for linux-x86_64; is v9.9.9 a release?\n"
    )
    assert left_in(tmp_path) == ["repository"]


# Servers and archives that are not as they should be


@pytest.mark.slow
def test_a_busy_server_is_asked_again(copy: Copy, server: ReleaseServer, tmp_path: Path) -> None:
    server.busy = 2
    assert set_up(copy, server, "v0.3.1", str(tmp_path / "circuits")).returncode == 0
    assert len(server.asked) == 4


@pytest.mark.slow
def test_without_a_connection_it_says_what_can_be_done(copy: Copy, tmp_path: Path) -> None:
    done = set_up(copy, "http://127.0.0.1:9", "v0.3.1", str(tmp_path / "circuits"))
    first, second = done.stderr.splitlines()
    assert done.returncode == 1
    assert first.startswith(
        "ERROR: http://127.0.0.1:9/releases/v0.3.1/nomos-circuits-v0.3.1-linux-x86_64.tar.gz could not"
    )
    assert "`make kzgrs_test_params` makes parameters for tests" in second
    assert left_in(tmp_path) == ["repository"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>not found</html>", "is not a complete .tar.gz archive"),
        (archive()[:-20], "is not a complete .tar.gz archive"),
        (archive({"../../evil": b"x", **CIRCUITS}), "names that lead out of its directory"),
        (archive({"VERSION": b"v0.3.1"}), "the archive lacks zksign/witness_generator"),
        (archive({**CIRCUITS, "zksign/proving_key.zkey": b""}), "the archive lacks zksign/proving_key.zkey"),
    ],
)
def test_a_bad_archive_changes_nothing(
    copy: Copy, server: ReleaseServer, tmp_path: Path, data: bytes, message: str
) -> None:
    target = tmp_path / "circuits"
    assert set_up(copy, server, "v0.3.1", str(target)).returncode == 0
    (target / "mark").touch()
    server.publish("linux-x86_64", data)
    done = set_up(copy, server, "v0.3.1", str(target), NOMOS_CIRCUITS_NONINTERACTIVE="1")
    assert done.returncode == 1
    assert message in done.stderr
    assert (target / "mark").exists()
    assert left_in(tmp_path) == ["circuits", "repository"]


@pytest.mark.parametrize("data", [b"", b"404: Not Found", KZG[:-1], KZG + b"\0", bytes(4000)])
def test_what_holds_no_parameters_is_refused(copy: Copy, server: ReleaseServer, tmp_path: Path, data: bytes) -> None:
    server.files[KZG_PATH] = data
    done = set_up(copy, server, "v0.3.1", str(tmp_path / "circuits"))
    assert done.returncode == 1
    assert done.stderr == f"ERROR: what {server.url}{KZG_PATH} gave holds no KZG parameters.\n"
    assert not (tmp_path / "circuits").exists()


def test_a_revision_without_parameters(copy: Copy, server: ReleaseServer, tmp_path: Path) -> None:
    done = set_up(copy, server, "v0.3.1", str(tmp_path / "circuits"), NOMOS_NODE_REV="abc")
    assert done.returncode == 1
    assert "is NOMOS_NODE_REV a revision of the node?" in done.stderr


# What is there already


def answered(copy: Copy, server: ReleaseServer, target: Path, answer: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        copy.command("setup-nomos-circuits.sh", ["v0.3.1", str(target)]),
        env=copy.environment(mirror(server.url)),
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def installed(copy: Copy, server: ReleaseServer, tmp_path: Path) -> Path:
    """An earlier installation, with a mark in it."""
    assert set_up(copy, server, "v0.3.1", str(tmp_path / "circuits")).returncode == 0
    (tmp_path / "circuits/mark").touch()
    return tmp_path / "circuits"


def test_an_installation_is_replaced_when_somebody_says_so(copy: Copy, server: ReleaseServer, installed: Path) -> None:
    assert answered(copy, server, installed, "y\n").returncode == 0
    assert not (installed / "mark").exists()


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_who_declines_keeps_what_is_there(copy: Copy, server: ReleaseServer, installed: Path, answer: str) -> None:
    done = answered(copy, server, installed, answer)
    assert done.returncode == 0
    assert done.stdout.endswith("Nothing was changed.\n")
    assert (installed / "mark").exists()


def test_where_nobody_answers_it_says_how_to_go_on(copy: Copy, server: ReleaseServer, installed: Path) -> None:
    done = answered(copy, server, installed, "")
    assert done.returncode == 1
    assert "nobody answered; NOMOS_CIRCUITS_NONINTERACTIVE=1 replaces them" in done.stderr
    assert (installed / "mark").exists()


def test_noninteractive_replaces_without_asking(copy: Copy, server: ReleaseServer, installed: Path) -> None:
    done = set_up(copy, server, "v0.3.1", str(installed), NOMOS_CIRCUITS_NONINTERACTIVE="1")
    assert done.returncode == 0
    assert left_in(installed) == sorted(["VERSION", "kzgrs_test_params", "pol", "prover", "zksign"])


def test_a_directory_with_other_things_is_never_touched(copy: Copy, server: ReleaseServer, tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    (photographs / "cat.jpg").touch()
    done = set_up(copy, server, "v0.3.1", str(photographs), NOMOS_CIRCUITS_NONINTERACTIVE="1")
    assert done.returncode == 1
    assert done.stderr.startswith(f"ERROR: {photographs} holds other things than circuits")
    assert left_in(photographs) == ["cat.jpg"]


def test_the_place_of_the_manual_may_be_the_target(copy: Copy, server: ReleaseServer) -> None:
    directory = (copy.root / DOUBLED).parent
    directory.mkdir(parents=True)
    (directory / "kzgrs_test_params").write_text("made here")
    done = set_up(copy, server, "v0.3.1", str(directory), NOMOS_CIRCUITS_NONINTERACTIVE="1")
    assert done.returncode == 0, done.stderr
    assert (copy.root / DOUBLED).read_bytes() == KZG


# Usage


@pytest.mark.parametrize("arguments", [("v0.3.1", "a", "b"), ("--version",), ("v0.3.1", "-x")])
def test_wrong_usage(copy: Copy, arguments: tuple[str, ...]) -> None:
    done = copy.run("setup-nomos-circuits.sh", *arguments)
    assert done.returncode == 1
    assert "Usage: scripts/setup-nomos-circuits.sh [VERSION] [INSTALL_DIR]" in done.stderr


def test_a_directory_given_as_the_version(copy: Copy) -> None:
    done = copy.run("setup-nomos-circuits.sh", "/tmp/circuits")
    assert done.returncode == 1
    assert "is no release of the circuits" in done.stderr


def test_help_is_no_error(copy: Copy) -> None:
    done = copy.run("setup-nomos-circuits.sh", "--help")
    assert (done.returncode, done.stderr) == (0, "")
