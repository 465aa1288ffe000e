"""Starts a program as a child process, which ends with this process."""

from __future__ import annotations

import subprocess

from nomos_testing.deployers.local.child_process import ChildProcess, Command, LaunchError
from nomos_testing.deployers.shared.death_signal import die_with_parent


class DirectLauncher:
    """Starts one process for each call."""

    async def launch(self, command: Command) -> ChildProcess:
        process = _spawn(command)

        async def collect() -> int | None:
            return process.wait()  # it has ended: this only fetches the status

        return ChildProcess(process.pid, collect)

    async def close(self) -> None:
        """Do nothing: nothing is held between launches."""


def _spawn(command: Command) -> subprocess.Popen[bytes]:
    try:
        with command.stdout.open("ab") as stdout, command.stderr.open("ab") as stderr:
            return subprocess.Popen(
                command.argv,
                cwd=command.cwd,
                env=dict(command.env),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 (it makes two system calls and takes no lock)
            )
    except OSError as error:
        reason = error.strerror or str(error)
        raise LaunchError(f"failed to spawn node process '{command.argv[0]}': {reason}") from error
