from __future__ import annotations

from pathlib import Path

import pytest

from support.inputs.bundles import EMBEDDED, NODE, OTHER_MACHINE, OUR_MACHINE, RENAMED, REVISION, bundle, elf
from support.repository.repository_copy import Copy

DEMO = ("-t", "60", "-v", "1", "-e", "2")
KZG = Path("testing-framework/assets/stack/kzgrs_test_params/kzgrs_test_params")


@pytest.fixture
def demo(copy: Copy) -> Copy:
    """The copy with a prepared ``.venv`` whose runner shows its surroundings and ends with ``RUNNER_EXIT``."""
    copy.program("scripts/prepare-venv.sh", '#!/bin/sh\necho "packages=$1"\n')
    copy.program("scripts/make-kzgrs-test-params.sh", f"#!/bin/sh\nmkdir -p {KZG.parent}\necho made >{KZG}\n")
    copy.program(".venv/bin/local_runner", '#!/bin/sh\necho "cwd=$PWD"\nenv\nexit "${RUNNER_EXIT:-0}"\n')
    return copy


def environment_shown(output: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in output.splitlines() if "=" in line)


# Arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "run-seconds must be a positive integer (pass -t/--run-seconds)"),
        (("-v", "1", "-e", "1", "host"), "run-seconds must be a positive integer (pass -t/--run-seconds)"),
        (("-t", "0", "-v", "1", "-e", "1"), "run-seconds must be a positive integer (pass -t/--run-seconds)"),
        (("-t", "000", "-v", "1", "-e", "1"), "run-seconds must be a positive integer (pass -t/--run-seconds)"),
        (("-t", "1m", "-v", "1", "-e", "1"), "run-seconds must be a positive integer (pass -t/--run-seconds)"),
        (("-v", "1", "-e", "1", "-t"), "run-seconds must be a positive integer (pass -t/--run-seconds)"),
        (("-t", "60", "host"), "validators and executors must be provided via -v/--validators and -e/--executors"),
        (("-t", "60", "-v", "1"), "validators and executors must be provided via -v/--validators and -e/--executors"),
        (("-t", "60", "-v", "1", "-e"), "validators and executors must be provided via -v/--validators"),
        (("-t", "60", "-v", "-1", "-e", "1"), "validators must be a non-negative integer (pass -v/--validators)"),
        (("-t", "60", "-v", "1", "-e", "two"), "executors must be a non-negative integer (pass -e/--executors)"),
        ((*DEMO, "--fast"), "Unknown argument: --fast"),
        ((*DEMO, "hosts"), "Unknown argument: hosts"),
    ],
)
def test_wrong_usage_is_named_and_the_usage_shown(demo: Copy, arguments: tuple[str, ...], message: str) -> None:
    done = demo.run("run-examples.sh", *arguments)
    first, *rest = done.stderr.splitlines()
    assert done.returncode == 1
    assert first.startswith(message)
    assert rest[0] == "Usage: scripts/run-examples.sh [options] [compose|local|k8s]"
    assert done.stdout == ""


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_no_error(demo: Copy, flag: str) -> None:
    done = demo.run("run-examples.sh", flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ")


@pytest.mark.parametrize(
    "arguments",
    [
        (*DEMO, "local"),
        (*DEMO, "host"),
        ("host", *DEMO),
        ("--run-seconds", "60", "--validators", "1", "--executors", "2", "host"),
        ("--run-seconds=60", "--validators=1", "--executors=2", "host"),
        ("60", "-v", "1", "-e", "2", "host"),
    ],
)
def test_every_spelling_reaches_the_runner(demo: Copy, arguments: tuple[str, ...]) -> None:
    done = demo.run("run-examples.sh", *arguments)
    shown = environment_shown(done.stdout)
    assert done.returncode == 0
    assert shown["NOMOS_DEMO_RUN_SECS"] == "60"
    assert shown["NOMOS_DEMO_VALIDATORS"] == "1"
    assert shown["NOMOS_DEMO_EXECUTORS"] == "2"
    assert shown["POL_PROOF_DEV_MODE"] == "true"
    assert shown["packages"] == "run"
    assert "NOMOS_NODE_BIN" not in shown


@pytest.mark.parametrize("code", [0, 1, 101])
def test_the_exit_code_is_the_runners(demo: Copy, code: int) -> None:
    assert demo.run("run-examples.sh", *DEMO, "host", RUNNER_EXIT=str(code)).returncode == code


def test_it_runs_from_any_directory_and_takes_the_callers_relative_paths(demo: Copy, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = demo.run("run-examples.sh", *DEMO, "host", cwd=elsewhere, NOMOS_LOG_DIR="logs", NOMOS_NODE_BIN="~/node")
    shown = environment_shown(done.stdout)
    assert shown["cwd"] == str(demo.root)
    assert shown["NOMOS_LOG_DIR"] == str(elsewhere / "logs")
    assert shown["NOMOS_NODE_BIN"] == "~/node"


# versions.env and paths.env


def test_a_missing_versions_file(demo: Copy) -> None:
    (demo.root / "versions.env").unlink()
    done = demo.run("run-examples.sh", *DEMO, "host")
    assert done.returncode == 1
    assert done.stderr == "ERROR: versions.env missing; run from repo root or restore the file.\n"


def test_a_missing_paths_file(demo: Copy) -> None:
    (demo.root / "paths.env").unlink()
    done = demo.run("run-examples.sh", *DEMO, "host")
    assert done.returncode == 1
    assert done.stderr == "ERROR: paths.env missing; restore the file (git checkout paths.env).\n"


@pytest.mark.parametrize("name", ["VERSION", "NOMOS_NODE_REV", "NOMOS_BUNDLE_VERSION"])
def test_a_versions_file_without_one_of_its_names(demo: Copy, name: str) -> None:
    versions = demo.root / "versions.env"
    lines = versions.read_text().splitlines(keepends=True)
    versions.write_text("".join(line for line in lines if not line.startswith(f"{name}=")))
    done = demo.run("run-examples.sh", *DEMO, "host")
    assert done.returncode == 1
    assert done.stderr == f"ERROR: versions.env does not define {name}; add a line {name}=...\n"
    assert demo.run("run-examples.sh", *DEMO, "host", **{name: "x"}).returncode == 0


# Bundles


@pytest.mark.parametrize("node", [NODE, RENAMED])
def test_a_bundle_brings_nodes_circuits_and_parameters(demo: Copy, tmp_path: Path, node: bytes) -> None:
    tar = bundle(tmp_path / "bundle.tar.gz", node=node)
    done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_BINARIES_TAR=str(tar))
    shown = environment_shown(done.stdout)
    assert done.returncode == 0, done.stderr
    assert Path(shown["NOMOS_NODE_BIN"]).read_bytes() == node
    assert Path(shown["NOMOS_EXECUTOR_BIN"]).read_bytes() == node
    assert (Path(shown["NOMOS_CIRCUITS"]) / "zksign/witness_generator").is_file()
    assert Path(shown["NOMOS_KZGRS_PARAMS_PATH"]).read_bytes() == b"parameters"
    assert shown["packages"] == "groth16"


def test_a_relative_bundle_is_found_from_where_the_caller_stands(demo: Copy, tmp_path: Path) -> None:
    bundle(tmp_path / "bundle.tar.gz")
    done = demo.run("run-examples.sh", *DEMO, "host", cwd=tmp_path, NOMOS_BINARIES_TAR="bundle.tar.gz")
    assert done.returncode == 0, done.stderr


def test_a_missing_bundle_is_wrong_usage(demo: Copy) -> None:
    done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_BINARIES_TAR="nowhere.tar.gz")
    assert done.returncode == 1
    assert done.stderr.startswith("NOMOS_BINARIES_TAR is set but missing: nowhere.tar.gz\nUsage: ")


