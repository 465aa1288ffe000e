"""What is missing is named before anything is started, each with its remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.local.preflight import Prepared, prepare, with_faults
from nomos_testing.deployers.local.programs import Installation, Program, find_programs
from nomos_testing.deployers.shared.clock import find_library
from nomos_testing.deployers.shared.environment import node_environment
from nomos_testing.deployers.shared.errors import PreflightError, Problem
from nomos_testing.deployers.shared.kzg_parameters import kzg_params_file
from nomos_testing.faults.plan import FaultPlan, PlannedFault
from nomos_testing.faults.vocabulary import ClockSkew, DiskFull, Fault
from nomos_testing.settings import Settings
from support.processes.fake_node_processes import fake_program


def installation(directory: Path, path: str = "") -> Installation:
    return Installation(
        interpreter_directory=directory / "bin",
        path=path,
        virtual_environment=directory / ".venv",
        fork_server=("fork-server",),
    )


def program_in(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return fake_program(directory)


def checked(directory: Path, **options: Any) -> Prepared:
    chosen: dict[str, Any] = {
        "roles": frozenset({Role.VALIDATOR}),
        "settings": Settings(pol_proof_dev_mode=True),
        "runs_directory": directory / "runs",
        "environ": {},
        "installation": installation(directory),
    }
    return prepare(**{**chosen, **options})


def find_program(role: Role, named: Path | None, places: Installation) -> Program | Problem:
    return find_programs({role: named}, places, {})[role]


def test_programs_are_found_in_the_documented_order(tmp_path: Path) -> None:
    on_path, in_venv = program_in(tmp_path / "path"), program_in(tmp_path / ".venv" / "bin")
    places = installation(tmp_path, path=str(tmp_path / "path"))
    named = program_in(tmp_path / "named")
    assert find_program(Role.VALIDATOR, None, installation(tmp_path)) == Program(in_venv, False)
    assert find_program(Role.VALIDATOR, None, places) == Program(on_path, False)
    beside = program_in(tmp_path / "bin")
    assert find_program(Role.VALIDATOR, None, places) == Program(beside, True, True)
    assert find_program(Role.VALIDATOR, named, places) == Program(named, False)
    assert find_program(Role.VALIDATOR, beside, places) == Program(beside, True, True)


def test_a_link_to_the_console_script_is_the_embedded_program(tmp_path: Path) -> None:
    beside = program_in(tmp_path / "bin")
    link = tmp_path / "link"
    link.symlink_to(beside)
    assert find_program(Role.VALIDATOR, link, installation(tmp_path)) == Program(link, True, True)


def test_a_named_program_must_be_there_and_executable(tmp_path: Path) -> None:
    missing = find_program(Role.VALIDATOR, tmp_path / "none", installation(tmp_path))
    assert isinstance(missing, Problem)
    assert missing.what == f"NOMOS_NODE_BIN={tmp_path / 'none'} does not exist"
    plain = tmp_path / "plain"
    plain.write_text("")
    refused = find_program(Role.EXECUTOR, plain, installation(tmp_path))
    assert isinstance(refused, Problem)
    assert refused.what == f"NOMOS_EXECUTOR_BIN={plain} is not executable"


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(PreflightError) as caught:
        checked(
            tmp_path,
            roles=frozenset(Role),
            settings=Settings(
                pol_proof_dev_mode=False, prover="development", tests_tracing=True, log_dir=blocked / "logs"
            ),
            runs_directory=blocked / "runs",
        )
    whats = [problem.what for problem in caught.value.problems]
    assert len(whats) == 5
    text = str(caught.value)
    assert "program nomos-node was not found" in text
    assert "program nomos-executor was not found" in text
    assert "POL_PROOF_DEV_MODE" in text
    assert f"the runs directory {blocked / 'runs'} cannot be made: Not a directory" in text
    assert f"the log directory {blocked / 'logs'} cannot be made" in text
    assert "-> point NOMOS_LOG_DIR to a place you can write to" in text


def test_only_programs_that_are_needed_are_looked_for(tmp_path: Path) -> None:
    program = program_in(tmp_path / "bin")
    prepared = checked(tmp_path)
    assert prepared.programs == {Role.VALIDATOR: Program(program, True, True)}
    assert prepared.all_embedded
    assert prepared.prover.name == "development"


def planned(fault: Fault) -> FaultPlan:
    """A plan of one fault, from the third entry of a scenario."""
    item = PlannedFault(number=1, origin="faults", path=("faults", 2), fault=fault, inject_at=1, heal_at=2)
    return FaultPlan((item,))


def test_a_clock_takes_libfaketime(tmp_path: Path) -> None:
    program_in(tmp_path / "bin")
    skew, library = planned(ClockSkew("any", 1)), tmp_path / "libfaketime.so.1"
    with pytest.raises(PreflightError) as caught:
        with_faults(checked(tmp_path), skew, Settings(faketime_library=library))
    assert str(caught.value) == (
        f"faults.2.clock_skew: NOMOS_TESTS_FAKETIME_LIB={library} does not exist\n"
        "  -> point NOMOS_TESTS_FAKETIME_LIB to libfaketime.so.1"
    )
    library.write_text("")
    assert with_faults(checked(tmp_path), skew, Settings(faketime_library=library)).clock_library == library
    assert with_faults(checked(tmp_path), FaultPlan(), Settings()).clock_library is None


def test_libfaketime_is_looked_for_where_distributions_put_it(tmp_path: Path) -> None:
    places = (f"{tmp_path}/usr/lib/*/faketime", f"{tmp_path}/opt")
    missing = find_library(None, places)
    assert isinstance(missing, Problem)
    assert "libfaketime, which is not installed" in missing.what
    assert "install the package faketime" in missing.remedy
    installed = tmp_path / "usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
    installed.parent.mkdir(parents=True)
    installed.write_text("")
    assert find_library(None, places) == installed


def test_a_full_disk_takes_embedded_nodes(tmp_path: Path) -> None:
    full = planned(DiskFull("any"))
    program_in(tmp_path / "bin")
    with_faults(checked(tmp_path), full, Settings())
    foreign = program_in(tmp_path / "other")
    prepared = checked(tmp_path, settings=Settings(pol_proof_dev_mode=True, node_program=foreign))
    with pytest.raises(PreflightError) as caught:
        with_faults(prepared, full, Settings())
    assert "faults.2.disk_full: only the embedded nodes get an error from a full disk" in str(caught.value)


def test_nodes_inherit_nothing_that_would_reconfigure_them() -> None:
    inherited = {"PATH": "/bin", "HTTP_HOST": "0.0.0.0:1", "LOG_LEVEL": "TRACE", "NET_NODE_KEY": "00"}
    assert node_environment(inherited, Settings()) == {"PATH": "/bin", "POL_PROOF_DEV_MODE": "true"}
    assert node_environment({"POL_PROOF_DEV_MODE": "false"}, Settings(pol_proof_dev_mode=False)) == {}
    assert node_environment({}, Settings(prover="groth16"))["NOMOS_PROVER"] == "groth16"


def test_nodes_do_not_get_a_prover_that_the_settings_refused() -> None:
    environ = {"NOMOS_PROVER": "groth"}
    assert "NOMOS_PROVER" not in node_environment(environ, Settings.from_environ(environ))


def test_kzg_parameters_may_be_named_by_their_directory(tmp_path: Path) -> None:
    assert kzg_params_file(tmp_path) == tmp_path
    (tmp_path / "proving_key.zkey").write_text("")
    assert kzg_params_file(tmp_path) == tmp_path / "proving_key.zkey"
    (tmp_path / "kzgrs_test_params").write_text("")
    assert kzg_params_file(tmp_path) == tmp_path / "kzgrs_test_params"
    assert kzg_params_file(Path("relative")) == Path.cwd() / "relative"
