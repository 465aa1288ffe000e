"""``python -m nomos_node.start_when_configured PROGRAM CONFIG.yaml COMMAND...``: waits for a node's configuration.

Runs the command that fetches the configuration, loads the node's modules meanwhile, and becomes the node once the
command has succeeded. In a container that waits for others to announce themselves that is a second less. Exit code: the
command's if it failed, else the node's.
"""

from __future__ import annotations

import subprocess
import sys


def main() -> int:
    if len(sys.argv) < 4:
        sys.exit("usage: python -m nomos_node.start_when_configured PROGRAM CONFIG.yaml COMMAND...")
    program, config, *command = sys.argv[1:]
    with subprocess.Popen(command) as fetching:
        from nomos_node.fork_server import preload

        preload()
        failed = fetching.wait()
    if failed:
        return failed if failed > 0 else 128 - failed
    from nomos_node.command_line import main as run

    return run(program, [config])


if __name__ == "__main__":
    sys.exit(main())
