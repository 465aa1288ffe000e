"""A fork server of fake nodes, by the protocol of the embedded nodes' one."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from typing import Any

from support.fakes import fake_node

_answering = threading.Lock()


def answer(message: dict[str, Any]) -> None:
    with _answering:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def start(request: dict[str, Any]) -> int:
    server = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)
    os.chdir(request["cwd"])
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.setsid()  # last: whoever sees the session finds the files there
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = request["argv"]
    code = 0
    try:
        fake_node.main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


def report_exit(pid: int) -> None:
    _, status = os.waitpid(pid, 0)
    answer({"exited": pid, "status": os.waitstatus_to_exitcode(status)})


def main() -> None:
    pids = []
    while line := sys.stdin.readline():
        request = json.loads(line)
        if not os.path.isdir(request["cwd"]):
            answer({"error": f"cwd {request['cwd']} is no directory"})
            continue
        pids.append(start(request))
        answer({"pid": pids[-1]})
        threading.Thread(target=report_exit, args=(pids[-1],), daemon=True).start()
    for pid in pids:
        try:
            os.killpg(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
