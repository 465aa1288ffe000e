"""``query-prom-metrics.sh``: what it prints of a server, which server it asks, and what it says of what is none."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from support.processes.embedded_node import NodeProcess, leader_genesis, make_config, wait_until
from support.processes.prometheus_server import prometheus, system_prometheus
from support.repository.repository_copy import REPOSITORY

SCRIPT = REPOSITORY / "scripts/query-prom-metrics.sh"
SERIES = [
    {"metric": {"__name__": "up", "job": "validator-1", "instance": "h:1"}, "value": [1, "1"]},
    {"metric": {"__name__": "blocks", "job": "validator-0"}, "value": [1, "42"]},
    {"metric": {"__name__": "blocks", "job": "validator-0", "kind": "own"}, "value": [1, "7"]},
]


@contextmanager
def _server(body: str, status: int = 200) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path)
            assert path.path == "/api/v1/query"
            assert 'job!=""' in parse_qs(path.query)["query"][0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing to be seen on the console."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _ask(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", **environ}
    return subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("by_variable", [False, True])
def test_metrics_are_shown_job_by_job(*, by_variable: bool) -> None:
    with _server(json.dumps({"status": "success", "data": {"result": SERIES}})) as url:
        done = _ask(PROM_URL=url) if by_variable else _ask(url, PROM_URL="http://127.0.0.1:1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == 'validator-0\n  blocks 42\n  blocks{kind="own"} 7\nvalidator-1\n  up 1\n'


def test_a_server_that_knows_nothing_is_told() -> None:
    with _server(json.dumps({"status": "success", "data": {"result": []}})) as url:
        assert _ask(url).stdout == f"{url} has no metrics of any job yet\n"


@pytest.mark.parametrize(
    ("body", "status", "complaint"),
    [
        ("<html>", 200, "is no Prometheus server"),
        ("[]", 200, "is no Prometheus server"),
        ("overloaded", 503, "refused the query: HTTP Error 503: Service Unavailable: overloaded"),
    ],
)
def test_what_is_no_answer_is_an_error(body: str, status: int, complaint: str) -> None:
    with _server(body, status) as url:
        done = _ask(url)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"ERROR: {url} {complaint}\n")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nowhere"])
def test_a_server_that_is_not_there_is_an_error(url: str) -> None:
    done = _ask(url)
    assert done.returncode == 1
    assert done.stderr.startswith(f"ERROR: {url} can't be asked: ")
    assert _ask(url, "more").stderr == "Usage: scripts/query-prom-metrics.sh [URL]\n"


@pytest.mark.network
def test_a_live_nodes_metrics_are_shown(tmp_path: Path) -> None:
    program = system_prometheus()
    config = make_config(leader_genesis())
    address = str(config.http.backend_settings.address)
    with (
        NodeProcess(config, tmp_path / "node").start() as node,
        prometheus(program, tmp_path, scraped={"validator-0": address}) as url,
    ):
        node.wait_height(2)
        shown = wait_until("the node's metrics", lambda: _shown(url))
    lines = shown.splitlines()
    assert lines[0] == "validator-0"
    assert "  tx_mempool_pending_items 0" in lines
    assert not any("_bucket" in line for line in lines)


def _shown(url: str) -> str | None:
    output = _ask(url).stdout
    return output if "consensus_processed_blocks" in output else None
