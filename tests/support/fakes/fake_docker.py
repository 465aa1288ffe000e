"""A program ``docker`` that answers what a test tells it to, where a real daemon could not be made to."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_PROGRAM = """#!{python} -IS
import json, sys
for beginning, answer in json.loads({answers!r}):
    if sys.argv[1:][:len(beginning)] == beginning:
        sys.stdout.write(answer.get("out", ""))
        sys.stderr.write(answer.get("err", ""))
        sys.exit(answer.get("status", 0))
sys.exit("unexpected: docker " + " ".join(sys.argv[1:]))
"""


def fake_docker(directory: Path, answers: Sequence[tuple[Sequence[str], Mapping[str, Any]]]) -> dict[str, str]:
    """An environment with the program first on ``PATH``. The first answer whose words begin the command is given.

    An answer is ``{"out": text, "err": text, "status": number}``, all of them optional.
    """
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "docker"
    told = json.dumps([[list(words), dict(answer)] for words, answer in answers])
    program.write_text(_PROGRAM.format(python=sys.executable, answers=told))
    program.chmod(0o755)
    return {"PATH": str(directory), "HOME": str(directory)}
