"""The generator as a program: makes a file once, keeps good ones, refuses to build on bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_core.da import kzg_generator
from nomos_core.da.kzg_generator import main
from nomos_core.da.kzg_params import KzgParams


@pytest.fixture(autouse=True)
def small_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kzg_generator.write_test_params, "__defaults__", (3, kzg_generator.TEST_SEED))


def test_it_makes_the_file_and_says_what_it_is_good_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "made/kzgrs_test_params"
    assert main([str(file)]) == 0
    assert KzgParams.load(file).power_count == 3
    assert "a test set-up of 8193 powers, whose secret everybody knows" in capsys.readouterr().out


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "kzgrs_test_params"
    file.write_bytes(kzg_generator.generated_params(4))
    assert main([str(file)]) == 0
    assert KzgParams.load(file).power_count == 4
    assert "is there already" in capsys.readouterr().out


def test_what_is_there_and_holds_no_parameters_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "kzgrs_test_params"
    file.write_bytes(b"something else")
    assert main([str(file)]) == 1
    assert file.read_bytes() == b"something else"
    assert f"no KZG parameters at {file}: " in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main([str(tmp_path / "file/kzgrs_test_params")]) == 1
    assert "no KZG parameters at" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["one", "two"]])
def test_it_takes_one_file(arguments: list[str]) -> None:
    assert main(arguments) == 2
