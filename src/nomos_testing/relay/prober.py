"""``python -m nomos_testing.relay.prober``: sends probes from the place where it runs, such as a node's container.

Each request is a line of JSON, ``{"links": [[source, target], ...], "proxies": {target: [host, port]}, "token":
hex, "timeout": seconds}``, and the answer is a line: the links that returned no probe. The program ends when
its input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from nomos_testing.cluster.links import Link
from nomos_testing.relay.probing import silent_links


async def answer(request: dict[str, Any]) -> list[list[str]]:
    links = [Link(source, target) for source, target in request["links"]]
    silent = await silent_links(
        links,
        hosts={link.source: "0.0.0.0" for link in links},
        proxies={name: (host, port) for name, (host, port) in request["proxies"].items()},
        token=bytes.fromhex(request["token"]),
        timeout=request["timeout"],
    )
    return sorted([link.source, link.target] for link in silent)


def main() -> None:
    with asyncio.Runner() as runner:
        for line in sys.stdin:
            print(json.dumps(runner.run(answer(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
