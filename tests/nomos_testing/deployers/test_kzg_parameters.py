"""Where a run's KZG parameters come from, and what is said where there are none."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nomos_core.da import kzg_generator
from nomos_core.da.kzg_params import KzgParams
from nomos_testing import ScenarioBuilder
from nomos_testing.deployers.errors import PreflightError, Problem
from nomos_testing.deployers.kzg_parameters import (
    DEFAULT_KZG_PARAMS,
    KzgParameters,
    find_kzg_parameters,
    kzg_params_file,
)
from nomos_testing.deployers.local.deployer import LocalDeployer
from nomos_testing.runtime.journal_events import Notice
from nomos_testing.settings import Settings
from toy_network import toy_environment, toy_program
from toy_scenario import toy_deployer, toy_scenario

GENERATED = Path("made/kzgrs_test_params")
SMALL = kzg_generator.generated_params(3)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No parameters lie about, and those that are made are small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kzg_generator.write_test_params, "__defaults__", (3, kzg_generator.TEST_SEED))


def _file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(SMALL)
    return path.absolute()


def test_the_file_that_is_named_comes_first(tmp_path: Path) -> None:
    _file(DEFAULT_KZG_PARAMS)
    named = _file(tmp_path / "named")
    assert find_kzg_parameters(Settings(kzg_params=named), generated=GENERATED, needed=True) == KzgParameters(named)


@pytest.mark.parametrize("name", ["kzgrs_test_params", "pol/proving_key.zkey", "proving_key.zkey"])
def test_a_directory_may_be_named(tmp_path: Path, name: str) -> None:
    assert kzg_params_file(tmp_path) == tmp_path
    file = _file(tmp_path / name)
    assert find_kzg_parameters(Settings(kzg_params=tmp_path), generated=None, needed=True) == KzgParameters(file)


def test_then_the_manuals_place_then_what_an_earlier_run_has_made() -> None:
    made = _file(GENERATED)
    assert find_kzg_parameters(Settings(), generated=GENERATED, needed=True) == KzgParameters(made)
    default = _file(DEFAULT_KZG_PARAMS)
    assert find_kzg_parameters(Settings(), generated=GENERATED, needed=True) == KzgParameters(default)


@pytest.mark.parametrize("needed", [True, False])
def test_embedded_nodes_get_a_set_up_of_their_own(needed: bool) -> None:
    found = find_kzg_parameters(Settings(), generated=GENERATED, needed=needed)
    assert found == KzgParameters(GENERATED.absolute(), to_be_made=True)
    assert isinstance(found, KzgParameters)
    found.make()
    assert KzgParams.load(GENERATED).power_count == 3


def test_of_runs_that_start_together_one_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    real = kzg_generator.write_test_params
    monkeypatch.setattr(kzg_generator, "write_test_params", lambda path: (made.append(path), real(path)))
    parameters = KzgParameters(GENERATED.absolute(), to_be_made=True)
    runs = [threading.Thread(target=parameters.make) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert made == [GENERATED.absolute()]


def test_without_any_the_manuals_words_are_used_and_every_remedy_named() -> None:
    problem = find_kzg_parameters(Settings(), generated=None, needed=True)
    assert isinstance(problem, Problem)
    assert problem.what == (
        "missing KZG parameters at testing-framework/assets/stack/kzgrs_test_params/kzgrs_test_params"
    )
    for remedy in ("make kzgrs_test_params", "scripts/setup-nomos-circuits.sh", "NOMOS_KZGRS_PARAMS_PATH"):
        assert remedy in problem.remedy


def test_a_named_file_that_is_missing_is_never_replaced() -> None:
    settings = Settings(kzg_params=Path("nowhere"))
    problem = find_kzg_parameters(settings, generated=GENERATED, needed=False)
    assert isinstance(problem, Problem)
    assert problem.what == "missing KZG parameters at nowhere"


def test_a_file_that_holds_no_parameters_is_refused_where_they_are_needed(tmp_path: Path) -> None:
    file = tmp_path / "garbage"
    file.write_bytes(SMALL[:-1])
    settings = Settings(kzg_params=file)
    problem = find_kzg_parameters(settings, generated=GENERATED, needed=True)
    assert isinstance(problem, Problem)
    assert problem.what.startswith(f"{file} holds no KZG parameters: ")
    assert find_kzg_parameters(settings, generated=GENERATED, needed=False) == KzgParameters(file)


def test_who_disperses_nothing_needs_none() -> None:
    found = find_kzg_parameters(Settings(), generated=None, needed=False)
    assert found == KzgParameters(DEFAULT_KZG_PARAMS.absolute())


async def test_a_scenario_with_blobs_on_other_nodes_is_refused_before_it_starts(tmp_path: Path) -> None:
    scenario = ScenarioBuilder.topology(validators=1, executors=1).data_availability().run_for(seconds=4).build()
    program = toy_program(tmp_path)
    settings = Settings(pol_proof_dev_mode=True, node_program=program, executor_program=program)
    with pytest.raises(PreflightError, match="missing KZG parameters at testing-framework/assets"):
        await LocalDeployer(settings=settings, environ=toy_environment()).deploy(scenario)


@pytest.mark.slow
async def test_a_run_says_that_it_makes_the_parameters_and_only_once(tmp_path: Path) -> None:
    notices: list[list[str]] = []
    for _ in range(2):
        heard: list[Any] = []
        deployer = toy_deployer(tmp_path, listeners=[lambda entry, heard=heard: heard.append(entry.event)])
        deployer._installation = replace(deployer._installation, generated_kzg_params=GENERATED)
        async with deployer.deployed(toy_scenario()):
            notices.append([event.text for event in heard if isinstance(event, Notice)])
    assert GENERATED.is_file()  # noqa: ASYNC240 (a test may look at a file)
    assert [len([text for text in run if "KZG parameters" in text]) for run in notices] == [1, 0]
