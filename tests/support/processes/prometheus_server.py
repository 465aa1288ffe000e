"""Real Prometheus servers for tests: the system's program, which scrapes, and one that takes OTLP where it is built."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from support.processes.embedded_node import free_ports, wait_until

BUILT = Path(__file__).parents[3] / ".tmp" / "prometheus-3" / "prometheus"
"""Where ``scripts/build-prometheus-image.sh --from-source`` keeps it."""
_SCRAPE_SECONDS = "200ms"


def system_prometheus() -> str:
    """The program on PATH, or the test is skipped."""
    return shutil.which("prometheus") or pytest.skip("no Prometheus: apt-get install prometheus")


def receiving_prometheus() -> str:
    """A Prometheus 3, which has an OTLP receiver, or the test is skipped."""
    for program in (shutil.which("prometheus"), str(BUILT)):
        if program and Path(program).exists() and _major_version(program) >= 3:
            return program
    return pytest.skip("no Prometheus 3: scripts/build-prometheus-image.sh --from-source builds it")


def _major_version(program: str) -> int:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    version = re.search(r"version (\d+)\.", told.stdout + told.stderr)
    assert version, told
    return int(version[1])


@contextmanager
def prometheus(
    program: str, directory: Path, *arguments: str, scraped: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The URL of a server that is ready; ``scraped`` has an address ``host:port`` for each job."""
    jobs = [
        {"job_name": job, "scrape_interval": _SCRAPE_SECONDS, "static_configs": [{"targets": [address]}]}
        for job, address in (scraped or {}).items()
    ]
    configuration = directory / "prometheus.yml"
    configuration.write_text(yaml.safe_dump({"scrape_configs": jobs}))
    (port,) = free_ports(1)
    command = [
        program,
        f"--config.file={configuration}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        *arguments,
    ]
    url = f"http://127.0.0.1:{port}"
    with (directory / "prometheus.log").open("wb") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_until("Prometheus to be ready", lambda: _is_ready(url, server, directory))
        yield url
    finally:
        server.terminate()
        server.wait(timeout=20)


def _is_ready(url: str, server: subprocess.Popen[bytes], directory: Path) -> bool:
    assert server.poll() is None, (directory / "prometheus.log").read_text()
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        time.sleep(0.05)
        return False
