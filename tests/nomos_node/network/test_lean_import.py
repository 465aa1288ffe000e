"""The import hook of the libp2p host: a node loads no more of py-libp2p than it uses."""

from __future__ import annotations

import subprocess
import sys

import pytest

_HEAVY = ("libp2p.kad_dht", "libp2p.bitswap", "libp2p.transport.tcp.tcp", "zeroconf", "netaddr", "dns")


def _loaded(program: str) -> list[str]:
    report = f"; import sys; print(*[name for name in {_HEAVY} if name in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", program + report], capture_output=True, text=True, check=True
    ).stdout.split()


def test_a_node_loads_nothing_of_libp2p_that_it_does_not_use() -> None:
    assert _loaded("import nomos_node.network.service") == []


@pytest.mark.slow
def test_a_libp2p_that_is_loaded_already_stays_whole() -> None:
    assert "libp2p.kad_dht" in _loaded("import libp2p; import nomos_node.network.service; libp2p.new_host")
