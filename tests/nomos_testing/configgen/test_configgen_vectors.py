"""Our configurations for the network of two real nodes are the original ones, but for what differs on purpose."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nomos_core.config import ExecutorConfig, Genesis, NodeConfig, ValidatorConfig, load_config, with_setting
from nomos_core.proofs.development import DevelopmentProver
from nomos_testing.configgen import ConfigOptions, NodeLogging, generate_topology
from nomos_testing.topology import GeneratedTopology, NodePorts, TopologySpec, WalletSpec
from support.inputs.golden import golden_path

NODE_DIRECTORY = "/node"
KZG = "/kzgrs_test_params"


def golden_text(file: str) -> str:
    return golden_path(f"seed_run/{file}").read_text().replace("@NODE_DIR@", NODE_DIRECTORY).replace("@KZG@", KZG)


@cache
def originals() -> tuple[ValidatorConfig, ExecutorConfig]:
    return (
        load_config(golden_text("validator.yaml"), source="validator.yaml", kind="validator"),
        load_config(golden_text("executor.yaml"), source="executor.yaml", kind="executor"),
    )


@cache
def ours() -> GeneratedTopology:
    """The network of the golden files, made by us from its ids, ports and start."""
    spec = TopologySpec(
        validators=1,
        executors=1,
        data_availability="original",
        wallet=WalletSpec(total=100_000, users=1000),
        ids=[original.network.backend.swarm.node_key for original in originals()],
    )
    return generate_topology(
        spec,
        ConfigOptions(kzg_params=Path(KZG), logging=NodeLogging(level="debug")),
        ports=[ports_of(original) for original in originals()],
        prover=DevelopmentProver(),
        directories=[Path(NODE_DIRECTORY)] * 2,
        chain_start=originals()[0].time.chain_start_time.unix_seconds,
    )


def ports_of(config: NodeConfig) -> NodePorts:
    return NodePorts(
        network=config.network.backend.swarm.port,
        da=udp_port(config.da_backend.listening_address),
        blend=udp_port(config.blend.core.backend.listening_address),
        api=config.http.backend_settings.address.port,
        testing_http=config.testing_http.backend_settings.address.port,
    )


def udp_port(address: str) -> int:
    return int(address.split("/")[4])


def test_genesis_is_the_same_but_for_the_proofs() -> None:
    state = originals()[0].cryptarchia.service.starting_state
    assert isinstance(state, Genesis)
    assert ours().genesis_tx.mantle_tx == state.genesis_tx.mantle_tx
    assert ours().genesis_tx.hash == state.genesis_tx.hash


@pytest.mark.parametrize("index", [0, 1])
def test_every_other_setting_is_the_same(index: int) -> None:
    assert comparable(ours().nodes[index].config) == comparable(originals()[index])


def comparable(config: NodeConfig) -> dict[str, Any]:
    """The configuration without what is compared elsewhere, random there, or different on purpose."""
    config = with_setting(config, "network.backend.swarm.gossipsub_config", None)  # we leave libp2p's defaults unsaid
    config = with_setting(config, "blend.recovery_path_prefix", "")  # we say it in full
    config = with_setting(config, "cryptarchia.service.starting_state", None)  # see above
    for server in ("http", "testing_http"):  # 10,000 requests would be all that a runner has in a run
        config = with_setting(config, f"{server}.backend_settings.rate_limit_per_second", 0)
        config = with_setting(config, f"{server}.backend_settings.rate_limit_burst", 0)
    known_keys = set(config.wallet.known_keys)
    config = replace(with_setting(config, "wallet.known_keys", ()), time=replace(config.time, chain_start_time=None))
    return {"config": config, "known_keys": known_keys}


def test_the_chain_starts_at_the_same_time() -> None:
    original = originals()[0].time.chain_start_time
    assert abs(ours().chain_start.unix_nanoseconds - original.unix_nanoseconds) < 1_000  # a float's precision
