from __future__ import annotations

import subprocess
import sys

import nomos_testing


def test_every_exported_name_exists_and_is_sorted() -> None:
    assert nomos_testing.__all__ == sorted(nomos_testing.__all__)
    for name in nomos_testing.__all__:
        assert getattr(nomos_testing, name) is not None


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ("aiohttp", "pydantic", "rich", "nomos_core")
    program = f"import sys, nomos_testing; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
