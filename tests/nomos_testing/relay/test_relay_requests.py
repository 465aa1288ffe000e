"""The relay's control protocol: what is refused, and with which words."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomos_testing.relay.requests import RequestError, parse_line, parse_request

TOKEN = "00" * 16
NODES = {"a": {"host": "127.0.1.1", "ports": [4000]}}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
REQUESTS: list[dict[str, Any]] = [
    {"do": "open", "host": "127.0.0.1", "nodes": NODES, "probe_token": TOKEN, "seed": "1"},
    {"do": "add", "name": "b", "node": NODES["a"]},
    {"do": "impose", "number": 1, "links": [["a", "b"]], "effect": {"cut": True}},
    {"do": "lift", "numbers": [1]},
]


@pytest.mark.parametrize(
    ("request_fields", "complaint"),
    [
        ({"do": "explode"}, "do: expected open, add, impose, lift, clear or count, got 'explode'"),
        ({"do": "lift"}, "numbers: malformed"),
        ({"do": "lift", "numbers": ["1"]}, "numbers: expected whole numbers"),
        ({**REQUESTS[0], "nodes": {}}, "nodes: expected at least one node"),
        ({**REQUESTS[0], "nodes": {"a": {"host": "127.0.1.1", "ports": [0]}}}, "nodes: expected ports from 1 to 65535"),
        ({**REQUESTS[0], "nodes": {"a": {"ports": [1]}}}, r"nodes: malformed \(KeyError\('host'\)\)"),
        ({**REQUESTS[0], "probe_token": "00"}, "probe_token: expected at least 8 bytes in hex, got 1"),
        ({**REQUESTS[0], "seed": 1}, "seed: expected str, got 1"),
        ({**REQUESTS[2], "links": []}, "links: expected at least one link"),
        ({**REQUESTS[2], "links": [["a"]]}, "links: not enough values to unpack"),
        ({**REQUESTS[2], "effect": {"loss": 2}}, "effect.loss: expected a share from 0 to 1, got 2"),
        ({**REQUESTS[2], "effect": []}, "effect: malformed"),
        ({**REQUESTS[2], "number": True}, "number: expected int, got True"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_with_its_field(request_fields: Any, complaint: str) -> None:
    with pytest.raises(RequestError, match=f"^{complaint}"):
        parse_request(request_fields)


@given(st.sampled_from(REQUESTS), st.data())
def test_whatever_a_field_holds_it_is_parsed_or_refused(request_fields: dict[str, Any], data: st.DataObject) -> None:
    spoiled = data.draw(st.sampled_from(sorted(request_fields)))
    try:
        parse_request({**request_fields, spoiled: data.draw(JSON)})
    except RequestError as refusal:
        assert str(refusal).startswith(spoiled)  # noqa: PT017 (not every value is refused)


@pytest.mark.parametrize("line", ["", "{", "[1]", '"open"', "\x00"])
def test_a_line_that_is_no_request_is_refused(line: str) -> None:
    with pytest.raises(RequestError, match="expected a"):
        parse_line(line)


def test_the_program_answers_every_line_and_ends_with_its_input(tmp_path: Path) -> None:
    lines = [
        "nonsense",
        json.dumps({"id": 1, "do": "clear"}),
        json.dumps({"id": 2, "do": "explode"}),
        json.dumps({"id": 3, **REQUESTS[0], "host": "192.0.2.1"}),
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "nomos_testing.relay", str(tmp_path / "relay.log")],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [None, 1, 2, 3]
    assert "expected a line of JSON" in answers[0]["error"]
    assert answers[1]["error"] == "do: the first request must be open"
    assert answers[2]["error"].startswith("do: expected open")
    assert answers[3]["error"].startswith("cannot bind UDP 192.0.2.1:4000")
    assert ended.stderr == ""
    assert json.loads((tmp_path / "relay.log").read_text().splitlines()[-1])["event"] == "ended"


def test_the_program_without_a_file_says_how_to_call_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "nomos_testing.relay"], capture_output=True, text=True, timeout=20, check=False
    )
    usage = "usage: python -m nomos_testing.relay EVIDENCE_FILE [REQUESTS_FILE]\n"
    assert (ended.returncode, ended.stderr) == (1, usage)


def test_requests_of_a_file_are_done_first(tmp_path: Path) -> None:
    requests = tmp_path / "requests.jsonl"
    requests.write_text('{"id": 1, "do": "count"}\n{"id": 2, "do": "nonsense"}\n')
    ended = subprocess.run(
        [sys.executable, "-m", "nomos_testing.relay", str(tmp_path / "relay.log"), str(requests)],
        input='{"id": 3, "do": "clear"}\n',
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert [json.loads(line)["id"] for line in ended.stdout.splitlines()] == [1, 2, 3]


def test_the_program_cannot_be_controlled_by_a_file(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "nomos_testing.relay", str(tmp_path / "relay.log")]
    ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    assert ended.returncode == 1
    assert ended.stderr.endswith("standard input must be a pipe, a socket or a terminal\n")


def test_a_relay_that_is_told_to_end_leaves_its_counters(tmp_path: Path) -> None:
    log = tmp_path / "relay.log"
    with subprocess.Popen(
        [sys.executable, "-m", "nomos_testing.relay", str(log)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as relay:
        assert relay.stdin is not None
        assert relay.stdout is not None
        relay.stdin.write(b'{"id": 1, "do": "count"}\n')
        relay.stdin.flush()
        relay.stdout.readline()
        relay.terminate()
        assert relay.wait(20) == 0
    assert json.loads(log.read_text().splitlines()[-1]) | {"at": 0} == {"at": 0, "event": "ended", "counters": []}
