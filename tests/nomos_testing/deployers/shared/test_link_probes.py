"""Probes that a program beside a node sends: a prober that ends is replaced, its links count as silent meanwhile."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from nomos_testing.cluster.link_effects import LinkEffect
from nomos_testing.cluster.links import Link
from nomos_testing.deployers.shared.line_channel import LineChannel, ProcessChannel
from nomos_testing.deployers.shared.link_probes import PROBER, LinkProbes
from support.inputs.fault_deadlines import MACHINE_FACTOR
from support.processes.relay_lab import RelayLab, relay_lab

LINKS = [Link("a", "b"), Link("b", "a")]
TIMEOUT = 1.0 * MACHINE_FACTOR


async def silent(probes: LinkProbes, lab: RelayLab) -> frozenset[Link]:
    proxies = {name: lab.proxy(name) for name in lab.stations}
    return await probes.silent(LINKS, nodes=lab.relay.nodes, proxies=proxies, token=lab.relay.token, timeout=TIMEOUT)


async def test_probes_from_this_process_tell_silent_links_from_others(tmp_path: Path) -> None:
    async with relay_lab(tmp_path, "a", "b") as lab:
        probes = LinkProbes()
        assert await silent(probes, lab) == frozenset()
        await lab.relay.impose(1, LINKS[:1], LinkEffect(cut=True))
        assert await silent(probes, lab) == frozenset(LINKS), "a probe goes there and back"


async def test_a_prober_is_asked_again_and_replaced_after_its_end(tmp_path: Path) -> None:
    opened: list[ProcessChannel] = []

    async def open_prober(node: str) -> LineChannel:
        opened.append(await ProcessChannel.open((sys.executable, *PROBER)))
        return opened[-1]

    async with relay_lab(tmp_path, "a", "b") as lab:
        probes = LinkProbes(open_prober)
        # This machine's probers have none of the nodes' addresses, so that the relay refuses their probes.
        assert await silent(probes, lab) == frozenset(LINKS)
        assert await silent(probes, lab) == frozenset(LINKS)
        assert len(opened) == 2, "one prober a node"
        for channel in opened:
            os.kill(channel.pid, signal.SIGKILL)
            await channel.ended()
        assert await silent(probes, lab) == frozenset(LINKS)
        await silent(probes, lab)
        assert len(opened) == 4
        await probes.close()
        assert not any(channel.running for channel in opened)
