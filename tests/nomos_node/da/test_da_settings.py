"""From the node's configuration to what data availability is set to."""

from __future__ import annotations

from pathlib import Path

import pytest

from nomos_core.config import Kind, NodeConfig, load_config, with_setting
from nomos_node.da.settings import DaSettingError, da_settings
from support.inputs.golden import golden_path


def config(kind: Kind = "validator", **changes: object) -> NodeConfig:
    loaded = load_config(golden_path(f"{kind}.yaml").read_text(), source="golden", kind=kind)
    for path, value in changes.items():
        loaded = with_setting(loaded, path.replace("__", "."), value)
    return loaded


@pytest.mark.parametrize("kind", ["validator", "executor"])
def test_the_golden_configurations(kind: Kind) -> None:
    settings = da_settings(config(kind))
    assert settings is not None
    assert (settings.kzg.path, settings.kzg.columns) == (Path("/abs/kzgrs_test_params"), 2)
    assert (settings.membership.subnetworks, settings.membership.replication_factor) == (2, 1)
    assert (settings.sampling.samples, settings.sampling.subnetworks) == (1, 1)
    assert settings.sampling.delay == 5
    assert (settings.trigger.share_duration, settings.trigger.publish_threshold) == (5, 0.8)
    assert (settings.dispersal is not None) == (kind == "executor")
    if settings.dispersal is not None:
        assert (settings.dispersal.timeout, settings.dispersal.retries, settings.dispersal.retry_cooldown) == (20, 2, 3)


def test_a_network_of_one_subnetwork_has_none() -> None:
    assert da_settings(config(da_network__membership__subnetwork_size=1)) is None


@pytest.mark.parametrize(
    ("kind", "path", "value", "reason"),
    [
        ("validator", "da_verifier__share_verifier_settings__domain_size", 3, "domain_size: 3 columns"),
        ("validator", "da_sampling__sampling_settings__num_samples", 3, "num_samples: 3 samples of 2 columns"),
        (
            "validator",
            "da_network__backend__subnets_settings__num_of_subnets",
            0,
            "num_of_subnets: 0, expected at least 1",
        ),
        ("validator", "da_network__backend__listening_address", "/ip4/127.0.0.1/tcp/1", "listening_address"),
        ("validator", "da_network__backend__listening_address", "/dns4/here/udp/1/quic-v1", "not a name"),
        ("executor", "da_dispersal__backend__encoder_settings__num_columns", 4, "num_columns: 4, expected 2"),
    ],
)
def test_settings_that_can_not_be_used_are_named(kind: Kind, path: str, value: object, reason: str) -> None:
    with pytest.raises(DaSettingError, match=reason):
        da_settings(config(kind, **{path: value}))