def test_both_programs_given_make_a_bundle_needless(demo: Copy) -> None:
    program = str(demo.program("given/nomos-node", "#!/bin/sh\n# runs nomos_node.cli\n"))
    done = demo.run(
        *("run-examples.sh", *DEMO, "host"),
        NOMOS_BINARIES_TAR="nowhere.tar.gz",
        NOMOS_NODE_BIN=program,
        NOMOS_EXECUTOR_BIN=program,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("left_out", ["nomos-node", "nomos-executor"])
def test_a_bundle_without_a_program(demo: Copy, tmp_path: Path, left_out: str) -> None:
    tar = bundle(tmp_path / "bundle.tar.gz", leave_out=left_out)
    done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_BINARIES_TAR=str(tar))
    assert done.returncode == 1
    assert done.stderr == f"ERROR: Bundle {tar} missing binaries under artifacts/\n"


def test_a_file_that_is_no_archive(demo: Copy, tmp_path: Path) -> None:
    tar = tmp_path / "bundle.tar.gz"
    tar.write_text("not found")
    done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_BINARIES_TAR=str(tar))
    assert done.returncode == 1
    assert f"ERROR: {tar} is not a complete .tar.gz archive" in done.stderr


def test_a_bundle_without_its_revision(demo: Copy, tmp_path: Path) -> None:
    tar = bundle(tmp_path / "bundle.tar.gz", leave_out="nomos-bundle-meta.env")
    done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_BINARIES_TAR=str(tar))
    assert done.returncode == 1
    assert f"ERROR: Bundle {tar} missing artifacts/nomos-bundle-meta.env" in done.stderr


