"""The images of Prometheus and Grafana for a stack of containers, and the two kinds of Prometheus.

Prometheus 3 has an OTLP receiver: the nodes push to it, as the real node does. Debian's 2.42 has none: it scrapes the
page that embedded nodes serve. The first image that exists is taken: the public one on this machine, then ours, then
the public one from its registry.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

PUBLIC_PROMETHEUS: Final = "prom/prometheus:v3.0.1"
OWN_PROMETHEUS: Final = "logos-blockchain-testing:prometheus"
"""Made by ``scripts/build-prometheus-image.sh``."""
PUBLIC_GRAFANA: Final = "grafana/grafana:10.4.1"
RECEIVER_LABEL: Final = "logos-blockchain-testing.otlp-receiver"
TARGETS_FILE: Final = "targets/nodes.json"
"""The file of scrape targets, relative to the directory of ``prometheus.yml``, which names it."""
OTLP_PATH: Final = "/api/v1/otlp/v1/metrics"
METRICS_PAGE: Final = "/metrics"

_log = logging.getLogger(__name__)


class Images(Protocol):
    """The images that a container engine has or can get."""

    async def image(self, name: str) -> Mapping[str, Any] | None:
        """Return what ``docker image inspect`` says; None if the image is not on this machine."""
        ...

    async def pull(self, name: str) -> bool:
        """Get an image from its registry; return False if that fails."""
        ...


@dataclass(frozen=True, slots=True)
class PrometheusImage:
    """An image of Prometheus."""

    name: str
    receives_otlp: bool
    """Nodes push to it. Without a receiver it scrapes the nodes."""

    @property
    def arguments(self) -> Sequence[str]:
        """The program's arguments. The other settings are in ``prometheus.yml``."""
        receiver = ["--web.enable-otlp-receiver"] if self.receives_otlp else []
        return [
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            "--storage.tsdb.retention.time=7d",
            *receiver,
        ]

    def push_endpoint(self, address: str) -> str | None:
        """Return the URL that nodes push to at the server's ``host:port``; None without a receiver."""
        return f"http://{address}{OTLP_PATH}" if self.receives_otlp else None

    def scrape_targets(self, addresses: Mapping[str, str]) -> str | None:
        """Return the text of ``TARGETS_FILE``, from the ``host:port`` of each node's HTTP; None if nodes push."""
        if self.receives_otlp:
            return None
        targets = [{"targets": [address], "labels": {"job": name}} for name, address in addresses.items()]
        return json.dumps(targets, indent=2) + "\n"


async def find_prometheus(images: Images) -> PrometheusImage | None:
    """Find an image of Prometheus. If there is none, return None and log a warning that says what to do."""
    if await images.image(PUBLIC_PROMETHEUS):
        return PrometheusImage(PUBLIC_PROMETHEUS, receives_otlp=True)
    if own := await images.image(OWN_PROMETHEUS):
        return PrometheusImage(OWN_PROMETHEUS, receives_otlp=_labels(own).get(RECEIVER_LABEL) == "true")
    if await images.pull(PUBLIC_PROMETHEUS):
        return PrometheusImage(PUBLIC_PROMETHEUS, receives_otlp=True)
    _log.warning(
        "no Prometheus in this stack: %s can't be pulled, there is no %s; scripts/build-prometheus-image.sh makes it",
        PUBLIC_PROMETHEUS,
        OWN_PROMETHEUS,
    )
    return None


async def find_grafana(images: Images) -> str | None:
    """Return the name of Grafana's image; None if it is not on this machine and can't be pulled."""
    if await images.image(PUBLIC_GRAFANA) or await images.pull(PUBLIC_GRAFANA):
        return PUBLIC_GRAFANA
    _log.info("no Grafana in this stack: %s can't be pulled", PUBLIC_GRAFANA)
    return None


def _labels(image: Mapping[str, Any]) -> Mapping[str, str]:
    return (image.get("Config") or {}).get("Labels") or {}
