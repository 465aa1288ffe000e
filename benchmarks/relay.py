"""What the relay between local nodes costs: delay it adds to packets, and whether it loses any.

Run it with ``.venv/bin/python benchmarks/relay.py``; it takes half a minute and needs a quiet machine. A sender and an
echoing process exchange packets of the size QUIC uses, in alternating rounds directly over loopback and through the
relay, so that both columns come from the same minute: one round trip at a time first, then a stream at a steady rate.
A packet passes the relay twice in a round trip, so the delay it adds one way is half the difference.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nomos_testing.deployers.local.relay_process import RELAY_HOST, local_relay
from nomos_testing.relay.proxy_sockets import Address, NodeSockets
from nomos_testing.topology import own_hosts, reserve_ports

PACKET: Final = 1200
ROUNDS: Final = 3
TARGET_MILLISECONDS: Final = 1.0
"""What the relay may add one way, at the median."""
SENDER, ECHO = "sender", "echo"
_NUMBER: Final = struct.Struct(">I")

_ECHO_PROGRAM: Final = """
import socket, sys
echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
echo.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
echo.bind((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
while True:
    packet, source = echo.recvfrom(65535)
    echo.sendto(packet, source)
"""


@dataclass(slots=True)
class Measured:
    """Round trips in seconds, and how many packets of the stream came back."""

    single: list[float]
    streamed: list[float]
    sent: int = 0

    @property
    def lost(self) -> int:
        return self.sent - len(self.streamed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=5000, help="packets a second of the stream, each way")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each stream")
    parser.add_argument("--trips", type=int, default=2000, help="single round trips in each round")
    arguments = parser.parse_args()
    with reserve_ports(2) as ports:
        nodes = {
            name: NodeSockets(host, (own.network,))
            for name, host, own in zip((SENDER, ECHO), own_hosts(2), ports.nodes, strict=True)
        }
    asyncio.run(_run(nodes, arguments.rate, arguments.seconds, arguments.trips))


async def _run(nodes: dict[str, NodeSockets], rate: int, seconds: float, trips: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        pids: list[int] = []
        relay = local_relay(nodes, evidence=Path(directory) / "relay.log", seed=1, started=pids.append)
        await relay.start(ended=sys.exit)
        try:
            before = _cpu_seconds(pids[0])
            begun = time.monotonic()
            measured = await asyncio.to_thread(_measure, nodes, rate, seconds, trips)
            share = (_cpu_seconds(pids[0]) - before) / (time.monotonic() - begun)
        finally:
            await relay.close()
    _report(*measured, rate=rate, cpu_share=share)


def _measure(nodes: dict[str, NodeSockets], rate: int, seconds: float, trips: int) -> tuple[Measured, Measured]:
    direct, relayed = Measured([], []), Measured([], [])
    with _echoing(nodes[ECHO]), _sender(nodes[SENDER]) as sender:
        ways = ((direct, (nodes[ECHO].host, nodes[ECHO].ports[0])), (relayed, (RELAY_HOST, nodes[ECHO].ports[0])))
        for _ in range(ROUNDS):
            for measured, target in ways:
                measured.single += _single_trips(sender, target, trips)
            for measured, target in ways:
                count = int(rate * seconds)
                measured.sent += count
                measured.streamed += _stream(sender, target, count, rate)
    return direct, relayed


@contextmanager
def _echoing(node: NodeSockets) -> Iterator[None]:
    argv = [sys.executable, "-c", _ECHO_PROGRAM, node.host, str(node.ports[0])]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as echo:
        assert echo.stdout is not None
        echo.stdout.readline()
        try:
            yield
        finally:
            echo.kill()


@contextmanager
def _sender(node: NodeSockets) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sender.bind((node.host, node.ports[0]))
        yield sender


def _single_trips(sender: socket.socket, target: Address, count: int) -> list[float]:
    sender.settimeout(1.0)
    payload, trips = b"\0" * PACKET, []
    for _ in range(count):
        begun = time.perf_counter()
        sender.sendto(payload, target)
        sender.recv(PACKET)
        trips.append(time.perf_counter() - begun)
    return trips


def _stream(sender: socket.socket, target: Address, count: int, rate: int) -> list[float]:
    """Send at a steady rate without waiting for answers; the round trips of those that came back."""
    sender.settimeout(0)
    sent: list[float] = []
    trips: list[float] = []
    begun = time.perf_counter()
    while len(sent) < count:
        due = min(count, int((time.perf_counter() - begun) * rate) + 1)
        for number in range(len(sent), due):
            sent.append(time.perf_counter())
            sender.sendto(_NUMBER.pack(number).ljust(PACKET, b"\0"), target)
        _take_in(sender, sent, trips)
        time.sleep(0.0002)  # the sender must leave the processor to the others
    quiet_since = time.perf_counter()
    while len(trips) < count and time.perf_counter() - quiet_since < 1:
        if _take_in(sender, sent, trips):
            quiet_since = time.perf_counter()
        time.sleep(0.001)
    return trips


def _take_in(sender: socket.socket, sent: Sequence[float], trips: list[float]) -> int:
    before = len(trips)
    while True:
        try:
            packet = sender.recv(PACKET)
        except BlockingIOError:
            return len(trips) - before
        (number,) = _NUMBER.unpack_from(packet)
        trips.append(time.perf_counter() - sent[number])


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _report(direct: Measured, relayed: Measured, *, rate: int, cpu_share: float) -> None:
    print(f"{'':34}{'direct':>10}{'relayed':>10}{'added one way':>16}")
    rows = (
        ("single round trip", direct.single, relayed.single),
        (f"stream of {rate}/s, round trip", direct.streamed, relayed.streamed),
    )
    for name, without, through in rows:
        for label, percent in (("p50", 50), ("p99", 99)):
            first, second = (1000 * _percentile(values, percent) for values in (without, through))
            print(f"{name + ' ' + label:34}{first:>7.3f} ms{second:>7.3f} ms{(second - first) / 2:>13.3f} ms")
    print(f"{'lost of the stream':34}{direct.lost:>10}{relayed.lost:>10}    (of {relayed.sent} sent)")
    print(f"{'CPU of the relay over all':34}{'':10}{cpu_share:>10.0%}")
    added = 500 * (_percentile(relayed.single, 50) - _percentile(direct.single, 50))
    kept = added < TARGET_MILLISECONDS and relayed.lost == 0
    print(f"target: below {TARGET_MILLISECONDS:g} ms added at the median, none lost: {'kept' if kept else 'MISSED'}")


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


if __name__ == "__main__":
    main()
