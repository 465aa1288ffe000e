"""The relay's sockets: whom they stand for, and when they go."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from nomos_testing.relay.faces import IDLE_SECONDS, MOST_PASSING, Address, Face, Faces, NodeSockets
from nomos_testing.relay.forwarding import Forwarder
from nomos_testing.topology import reserve_ports
from relay_lab import own_host

TOKEN = b"a probe of this test"


@dataclass
class Noted:
    """What a forwarder reports."""

    opened: list[Face] = field(default_factory=list)
    closed: list[Face] = field(default_factory=list)
    strangers: list[Address] = field(default_factory=list)

    def face_opened(self, face: Face) -> None:
        self.opened.append(face)

    def face_closing(self, face: Face) -> None:
        self.closed.append(face)

    def face_failed(self, owner: Address, error: OSError) -> None:
        raise error

    def stranger_seen(self, source: Address, face: Face) -> None:
        self.strangers.append(source)


@pytest.fixture
def faces() -> Iterator[Faces]:
    with reserve_ports(2) as ports:
        nodes = {name: NodeSockets(own_host(), (own.network,)) for name, own in zip("ab", ports.nodes, strict=True)}
    faces = Faces("127.0.0.1", nodes)
    yield faces
    faces.close()


def face_of(faces: Faces, node: str) -> Face:
    return next(face for face in faces.by_owner.values() if face.node == node and face.lasting)


def dial(faces: Faces, sockets: ExitStack, forwarder: Forwarder) -> Address:
    """Send a packet from a new port of node a to node b; that port."""
    dialling = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    dialling.bind((face_of(faces, "a").owner[0], 0))
    target = face_of(faces, "b")
    dialling.sendto(b"hello", target.address)
    assert select.select([target.socket], [], [], 5)[0]
    forwarder.receive(target)
    host, port = dialling.getsockname()
    return host, port


def test_listening_sockets_have_faces_with_their_own_ports_that_last(faces: Faces) -> None:
    assert {face.address[1] for face in faces.by_owner.values()} == {owner[1] for owner in faces.by_owner}
    assert faces.idle(1e9) == []
    assert faces.surplus("a") == []


def test_a_face_that_is_no_longer_used_goes(faces: Faces) -> None:
    noted = Noted()
    forwarder = Forwarder(faces, noted, probe_token=TOKEN)
    with ExitStack() as sockets:
        owner = dial(faces, sockets, forwarder)
    (opened,) = noted.opened
    assert opened.owner == owner
    assert faces.idle(opened.last_used + IDLE_SECONDS - 1) == []
    assert faces.idle(opened.last_used + IDLE_SECONDS + 1) == [opened]
    opened.last_used -= IDLE_SECONDS + 1
    forwarder.close_idle_faces()
    assert noted.closed == [opened]
    assert owner not in faces.by_owner


def test_a_node_that_dials_and_dials_keeps_its_newest_faces_only(faces: Faces) -> None:
    noted = Noted()
    forwarder = Forwarder(faces, noted, probe_token=TOKEN)
    with ExitStack() as sockets:
        owners = [dial(faces, sockets, forwarder) for _ in range(MOST_PASSING + 3)]
    passing = [face.owner for face in faces.by_owner.values() if not face.lasting]
    assert passing == owners[3:]
    assert [face.owner for face in noted.closed] == owners[:3]


def test_nodes_cannot_share_an_address(faces: Faces) -> None:
    taken = face_of(faces, "a").owner[0]
    with pytest.raises(ValueError, match="each node needs a name and an address of its own"):
        faces.admit("c", NodeSockets(taken, (1,)))


def test_a_node_whose_port_is_taken_leaves_no_face_behind(faces: Faces) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, reserve_ports(1) as ports:
        other.bind(("127.0.0.1", 0))
        free, taken = ports.nodes[0].network, other.getsockname()[1]
        ports.release()
        with pytest.raises(OSError, match=f"cannot bind UDP 127.0.0.1:{taken}"):
            faces.admit("c", NodeSockets(own_host(), (free, taken)))
    assert {face.node for face in faces.by_owner.values()} == {"a", "b"}
    assert "c" not in faces.nodes
