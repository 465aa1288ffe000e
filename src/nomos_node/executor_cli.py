"""Program ``nomos-executor``: a validator that also disperses blobs."""

from __future__ import annotations

import sys

from nomos_node.command_line import main as run


def main() -> None:
    sys.exit(run("nomos-executor"))


if __name__ == "__main__":
    main()
