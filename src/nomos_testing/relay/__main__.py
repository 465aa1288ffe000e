"""``python -m nomos_testing.relay EVIDENCE_FILE``: requests on standard input, answers on standard output."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from nomos_testing.relay.program import Evidence, Relay


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m nomos_testing.relay EVIDENCE_FILE")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runner, which then heals and closes our input
    relay = Relay(Evidence(Path(sys.argv[1])), requests=sys.stdin.fileno(), answers=sys.stdout.fileno())
    try:
        relay.run()
    except PermissionError:  # the kernel's event queue takes no files
        sys.exit("python -m nomos_testing.relay: standard input must be a pipe, a socket or a terminal")


if __name__ == "__main__":
    main()
