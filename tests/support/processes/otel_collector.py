"""A real OpenTelemetry Collector for tests: takes traces over gRPC and HTTP, and writes them to a file."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.processes.embedded_node import free_ports, wait_until

_SCRIPT = Path(__file__).parents[3] / "scripts/test-collector.sh"


@dataclass(frozen=True, slots=True)
class OtelCollector:
    grpc: str
    """Endpoint of gRPC."""
    http: str
    """Endpoint of HTTP."""
    file: Path

    def resources(self) -> list[dict[str, Any]]:
        """Return everything that it has taken: the ``resourceSpans`` of OTLP/JSON."""
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return [resource for line in lines for resource in json.loads(line)["resourceSpans"]]

    def spans(self, service: str) -> list[dict[str, Any]]:
        return [
            span
            for resource in self.resources()
            if _service(resource) == service
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]

    def services(self) -> set[str]:
        return {_service(resource) for resource in self.resources()}


def _service(resource: dict[str, Any]) -> str:
    attributes = {item["key"]: item["value"] for item in resource["resource"]["attributes"]}
    return str(attributes["service.name"]["stringValue"])


def built_collector() -> str:
    """The program, built if it is not there; the test is skipped where there is no Go."""
    if shutil.which("go") is None:
        pytest.skip("no Go: scripts/test-collector.sh builds the collector with it")
    done = subprocess.run([_SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@contextmanager
def otel_collector(program: str, directory: Path) -> Iterator[OtelCollector]:
    """Run a collector that is ready."""
    grpc, http = free_ports(2)
    endpoints = {"grpc": {"endpoint": f"127.0.0.1:{grpc}"}, "http": {"endpoint": f"127.0.0.1:{http}"}}
    file, configuration = directory / "taken.jsonl", directory / "collector.yaml"
    pipeline = {"receivers": ["otlp"], "exporters": ["file"]}
    configuration.write_text(
        yaml.safe_dump(
            {
                "receivers": {"otlp": {"protocols": endpoints}},
                "exporters": {"file": {"path": str(file)}},
                "service": {"pipelines": {"traces": pipeline}, "telemetry": {"metrics": {"level": "none"}}},
            }
        )
    )
    log = directory / "collector.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [program, "--config", configuration], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )

    def answers() -> bool:
        assert server.poll() is None, log.read_text()
        return all(_listens(port) for port in (grpc, http))

    try:
        wait_until("the collector to listen", answers)
        yield OtelCollector(f"http://127.0.0.1:{grpc}", f"http://127.0.0.1:{http}/v1/traces", file)
    finally:
        server.terminate()
        server.wait(timeout=20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
