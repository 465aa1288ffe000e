"""Which Prometheus and which Grafana a stack of containers can have, and what tells the two kinds of Prometheus apart.

Prometheus 3 has an OTLP receiver: the nodes push, as the real node does. Debian's 2.42 has none: it scrapes the page
that embedded nodes serve. The public image is taken where it is, then ours, then the public one from its registry.
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
"""Beside ``prometheus.yml``, which looks there for whom to scrape."""
OTLP_PATH: Final = "/api/v1/otlp/v1/metrics"
METRICS_PAGE: Final = "/metrics"

_log = logging.getLogger(__name__)


class Images(Protocol):
    """What a container engine has or can get."""

    async def image(self, name: str) -> Mapping[str, Any] | None:
        """As ``docker image inspect`` describes it; None where it is not here."""
        ...

    async def pull(self, name: str) -> bool:
        """Get it from its registry; False if that can't be done."""
        ...


@dataclass(frozen=True, slots=True)
class PrometheusImage:
    name: str
    receives_otlp: bool
    """Nodes push to it; else it has to be told whom to scrape."""

    @property
    def arguments(self) -> Sequence[str]:
        """Of the program; the rest is in ``prometheus.yml``."""
        receiver = ["--web.enable-otlp-receiver"] if self.receives_otlp else []
        return [
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            "--storage.tsdb.retention.time=7d",
            *receiver,
        ]

    def push_endpoint(self, address: str) -> str | None:
        """Where nodes push to, given the server's ``host:port`` as they see it; None: nowhere."""
        return f"http://{address}{OTLP_PATH}" if self.receives_otlp else None

    def scrape_targets(self, addresses: Mapping[str, str]) -> str | None:
        """The text of ``TARGETS_FILE``, given the ``host:port`` of each node's HTTP by its name; None: no such file."""
        if self.receives_otlp:
            return None
        targets = [{"targets": [address], "labels": {"job": name}} for name, address in addresses.items()]
        return json.dumps(targets, indent=2) + "\n"


async def find_prometheus(images: Images) -> PrometheusImage | None:
    """None, with a warning that says what to do, where there is none."""
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
    """The image's name; None where it neither is here nor can be pulled."""
    if await images.image(PUBLIC_GRAFANA) or await images.pull(PUBLIC_GRAFANA):
        return PUBLIC_GRAFANA
    _log.info("no Grafana in this stack: %s can't be pulled", PUBLIC_GRAFANA)
    return None


def _labels(image: Mapping[str, Any]) -> Mapping[str, str]:
    return (image.get("Config") or {}).get("Labels") or {}
