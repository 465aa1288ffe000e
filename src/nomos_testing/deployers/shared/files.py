"""Files that another process may read at any moment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def replace_file(file: Path, content: bytes, *, allow: Callable[[Path], None] | None = None) -> None:
    """Write a file such that a reader sees either the old content or the new one.

    ``allow`` sets the permissions of the new file.
    """
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_bytes(content)
    if allow is not None:
        allow(fresh)
    os.replace(fresh, file)
