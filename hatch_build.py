"""Compiles the Poseidon2 accelerator while the wheel is built. Without a C compiler nothing is lost but speed.

The library goes beside its source, so that an editable install finds it too; a wheel that holds it is tagged for the
platform. It depends on no Python version, because it is called through ctypes.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("src/nomos_core/_poseidon2.c")
LIBRARY = SOURCE.with_suffix(".so")
FLAGS = ("-O3", "-std=c11", "-fPIC", "-shared", "-fvisibility=hidden")


class CustomBuildHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            # Whoever installs the wheel gets the embedded node's packages from it, without a compiler.
            build_data["force_include"]["requirements-run.lock"] = "nomos_node/requirements.lock"
        compiler = find_compiler()
        if compiler is None:
            self.app.display_warning("no C compiler: Poseidon2 will run on gmpy2, about eight times slower")
            return
        failure = compile_library(compiler, Path(self.root))
        if failure is not None:
            self.app.display_warning(f"Poseidon2 will run on gmpy2, about eight times slower: {failure}")
            return
        build_data["artifacts"].append(LIBRARY.as_posix())
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")


def find_compiler() -> list[str] | None:
    """The command of ``$CC``, else the first compiler found."""
    if chosen := os.environ.get("CC"):
        return shlex.split(chosen)
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    return [found] if found else None


def compile_library(compiler: list[str], root: Path) -> str | None:
    """Compile and put in place, or say why not. A library in use is replaced, never written over."""
    library = root / LIBRARY
    fresh = library.with_name(f"_poseidon2.{os.getpid()}.so")
    command = [*compiler, *FLAGS, "-o", str(fresh), str(root / SOURCE)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"{shlex.join(command)} ended with exit code {done.returncode}: {done.stderr.strip()}"
        fresh.replace(library)
    except OSError as error:
        return f"{compiler[0]}: {error.strerror}"
    finally:
        fresh.unlink(missing_ok=True)
    return None
