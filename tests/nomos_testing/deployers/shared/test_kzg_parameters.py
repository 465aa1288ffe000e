"""Where a run's KZG parameters come from, and what is said where there are none."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nomos_core.da import kzg_generator
from nomos_core.da.kzg_params import KzgParams
from nomos_testing.cli.main import main
from nomos_testing.deployers.local.deployer import LocalDeployer
from nomos_testing.deployers.local.preflight import Prepared
from nomos_testing.deployers.shared import kzg_parameters
from nomos_testing.deployers.shared.errors import Problem
from nomos_testing.deployers.shared.kzg_parameters import (
    KZG_PARAMS_IN_REPOSITORY,
    KzgParameters,
    find_kzg_parameters,
    kzg_params_file,
    kzg_params_places,
    place_to_make,
)
from nomos_testing.journal.events import Notice
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from support.processes.fake_node_scenario import fake_deployer, fake_scenario

SMALL = kzg_generator.generated_params(3)
FIRST, SECOND = Path("repository/kzgrs_test_params"), Path("cache/kzgrs_test_params")
PLACES = (FIRST, SECOND)


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
    _file(FIRST)
    named = _file(tmp_path / "named")
    assert find_kzg_parameters(Settings(kzg_params=named), PLACES, blobs=True) == KzgParameters(named)


@pytest.mark.parametrize("name", ["kzgrs_test_params", "pol/proving_key.zkey", "proving_key.zkey"])
def test_a_directory_may_be_named(tmp_path: Path, name: str) -> None:
    assert kzg_params_file(tmp_path) == tmp_path
    file = _file(tmp_path / name)
    assert find_kzg_parameters(Settings(kzg_params=tmp_path), PLACES, blobs=True) == KzgParameters(file)


def test_then_the_places_in_their_order() -> None:
    second = _file(SECOND)
    assert find_kzg_parameters(Settings(), PLACES, blobs=True) == KzgParameters(second)
    first = _file(FIRST)
    assert find_kzg_parameters(Settings(), PLACES, blobs=True) == KzgParameters(first)


def test_the_places_do_not_depend_on_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = "logos-blockchain-testing/kzgrs_test_params/kzgrs_test_params"
    repository = Path(__file__).parents[4]
    for directory in (tmp_path, Path("/")):
        monkeypatch.chdir(directory)
        places = kzg_params_places({"HOME": "/home/somebody"})
        assert places == (repository / KZG_PARAMS_IN_REPOSITORY, Path("/home/somebody/.cache") / cached)
    assert kzg_params_places({"XDG_CACHE_HOME": "/cache"})[-1] == Path("/cache") / cached
    assert kzg_params_places({"XDG_CACHE_HOME": "cache", "HOME": "/h"})[-1] == Path("/h/.cache") / cached
    monkeypatch.setattr(kzg_parameters, "repository_root", lambda: None)
    assert kzg_params_places({"XDG_CACHE_HOME": "/cache"}) == (Path("/cache") / cached,)


@pytest.mark.parametrize(("blobs", "real_nodes"), [(True, False), (False, True), (False, False)])
def test_they_are_made_for_blobs_and_for_real_nodes_alone(blobs: bool, real_nodes: bool) -> None:
    found = find_kzg_parameters(Settings(), PLACES, blobs=blobs, real_nodes=real_nodes)
    assert found == KzgParameters(FIRST.absolute(), to_be_made=blobs or real_nodes)


def test_what_is_made_holds_parameters() -> None:
    KzgParameters(FIRST.absolute(), to_be_made=True).make()
    assert KzgParams.load(FIRST).power_count == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_can_not_be_written_to_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir(mode=0o500)
    assert place_to_make([path.absolute() for path in PLACES]) == SECOND.absolute()


def test_of_runs_that_start_together_one_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    real = kzg_generator.write_test_params
    monkeypatch.setattr(kzg_generator, "write_test_params", lambda path: (made.append(path), real(path)))
    parameters = KzgParameters(FIRST.absolute(), to_be_made=True)
    runs = [threading.Thread(target=parameters.make) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert made == [FIRST.absolute()]


def test_a_named_file_that_is_missing_is_never_replaced_and_the_remedy_is_a_command() -> None:
    problem = find_kzg_parameters(Settings(kzg_params=Path("nowhere")), PLACES, blobs=False)
    assert isinstance(problem, Problem)
    assert problem.what == "missing KZG parameters at nowhere"
    assert problem.remedy == (
        "make a test set-up with `nomos-testing kzg-params nowhere`, or point NOMOS_KZGRS_PARAMS_PATH elsewhere"
    )


def test_a_file_that_holds_no_parameters_is_refused_where_they_are_needed(tmp_path: Path) -> None:
    file = tmp_path / "garbage"
    file.write_bytes(SMALL[:-1])
    settings = Settings(kzg_params=file)
    problem = find_kzg_parameters(settings, PLACES, blobs=True)
    assert isinstance(problem, Problem)
    assert problem.what.startswith(f"{file} holds no KZG parameters: ")
    assert find_kzg_parameters(settings, PLACES, blobs=False) == KzgParameters(file)


@pytest.mark.slow
async def test_a_run_with_blobs_says_that_it_makes_the_parameters_and_only_once(tmp_path: Path) -> None:
    notices: list[list[str]] = []
    for _ in range(2):
        heard: list[Any] = []
        deployer = fake_deployer(tmp_path, listeners=[lambda entry, heard=heard: heard.append(entry.event)])
        deployer._installation = replace(deployer._installation, kzg_params_places=PLACES)
        deployer._prepare = lambda told, deployer=deployer: with_blobs(deployer, told)  # type: ignore[method-assign]
        async with deployer.deployed(fake_scenario()):
            notices.append([event.text for event in heard if isinstance(event, Notice)])
    assert FIRST.is_file()  # noqa: ASYNC240 (a test may look at a file)
    assert [len([text for text in run if "KZG parameters" in text]) for run in notices] == [1, 0]


@pytest.mark.slow
async def test_a_run_without_blobs_makes_none(tmp_path: Path) -> None:
    deployer = fake_deployer(tmp_path)
    deployer._installation = replace(deployer._installation, kzg_params_places=PLACES)
    async with deployer.deployed(fake_scenario()):
        pass
    assert not any(place.exists() for place in PLACES)


def with_blobs(deployer: LocalDeployer, told: Scenario) -> Prepared:
    """What preflight finds for a scenario that disperses blobs; fake nodes have none."""
    prepared = LocalDeployer._prepare(deployer, told)
    found = find_kzg_parameters(Settings(), PLACES, blobs=True)
    assert isinstance(found, KzgParameters)
    return replace(prepared, kzg=found)


def test_the_command_makes_them_where_it_is_told_or_where_runs_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kzg_parameters, "repository_root", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    default = kzg_params_places(os.environ)[0]
    for arguments, path in (([], default), (["here/params"], Path("here/params"))):
        made = CliRunner().invoke(main, ["kzg-params", *arguments])
        assert (made.exit_code, made.output.startswith(f"made {path}: a test set-up")) == (0, True)
        assert KzgParams.load(path).power_count == 3
        again = CliRunner().invoke(main, ["kzg-params", *arguments])
        assert (again.exit_code, "is there already" in again.output) == (0, True)
    refused = CliRunner().invoke(main, ["kzg-params", "here/params/below"])
    assert refused.exit_code == 1
