"""Which image a stack gets Prometheus from, and what each kind is told; the files that both read."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from nomos_testing.observability.images import (
    OWN_PROMETHEUS,
    PUBLIC_GRAFANA,
    PUBLIC_PROMETHEUS,
    RECEIVER_LABEL,
    TARGETS_FILE,
    PrometheusImage,
    find_grafana,
    find_prometheus,
)
from support.repository.repository_copy import REPOSITORY

MONITORING = REPOSITORY / "testing-framework/assets/stack/monitoring"
ADDRESSES = {"validator-0": "172.20.0.3:18080", "executor-0": "172.20.0.4:18080"}
RECEIVER, SCRAPER = PrometheusImage("receiver", receives_otlp=True), PrometheusImage("scraper", receives_otlp=False)


@dataclass
class Shelf:
    """Images that are here, with their labels, and those a registry has."""

    present: Mapping[str, Mapping[str, str] | None] = field(default_factory=dict)
    pullable: Sequence[str] = ()
    pulled: list[str] = field(default_factory=list)

    async def image(self, name: str) -> Mapping[str, Any] | None:
        return {"Config": {"Labels": self.present[name]}} if name in self.present else None

    async def pull(self, name: str) -> bool:
        self.pulled.append(name)
        return name in self.pullable


async def test_the_public_image_is_taken_where_it_is() -> None:
    shelf = Shelf({PUBLIC_PROMETHEUS: None, OWN_PROMETHEUS: None})
    assert await find_prometheus(shelf) == PrometheusImage(PUBLIC_PROMETHEUS, receives_otlp=True)
    assert not shelf.pulled


@pytest.mark.parametrize(
    ("labels", "receives"), [({RECEIVER_LABEL: "true"}, True), ({RECEIVER_LABEL: "false"}, False), (None, False)]
)
async def test_then_our_own_which_tells_its_kind(labels: Mapping[str, str] | None, *, receives: bool) -> None:
    shelf = Shelf({OWN_PROMETHEUS: labels}, pullable=[PUBLIC_PROMETHEUS])
    assert await find_prometheus(shelf) == PrometheusImage(OWN_PROMETHEUS, receives_otlp=receives)
    assert not shelf.pulled


async def test_then_the_public_one_is_pulled() -> None:
    shelf = Shelf(pullable=[PUBLIC_PROMETHEUS])
    assert await find_prometheus(shelf) == PrometheusImage(PUBLIC_PROMETHEUS, receives_otlp=True)


async def test_without_any_the_remedy_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert await find_prometheus(Shelf()) is None
    assert "scripts/build-prometheus-image.sh makes it" in caplog.text


async def test_grafana_is_public_or_not_there() -> None:
    assert await find_grafana(Shelf({PUBLIC_GRAFANA: None})) == PUBLIC_GRAFANA
    assert await find_grafana(Shelf(pullable=[PUBLIC_GRAFANA])) == PUBLIC_GRAFANA
    assert await find_grafana(Shelf()) is None


def test_one_kind_is_pushed_to() -> None:
    assert RECEIVER.push_endpoint("prometheus:9090") == "http://prometheus:9090/api/v1/otlp/v1/metrics"
    assert "--web.enable-otlp-receiver" in RECEIVER.arguments
    assert RECEIVER.scrape_targets(ADDRESSES) is None


def test_the_other_is_told_whom_to_scrape() -> None:
    assert SCRAPER.push_endpoint("prometheus:9090") is None
    assert "--web.enable-otlp-receiver" not in SCRAPER.arguments
    assert json.loads(SCRAPER.scrape_targets(ADDRESSES) or "") == [
        {"targets": ["172.20.0.3:18080"], "labels": {"job": "validator-0"}},
        {"targets": ["172.20.0.4:18080"], "labels": {"job": "executor-0"}},
    ]


def test_prometheus_looks_for_targets_where_they_are_written() -> None:
    configuration = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    (job,) = configuration["scrape_configs"]
    (files,) = (part["files"] for part in job["file_sd_configs"])
    directory, name = TARGETS_FILE.split("/")
    assert files == [f"/etc/prometheus/{directory}/*.json"]
    assert name.endswith(".json")
    assert (MONITORING / directory).is_dir()


def test_the_dashboard_asks_the_data_source_that_is_provisioned() -> None:
    (source,) = yaml.safe_load((MONITORING / "grafana/datasources/prometheus.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((MONITORING / "grafana/dashboards/dashboards.yaml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/grafana/provisioning/dashboards"
    dashboard = json.loads((MONITORING / "grafana/dashboards/nodes.json").read_text())
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
