"""The first process of the pod that runs a scenario in the cluster. It uses the standard library only.

- ``run COMMAND...`` starts the runner, says when it has ended, keeps its results until they were fetched, and exits
  with its exit code. SIGTERM and SIGINT end the runner in order. The runner's standard error is the pod's log; its
  standard output follows in the end.
- ``archive`` writes the results to standard output, as a compressed tar archive.
- ``end`` ends the runner in order, and ``fetched`` lets the pod end. Both speak to the first process.

The runner is a child of this process, so its results can be fetched also if it was killed.
"""

from __future__ import annotations

import os
import signal
import sys
import tarfile

RESULTS = "/var/lib/nomos/results"
"""Has the exit code, the standard output, and the directories of runs."""
RUNS = f"{RESULTS}/runs"
OUTPUT = f"{RESULTS}/output"
EXIT_CODE = f"{RESULTS}/exit-code"
ENDED = "the runner in the cluster ended with exit code"
"""Begins the line of the log that says that the results can be fetched."""
FETCH_SECONDS = 300
"""How long the results are kept for somebody who fetches them."""
LAST_FETCH_SECONDS = 15
"""The same where the pod is being deleted."""
_FIRST_PROCESS = 1
_FETCHED = signal.SIGUSR1
_WATCHED = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, _FETCHED}


def main(arguments: list[str]) -> int:
    """Do what the first argument names, and return the exit code."""
    command, *rest = arguments
    if command == "run":
        return _run(rest)
    if command == "archive":
        with tarfile.open(fileobj=sys.stdout.buffer, mode="w|gz") as archive:
            archive.add(RESULTS, arcname=".")
        return 0
    # A signal that the first process blocks waits for it. SIGTERM would say that the pod is being deleted.
    os.kill(_FIRST_PROCESS, {"end": signal.SIGINT, "fetched": _FETCHED}[command])
    return 0


def _run(command: list[str]) -> int:
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    os.makedirs(RUNS, exist_ok=True)
    to_file = (os.POSIX_SPAWN_OPEN, 1, OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    runner = os.posix_spawnp(command[0], command, os.environ, setsigmask=(), file_actions=[to_file])
    code, deleted = _outcome(runner)
    with open(EXIT_CODE, "w", encoding="ascii") as file:
        file.write(f"{code}\n")
    seconds = LAST_FETCH_SECONDS if deleted else FETCH_SECONDS
    print(f"{ENDED} {code}; its results are kept for {seconds} s", file=sys.stderr, flush=True)
    signal.sigtimedwait({_FETCHED, signal.SIGTERM}, seconds)
    with open(OUTPUT, encoding="utf-8", errors="replace") as file:
        sys.stdout.write(file.read())
    return code


def _outcome(runner: int) -> tuple[int, bool]:
    """Wait for the end of the runner. Return its exit code, as a shell has it, and whether the pod is being deleted."""
    deleted = False
    while True:
        received = signal.sigwait(_WATCHED)
        if received == signal.SIGCHLD:
            status = _status(runner)
            if status is not None:
                code = os.waitstatus_to_exitcode(status)
                return (code if code >= 0 else 128 - code), deleted
        elif received != _FETCHED:
            deleted = deleted or received == signal.SIGTERM
            os.kill(runner, signal.SIGTERM)


def _status(runner: int) -> int | None:
    """Take the processes that have ended, also orphans. Return the status of the runner if it is one of them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == runner:
            found = status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
