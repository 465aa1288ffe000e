"""``python -m nomos_testing.relay EVIDENCE_FILE [REQUESTS_FILE]``: requests on standard input, answers on its output.

If a file of requests is given, they are executed first.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from nomos_testing.relay.program import Evidence, Relay


def _end(number: int, frame: object) -> None:
    """End the program. As the first process of a container it gets SIGTERM only if it handles it."""
    sys.exit(0)


def main() -> None:
    if len(sys.argv) not in {2, 3}:
        sys.exit("usage: python -m nomos_testing.relay EVIDENCE_FILE [REQUESTS_FILE]")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the runner. It heals, and closes our input.
    signal.signal(signal.SIGTERM, _end)
    relay = Relay(Evidence(Path(sys.argv[1])), requests=sys.stdin.fileno(), answers=sys.stdout.fileno())
    for request in Path(sys.argv[2]).read_bytes().splitlines() if sys.argv[2:] else ():
        relay.answer(request)
    try:
        relay.run()
    except PermissionError:  # The kernel's event queue takes no files.
        sys.exit("python -m nomos_testing.relay: standard input must be a pipe, a socket or a terminal")


if __name__ == "__main__":
    main()
