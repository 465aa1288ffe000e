"""The KZG parameters of the nodes of a run, searched in the same order by every deployer.

1. The file or directory that ``NOMOS_KZGRS_PARAMS_PATH`` names.
2. The manual's place in the repository, where this package runs from a checkout. Scripts look there too.
3. The user's cache directory: ``$XDG_CACHE_HOME``, else ``~/.cache``.

None of it depends on the working directory. Where no file is, a run that needs one makes a test set-up: in the
repository if there is one that can be written to, else in the cache, once for all runs.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nomos_testing.deployers.shared.errors import Problem
from nomos_testing.settings import Settings

KZG_PARAMS_IN_REPOSITORY: Final = Path("testing-framework/assets/stack/kzgrs_test_params/kzgrs_test_params")
_CACHED: Final = Path("logos-blockchain-testing/kzgrs_test_params/kzgrs_test_params")
_FILE_NAMES: Final = ("kzgrs_test_params", "pol/proving_key.zkey", "proving_key.zkey")
_REMEDY: Final = "make a test set-up with `nomos-testing kzg-params {path}`, or point NOMOS_KZGRS_PARAMS_PATH elsewhere"


def kzg_params_places(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the places where parameters are looked for if none are named, in order."""
    # An empty or relative value counts as unset, by the rules of the XDG directories.
    named = Path(environ.get("XDG_CACHE_HOME", ""))
    cache = named if named.is_absolute() else Path(environ.get("HOME") or Path.home()) / ".cache"
    repository = repository_root()
    return (*((repository / KZG_PARAMS_IN_REPOSITORY,) if repository else ()), cache / _CACHED)


def repository_root() -> Path | None:
    """Return the checkout that this package runs from; None if it was installed from a wheel."""
    root = Path(__file__).parents[4]
    return root if (root / "pyproject.toml").is_file() and (root / "testing-framework").is_dir() else None


@dataclass(frozen=True, slots=True)
class KzgParameters:
    path: Path
    """Absolute."""
    to_be_made: bool = False

    def __str__(self) -> str:
        return f"{self.path}, still to be made" if self.to_be_made else str(self.path)

    def make(self) -> None:
        """Write the test set-up, unless another run has done it meanwhile. This takes some seconds: run it in a thread.

        Raises:
            OSError: it can't be written.
        """
        from nomos_core.da.kzg_generator import write_test_params

        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.path.is_file():
                write_test_params(self.path)


def find_kzg_parameters(
    settings: Settings, places: Sequence[Path], *, blobs: bool, real_nodes: bool = False
) -> KzgParameters | Problem:
    """Find the parameters of a run.

    Args:
        places: where they are looked for if none are named, and made if none are there.
        blobs: whether blobs are dispersed, for which a file must be there and hold parameters.
        real_nodes: whether a node needs the file to start, blobs or not.
    """
    if settings.kzg_params is not None:
        path = kzg_params_file(settings.kzg_params)
        if not path.is_file():
            remedy = _REMEDY.format(path=settings.kzg_params)
            return Problem(f"missing KZG parameters at {settings.kzg_params}", remedy)
        return (_defect(path) if blobs else None) or KzgParameters(path)
    files = [kzg_params_file(place) for place in places]
    for path in files:
        if path.is_file():
            return (_defect(path) if blobs else None) or KzgParameters(path)
    return KzgParameters(place_to_make(files), to_be_made=blobs or real_nodes)


def place_to_make(places: Sequence[Path]) -> Path:
    """Return the first place that can be written to; the last one if none can."""
    return next((place for place in places if os.access(_existing(place), os.W_OK)), places[-1])


def _existing(path: Path) -> Path:
    return next(parent for parent in path.parents if parent.is_dir())


def _defect(path: Path) -> Problem | None:
    from nomos_core.da.kzg_params import KzgParams, KzgParamsError

    try:
        KzgParams.load(path)
    except KzgParamsError as error:
        return Problem(str(error), "delete it to have a test set-up made, or point NOMOS_KZGRS_PARAMS_PATH elsewhere")
    return None


def kzg_params_file(path: Path) -> Path:
    """Return the parameters file, absolute: the path itself, or the file in the directory that the path names."""
    candidates = (path / name for name in _FILE_NAMES) if path.is_dir() else ()
    return next((candidate for candidate in candidates if candidate.is_file()), path).absolute()
