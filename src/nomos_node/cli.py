"""Program ``nomos-node``: a validator."""

from __future__ import annotations

import sys

from nomos_node.command_line import main as run


def main() -> None:
    sys.exit(run("nomos-node"))


if __name__ == "__main__":
    main()
