"""Building the compiled Poseidon2: it goes beside its source; no missing compiler and no stale build does harm."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from nomos_core import poseidon2_gmpy2
from nomos_core.poseidon2_compiled import AcceleratorUnavailable, CompiledPermutation

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """``hatch_build.py``, which is no module of any package."""
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", PROJECT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(build: ModuleType, tmp_path: Path) -> Path:
    """A project tree with nothing but the source."""
    source = tmp_path / build.SOURCE
    source.parent.mkdir(parents=True)
    shutil.copy(PROJECT / build.SOURCE, source)
    return tmp_path


@pytest.fixture
def compiler(build: ModuleType) -> list[str]:
    found: list[str] | None = build.find_compiler()
    if found is None:
        pytest.skip("no C compiler here")
    return found


def files_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_a_fresh_build_works(build: ModuleType, root: Path, compiler: list[str]) -> None:
    assert build.compile_library(compiler, root) is None
    library = root / build.LIBRARY
    assert CompiledPermutation(str(library)).permute((1, 2, 3)) == poseidon2_gmpy2.permute((1, 2, 3))
    assert files_in(library.parent) == {"_poseidon2.c", "_poseidon2.so"}


def test_the_source_compiles_without_warnings(build: ModuleType, root: Path, compiler: list[str]) -> None:
    assert build.compile_library([*compiler, "-Wall", "-Wextra", "-Werror"], root) is None


def test_a_build_of_another_version_is_not_used(build: ModuleType, root: Path, compiler: list[str]) -> None:
    source = root / build.SOURCE
    source.write_text(source.read_text().replace("#define ABI_VERSION 1\n", "#define ABI_VERSION 999\n"))
    assert build.compile_library(compiler, root) is None
    with pytest.raises(AcceleratorUnavailable, match="has version 999, expected 1"):
        CompiledPermutation(str(root / build.LIBRARY))


def test_a_library_of_something_else_is_not_used(build: ModuleType, root: Path, compiler: list[str]) -> None:
    (root / build.SOURCE).write_text("int nothing(void) { return 0; }\n")
    assert build.compile_library(compiler, root) is None
    with pytest.raises(AcceleratorUnavailable, match="nomos_poseidon2_abi"):
        CompiledPermutation(str(root / build.LIBRARY))


def test_a_missing_compiler_is_named(build: ModuleType, root: Path) -> None:
    assert build.compile_library(["no-such-compiler"], root) == "no-such-compiler: No such file or directory"


def test_a_failing_compiler_is_quoted_and_leaves_nothing(build: ModuleType, root: Path, compiler: list[str]) -> None:
    (root / build.SOURCE).write_text("#error no such machine\n")
    failure = build.compile_library(compiler, root)
    assert failure is not None
    assert "ended with exit code 1" in failure
    assert "no such machine" in failure
    assert files_in((root / build.SOURCE).parent) == {"_poseidon2.c"}


def test_the_environment_names_the_compiler(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "ccache gcc")
    assert build.find_compiler() == ["ccache", "gcc"]
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", "")
    assert build.find_compiler() is None
