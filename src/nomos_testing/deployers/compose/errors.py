"""Errors of Docker and of stacks.

- ``DockerUnavailable``: there is no daemon to ask; ``compose_runner`` takes it as a reason to do nothing
- ``CommandFailed``: a command did not do what it was for; its own words are in the text
- ``ComposeError``: the stack did not come up, and why
"""

from __future__ import annotations

from typing import Final

from nomos_testing.deployers.shared.errors import DeployError, DeployerUnavailable

_SHOWN_LINES: Final = 15


class DockerUnavailable(DeployerUnavailable):
    """No Docker daemon answers."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Docker is unavailable: docker does not appear to be available on this host: {reason}")


class ComposeError(DeployError):
    """The stack did not start."""


class CommandFailed(ComposeError):
    """
    Attributes:
        what: how it failed, in some words.
        output: what the command wrote to standard error and standard output.
    """

    def __init__(self, command: str, what: str, output: str = "") -> None:
        lines = output.strip().splitlines()
        left_out = ["..."] if len(lines) > _SHOWN_LINES else []
        shown = "".join(f"\n  | {line}" for line in [*left_out, *lines[-_SHOWN_LINES:]])
        super().__init__(f"{command} {what}{shown}")
        self.what = what
        self.output = output
