"""``nomos-cli``: what it sends and prints, and a sentence with exit code 1 when something is wrong."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nomos_core.da.shares_json import share_to_json
from nomos_node.blob_cli import cli
from support.processes.da_members import DATA, encoded

KEY = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"
ZEROS = 64 * "0"


class Executor(HTTPServer):
    """Answers with what it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: tuple[int, bytes] = (200, json.dumps(list(range(32))).encode())
        self.requests: list[tuple[str, dict[str, str], Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Executor

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        status, text = self.server.answer
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def executor() -> Iterator[Executor]:
    with Executor() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def disseminate(*arguments: str, channel: str = ZEROS, signer: str = KEY) -> Result:
    return run("disseminate", "-c", channel, "-p", ZEROS, "-s", signer, *arguments)


def test_text_is_padded_and_sent(executor: Executor) -> None:
    result = disseminate("-d", "hello", "--addr", executor.url, "--username", "me", "--password", "pass")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"Data successfully disseminated. blob_id: {bytes(range(32)).hex()}\n"
    ((path, headers, body),) = executor.requests
    assert path == "/disperse-data"
    assert headers["authorization"] == "Basic " + base64.b64encode(b"me:pass").decode()
    assert body == {"channel_id": ZEROS, "parent_msg_id": ZEROS, "signer": KEY, "data": [*b"hello", *bytes(26)]}


def test_a_file_is_sent(executor: Executor, tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(bytes(range(31)))
    assert disseminate("-f", str(file), "--addr", executor.url).exit_code == 0
    assert executor.requests[0][2]["data"] == list(range(31))


def test_the_executors_reason_is_shown(executor: Executor) -> None:
    executor.answer = (500, b"Retry limit reached")
    result = disseminate("-d", "x", "--addr", executor.url)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {executor.url}disperse-data answered 500: Retry limit reached\n"


def test_a_node_that_disperses_nothing_is_named(executor: Executor) -> None:
    executor.answer = (404, b"")
    result = disseminate("-d", "x", "--addr", executor.url)
    assert result.exit_code == 1
    reason = "that is no executor, and only executors disperse data"
    assert result.stderr == f"Error: {executor.url}disperse-data answered 404: {reason}\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-d", "x", "--addr", "http://127.0.0.1:1"), "http://127.0.0.1:1/disperse-data: Connection refused"),
        (("-d", "x", "--addr", "ftp://host"), "--addr ftp://host: expected a URL like http://"),
        (("-d", "", "--addr", "http://127.0.0.1:1"), "there is no data to publish: 0 bytes"),
        (("-f", "/nonexistent", "--addr", "http://127.0.0.1:1"), "/nonexistent: No such file or directory"),
    ],
)
def test_what_can_not_be_published(arguments: tuple[str, ...], reason: str) -> None:
    result = disseminate(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {reason}")


def test_bad_hex_is_named() -> None:
    result = disseminate("-d", "x", "--addr", "http://127.0.0.1:1", channel="zz")
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: --channel-id zz: invalid string length, expected 64 hex digits\n",
    )


@pytest.mark.parametrize("arguments", [(), ("-d", "x"), ("-d", "x", "-f", "y", "--addr", "z")])
def test_wrong_command_lines(arguments: tuple[str, ...]) -> None:
    assert disseminate(*arguments).exit_code == 2


def shares_json(kzg_file: Path) -> str:
    blob = encoded(kzg_file)
    return json.dumps([[[0] * 8, [share_to_json(blob.share(0))]]])


def test_shares_are_reconstructed(kzg_file: Path, tmp_path: Path) -> None:
    text = shares_json(kzg_file)
    result = run("reconstruct", "-a", text)
    assert (result.exit_code, result.stdout) == (0, f"Reconstructed data {list(DATA)}\n")
    file, output = tmp_path / "shares", tmp_path / "data"
    file.write_text(text)
    result = run("reconstruct", "-f", str(file), "-o", str(output))
    assert (result.exit_code, output.read_bytes()) == (0, DATA)


@pytest.mark.parametrize(
    ("shares", "reason"),
    [
        ("[", "the shares are no JSON"),
        ("[]", "no shares: nothing to reconstruct from"),
        ("[[1]]", "[0]: expected a list of an index and its shares"),
        ("[[[0], []]]", "[0][0]: invalid length 1, expected an array of length 8"),
    ],
)
def test_what_can_not_be_reconstructed(shares: str, reason: str) -> None:
    result = run("reconstruct", "-a", shares)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {reason}")
