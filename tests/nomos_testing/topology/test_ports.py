"""Ports of a network: distinct, held until they are released, free afterwards."""

from __future__ import annotations

import socket

import pytest

from nomos_testing.topology import reserve_ports


def bind(port: int, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", port))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_reserved_ports_are_distinct_held_and_then_free(kind: socket.SocketKind) -> None:
    with reserve_ports(10) as reservation:
        ports = [port for node in reservation.nodes for port in node.all]
        assert len(set(ports)) == 50
        with pytest.raises(OSError, match="in use"):
            bind(ports[0], kind)
    for port in ports:
        bind(port, kind)
    reservation.release()


def test_two_reservations_never_share_a_port() -> None:
    with reserve_ports(20) as first, reserve_ports(20) as second:
        assert not {port for node in first.nodes for port in node.all} & {
            port for node in second.nodes for port in node.all
        }


def test_given_ports_are_used_as_they_are() -> None:
    with reserve_ports(2, da_ports=[5001, 5002], blend_ports=[6001, 6002]) as reservation:
        assert [(node.da, node.blend) for node in reservation.nodes] == [(5001, 6001), (5002, 6002)]


def test_a_socket_that_dials_never_takes_a_reserved_port() -> None:
    with reserve_ports(10) as reservation, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dialling:
        dialling.bind(("127.0.0.1", 0))
        ephemeral: int = dialling.getsockname()[1]
        assert max(port for node in reservation.nodes for port in node.all) < ephemeral
