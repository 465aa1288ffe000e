"""The KZG parameters that the nodes of a run share: the file named, that of the manual's place, or a test set-up.

Embedded nodes alone need no trusted set-up, so that a run of theirs makes a file of its own where there is none: once,
and all runs of a directory share it.
"""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nomos_testing.deployers.errors import Problem
from nomos_testing.settings import Settings

DEFAULT_KZG_PARAMS: Final = Path("testing-framework/assets/stack/kzgrs_test_params/kzgrs_test_params")
GENERATED_KZG_PARAMS: Final = Path(".tmp/kzgrs_test_params/kzgrs_test_params")
_FILE_NAMES: Final = ("kzgrs_test_params", "pol/proving_key.zkey", "proving_key.zkey")
_REMEDY: Final = (
    "make a test set-up with `make kzgrs_test_params`, fetch one with scripts/setup-nomos-circuits.sh, "
    "or point NOMOS_KZGRS_PARAMS_PATH to the file or its directory"
)


@dataclass(frozen=True, slots=True)
class KzgParameters:
    path: Path
    """Absolute."""
    to_be_made: bool = False

    def make(self) -> None:
        """Write the test set-up, unless another run has done it meanwhile. Some seconds of work: not for an event loop.

        Raises:
            OSError: it can't be written.
        """
        from nomos_core.da.kzg_generator import write_test_params

        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.path.is_file():
                write_test_params(self.path)


def find_kzg_parameters(settings: Settings, *, generated: Path | None, needed: bool) -> KzgParameters | Problem:
    """The parameters of a run.

    Args:
        generated: where a test set-up is kept and made; None where the nodes are not all embedded.
        needed: whether it is a problem that there are none, or a file that holds none.
    """
    wanted = settings.kzg_params or DEFAULT_KZG_PARAMS
    path = kzg_params_file(wanted)
    if path.is_file():
        return (_defect(path) if needed else None) or KzgParameters(path)
    if settings.kzg_params is None and generated is not None:
        return KzgParameters(generated.absolute(), to_be_made=not generated.is_file())
    if needed or settings.kzg_params is not None:
        return Problem(f"missing KZG parameters at {wanted}", _REMEDY)
    return KzgParameters(path)


def _defect(path: Path) -> Problem | None:
    from nomos_core.da.kzg_params import KzgParams, KzgParamsError

    try:
        KzgParams.load(path)
    except KzgParamsError as error:
        return Problem(str(error), "it is the file that NOMOS_KZGRS_PARAMS_PATH names, or the manual's default")
    return None


def kzg_params_file(path: Path) -> Path:
    """The parameters file: the path itself, or where it lies in the directory that the path names. Absolute."""
    candidates = (path / name for name in _FILE_NAMES) if path.is_dir() else ()
    return next((candidate for candidate in candidates if candidate.is_file()), path).absolute()