@pytest.mark.parametrize(("revision", "head"), [("d2dd5a50", ""), (REVISION, "d2dd5a50")])
def test_a_bundle_of_another_revision(demo: Copy, tmp_path: Path, revision: str, head: str) -> None:
    tar = bundle(tmp_path / "bundle.tar.gz", revision=revision, head=head)
    done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_BINARIES_TAR=str(tar))
    assert done.returncode == 1
    assert f"ERROR: Bundle {tar} is stale: it holds revision '{revision}'" in done.stderr
    assert f"NOMOS_NODE_REV={REVISION}" in done.stderr


def test_the_callers_revision_wins_over_the_file(demo: Copy, tmp_path: Path) -> None:
    tar = bundle(tmp_path / "bundle.tar.gz", revision="d2dd5a50")
    done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_BINARIES_TAR=str(tar), NOMOS_NODE_REV="d2dd5a50")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("node", [elf(OTHER_MACHINE), b"\xcf\xfa\xed\xfe" + bytes(60)])
def test_a_bundle_for_another_machine(demo: Copy, tmp_path: Path, node: bytes) -> None:
    tar = bundle(tmp_path / "bundle.tar.gz", node=node)
    done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_BINARIES_TAR=str(tar))
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: Restored executables do not match host architecture; ")


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        ("circuits/kzgrs_test_params", "missing artifacts/circuits/kzgrs_test_params"),
        ("circuits/zksign/witness_generator", "ERROR: Missing zksign/witness_generator in "),
    ],
)
def test_a_bundle_without_what_real_nodes_need(demo: Copy, tmp_path: Path, left_out: str, message: str) -> None:
    tar = bundle(tmp_path / "bundle.tar.gz", leave_out=left_out)
    done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_BINARIES_TAR=str(tar))
    assert done.returncode == 1
    assert message in done.stderr


# Circuits and KZG parameters


