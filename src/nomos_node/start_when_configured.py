"""``python -m nomos_node.start_when_configured PROGRAM CONFIG.yaml COMMAND...``: waits for the configuration of a node.

It runs the command that fetches the configuration, and loads the modules of the node meanwhile. When the command has
succeeded, it becomes the node. This saves a second in a container that waits for other containers. The exit code is
that of the command if it failed, else that of the node.
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
