"""The protocol of the control socket: JSON lines over a Unix socket in the run directory.

A request is ``{"id": 1, "do": "pause", "node": "validator-1"}``. Its answer is ``{"id": 1, "ok": true, "result": ...}``
or ``{"id": 1, "ok": false, "error": "text"}``. Answers may come in another order than requests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SOCKET_NAME: Final = "control.sock"
LONGEST_LINE: Final = 16 * 1024 * 1024
"""Bytes of a request or an answer."""


class ControlRefused(Exception):
    """A request to a running network was refused, or nobody is there to answer. The text says why and what to do."""


@contextmanager
def short_path(run_directory: Path) -> Iterator[str]:
    """Open the run directory, and return a path of its socket that is short: the kernel takes 107 bytes only.

    Raises:
        OSError: the directory cannot be opened.
    """
    directory = os.open(run_directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{SOCKET_NAME}"
    finally:
        os.close(directory)
