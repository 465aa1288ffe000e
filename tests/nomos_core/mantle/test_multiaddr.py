"""Multiaddresses: text and bytes, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_core.mantle import multiaddr
from nomos_core.mantle.multiaddr import MultiaddrError
from support.inputs.mantle_strategies import locators

PEER = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", ""),
        ("/ip4/127.0.0.1/udp/3000/quic-v1", "047f00000191020bb8cd03"),
        ("/ip6/::1/udp/4000/quic-v1", "290000000000000000000000000000000191020fa0cd03"),
        ("/ip6/::ffff:1.2.3.4/tcp/80", "2900000000000000000000ffff01020304060050"),
        ("/dns4/node.example.org/udp/9000/quic-v1", "36106e6f64652e6578616d706c652e6f726791022328cd03"),
        (f"/p2p/{PEER}", "a503260024080112203b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"),
        ("/dns/", "3500"),
        ("/memory/1234", "890600000000000004d2"),
        ("/ip4/1.2.3.4/tcp/5/ws/p2p-circuit", "0401020304060005dd03a202"),
        ("/x-parity-ws/chat%2Froom", "a22509636861742f726f6f6d"),
        ("/unix/socket", "900306736f636b6574"),
        ("/onion/aaimaq4ygg2iegci:80", "bc030010c0439831b48218480050"),
    ],
)
def test_known_addresses(text: str, data: str) -> None:
    assert multiaddr.to_bytes(text).hex() == data
    assert multiaddr.to_text(bytes.fromhex(data)) == text


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("/ip6/0:0::1/tcp/080", "/ip6/::1/tcp/80"),
        (f"/ipfs/{PEER}", f"/p2p/{PEER}"),
        ("/x-parity-wss/%2F", "/wss"),
        ("/certhash/f1200", "/certhash/uEgA"),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    assert multiaddr.normalized(text) == normal


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ip4/1.2.3.4", "does not start with '/'"),
        ("/", "unknown protocol ''"),
        ("/ip4", "/ip4 has no value"),
        ("/ip4/1.2.3", "not a value of /ip4"),
        ("/ip4/01.2.3.4", "not a value of /ip4"),
        ("/ip6/fe80::1%eth0", "zone"),
        ("/tcp/65536", "expected a number below 65536"),
        ("/tcp/eighty", "expected a number"),
        ("/quic-v2", "unknown protocol 'quic-v2'"),
        ("/p2p/0OIl", "not a base 58 digit"),
        ("/p2p/QmInvalid", "/p2p"),
        ("/certhash/xabc", "unknown base 'x'"),
        ("/onion/short:80", "/onion"),
    ],
)
def test_refused_texts_name_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(MultiaddrError) as refusal:
        multiaddr.to_bytes(text)
    assert reason in str(refusal.value)
    assert text in str(refusal.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("04", "4 bytes expected"),
        ("ff01", "unknown protocol 255"),
        ("8400", "longer than needed"),
        ("3505616263", "5 bytes expected"),
        ("3503612f62", "can't be written as text"),
        ("3501ff", "utf-8"),
        ("a50301aa", "1 bytes expected"),
    ],
)
def test_refused_bytes_name_what_is_wrong(data: str, reason: str) -> None:
    with pytest.raises(MultiaddrError, match=reason):
        multiaddr.to_text(bytes.fromhex(data))


@given(locators)
def test_texts_survive(text: str) -> None:
    assert multiaddr.to_text(multiaddr.to_bytes(text)) == text


@given(st.binary(max_size=60))
def test_bytes_survive_or_are_refused(data: bytes) -> None:
    try:
        text = multiaddr.to_text(data)
    except MultiaddrError:
        return
    assert multiaddr.to_bytes(text) == data


@given(st.text(max_size=40).map("/".__add__))
def test_any_text_has_bytes_or_is_refused(text: str) -> None:
    try:
        data = multiaddr.to_bytes(text)
    except MultiaddrError:
        return
    assert multiaddr.to_bytes(multiaddr.to_text(data)) == data