@pytest.mark.parametrize(
    "environ",
    [
        {"NOMOS_PROVER": "groth16"},
        {"POL_PROOF_DEV_MODE": "false"},
        {"POL_PROOF_DEV_MODE": "0"},
        {"POL_PROOF_DEV_MODE": "No"},
    ],
)
def test_real_proofs_need_circuits_but_no_parameters(demo: Copy, environ: dict[str, str]) -> None:
    refused = demo.run("run-examples.sh", *DEMO, "host", **environ)
    (name, value), *_ = environ.items()
    assert refused.returncode == 1
    assert "ERROR: Missing zksign/witness_generator in " in refused.stderr
    assert f"{name}={value} needs the circuits (v0.3.1)" in refused.stderr

    demo.program("circuits/zksign/witness_generator", "#!/bin/sh\n")
    done = demo.run("run-examples.sh", *DEMO, "host", **environ, NOMOS_CIRCUITS="circuits")
    assert done.returncode == 0, done.stderr
    assert environment_shown(done.stdout)["packages"] == "groth16"


def test_circuits_installed_in_the_home_directory_are_found(demo: Copy) -> None:
    demo.program("home/.nomos-circuits/zksign/witness_generator", "#!/bin/sh\n")
    done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_PROVER="groth16")
    assert environment_shown(done.stdout)["NOMOS_CIRCUITS"] == str(demo.root / "home/.nomos-circuits")


@pytest.mark.parametrize("variable", ["NOMOS_NODE_BIN", "NOMOS_EXECUTOR_BIN"])
def test_real_nodes_need_circuits_and_get_parameters(demo: Copy, variable: str) -> None:
    environ = {variable: str(demo.program("real/node", NODE.decode()))}
    refused = demo.run("run-examples.sh", *DEMO, "host", **environ)
    assert refused.returncode == 1
    assert "a real node needs the circuits" in refused.stderr

    demo.program("home/.nomos-circuits/zksign/witness_generator", "#!/bin/sh\n")
    done = demo.run("run-examples.sh", *DEMO, "host", **environ)
    assert done.returncode == 0, done.stderr
    assert environment_shown(done.stdout)["NOMOS_KZGRS_PARAMS_PATH"] == str(demo.root / KZG)


def test_parameters_are_made_where_there_are_none(demo: Copy) -> None:
    first, second = (demo.run("run-examples.sh", *DEMO, "host") for _ in range(2))
    assert "==> Making KZG parameters for tests, once;" in first.stdout
    assert environment_shown(first.stdout)["NOMOS_KZGRS_PARAMS_PATH"] == str(demo.root / KZG)
    assert (demo.root / KZG).read_text() == "made\n"
    assert "==> Making" not in second.stdout


@pytest.mark.parametrize("validators", ["01", "3"])
def test_without_executors_no_blobs_are_dispersed_and_no_parameters_are_made(demo: Copy, validators: str) -> None:
    done = demo.run("run-examples.sh", "-t", "60", "-v", validators, "-e", "0", "host")
    assert done.returncode == 0
    assert not (demo.root / KZG).exists()


def test_named_parameters_are_taken_and_never_made(demo: Copy) -> None:
    refused = demo.run("run-examples.sh", *DEMO, "host", NOMOS_KZGRS_PARAMS_PATH="/nowhere")
    assert refused.returncode == 1
    assert refused.stderr.startswith("ERROR: KZG params missing at /nowhere\nCorrect NOMOS_KZGRS_PARAMS_PATH or unset")
    assert not (demo.root / KZG).exists()
    for named in (demo.root / "versions.env", demo.root):
        done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_KZGRS_PARAMS_PATH=str(named))
        assert environment_shown(done.stdout)["NOMOS_KZGRS_PARAMS_PATH"] == str(named)


def test_a_program_that_cannot_run_is_left_to_the_runner_to_name(demo: Copy) -> None:
    done = demo.run("run-examples.sh", *DEMO, "host", NOMOS_NODE_BIN="/nowhere/nomos-node")
    assert environment_shown(done.stdout)["NOMOS_NODE_BIN"] == "/nowhere/nomos-node"


# Compose


