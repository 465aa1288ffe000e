"""A copy of the repository's scripts in a directory of its own, where programs can be replaced by stand-ins."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
STACK = Path("testing-framework/assets/stack")
_COPIED = (
    *("versions.env", "paths.env", "pyproject.toml", "hatch_build.py", "src/nomos_core/_poseidon2.c"),
    *("requirements-build.lock", "requirements-run.lock", "requirements-groth16.lock", "requirements-dev.lock"),
)


@dataclass(frozen=True)
class Copy:
    root: Path

    def program(self, path: str, text: str) -> Path:
        """Put an executable script in place."""
        program = self.root / path
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
        return program

    def run(
        self, script: str, *arguments: str, cwd: Path | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(script, arguments),
            cwd=cwd or self.root,
            env=self.environment(environ),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def command(self, script: str, arguments: Sequence[str] = ()) -> list[str]:
        """``script`` is a name in ``scripts``, or a path from the root."""
        return [str(self.root / (script if "/" in script else f"scripts/{script}")), *arguments]

    def environment(self, environ: dict[str, str]) -> dict[str, str]:
        """Nothing of the caller's but what is given; ``bin`` of the copy is first on ``PATH``."""
        home = self.root / "home"
        return {"PATH": f"{self.root / 'bin'}:{os.defpath}", "HOME": str(home), "LANG": "C.UTF-8"} | environ


def copy_repository(root: Path) -> Copy:
    shutil.copytree(REPOSITORY / "scripts", root / "scripts")
    unversioned = shutil.ignore_patterns("kzgrs_test_params", "bin")
    shutil.copytree(REPOSITORY / STACK, root / STACK, ignore=unversioned)
    for name in _COPIED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, root / name)
    (root / "bin").mkdir()
    return Copy(root)