@pytest.fixture
def stack(demo: Copy) -> Copy:
    """The copy with a Docker daemon, an image that is built at once, and a runner that shows its surroundings."""
    demo.program(
        "bin/docker", '#!/bin/sh\n[ "$1" != info ] || [ -z "$NO_DAEMON" ] || { echo "no daemon" >&2; exit 1; }\n'
    )
    demo.program(
        "testing-framework/assets/stack/scripts/build_test_image.sh",
        '#!/bin/sh\necho "built=$IMAGE_TAG"\nexit "${BUILD_EXIT:-0}"\n',
    )
    demo.program(".venv/bin/compose_runner", '#!/bin/sh\nenv\nexit "${RUNNER_EXIT:-0}"\n')
    bundle(demo.root / ".tmp/nomos-binaries-linux-v0.3.1.tar.gz", node=EMBEDDED, more_meta="node=embedded\n")
    return demo


@pytest.mark.parametrize("arguments", [DEMO, (*DEMO, "compose")])
def test_compose_builds_the_image_and_runs_its_runner(stack: Copy, arguments: tuple[str, ...]) -> None:
    done = stack.run("run-examples.sh", *arguments)
    shown = environment_shown(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert shown["built"] == shown["NOMOS_TESTNET_IMAGE"] == "logos-blockchain-testing:local"
    assert (shown["NOMOS_DEMO_VALIDATORS"], shown["NOMOS_DEMO_EXECUTORS"]) == ("1", "2")
    assert (shown["NOMOS_DEMO_RUN_SECS"], shown["POL_PROOF_DEV_MODE"], shown["packages"]) == ("60", "true", "run")
    assert "NOMOS_CIRCUITS" not in shown


def test_the_image_that_was_named_is_the_one_that_is_built(stack: Copy) -> None:
    shown = environment_shown(stack.run("run-examples.sh", *DEMO, NOMOS_TESTNET_IMAGE="nomos:mine").stdout)
    assert shown["built"] == shown["NOMOS_TESTNET_IMAGE"] == "nomos:mine"


@pytest.mark.parametrize("variable", ["NOMOS_SKIP_IMAGE_BUILD", "NO_DAEMON"])
def test_an_image_that_is_not_to_be_built_is_left_to_the_runner(stack: Copy, variable: str) -> None:
    done = stack.run("run-examples.sh", *DEMO, **{variable: "1"}, RUNNER_EXIT="3")
    assert done.returncode == 3
    assert "built" not in environment_shown(done.stdout)


def test_an_image_that_cannot_be_built_ends_it(stack: Copy) -> None:
    done = stack.run("run-examples.sh", *DEMO, BUILD_EXIT="1")
    assert done.returncode == 1
    assert "NOMOS_DEMO_VALIDATORS" not in environment_shown(done.stdout)


def test_a_bundle_that_is_missing_is_wrong_usage_of_compose_too(stack: Copy) -> None:
    done = stack.run("run-examples.sh", *DEMO, NOMOS_BINARIES_TAR="nowhere.tar.gz")
    assert done.returncode == 1
    assert done.stderr.startswith("NOMOS_BINARIES_TAR is set but missing: nowhere.tar.gz\nUsage: ")


def test_with_real_nodes_in_the_image_the_framework_gets_their_circuits(stack: Copy, tmp_path: Path) -> None:
    tar = bundle(tmp_path / "real.tar.gz", node=elf(OUR_MACHINE))
    done = stack.run("run-examples.sh", *DEMO, NOMOS_BINARIES_TAR=str(tar))
    shown = environment_shown(done.stdout)
    assert done.returncode == 0, done.stderr
    assert (Path(shown["NOMOS_CIRCUITS"]) / "zksign/witness_generator").is_file()
    assert shown["packages"] == "groth16"
    refused = stack.run(
        *("run-examples.sh", *DEMO),
        NOMOS_BINARIES_TAR=str(bundle(tmp_path / "poor.tar.gz", leave_out="circuits/zksign/witness_generator")),
        NOMOS_CIRCUITS="nowhere",
    )
    assert refused.returncode == 1
    assert "ERROR: Missing zksign/witness_generator in nowhere; a real node needs the circuits" in refused.stderr
