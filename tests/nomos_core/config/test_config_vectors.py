"""The real node's configuration files, and what it says to 59 broken ones."""

from __future__ import annotations

from typing import Any

import pytest

from nomos_core.config import (
    ConfigError,
    Duration,
    Genesis,
    Kind,
    NodeConfig,
    dump_config,
    load_config,
    refuse_unknown_keys,
)
from support.inputs.golden import Golden, entries, golden_path

VALID = "Config file is valid! ✅\n"
KINDS: dict[str, Kind] = {"nomos-node": "validator", "nomos-executor": "executor"}
FILES: dict[str, Kind] = {
    "validator.yaml": "validator",
    "executor.yaml": "executor",
    "seed_run/validator.yaml": "validator",
    "seed_run/executor.yaml": "executor",
}


def read(file: str) -> NodeConfig:
    text = golden_path(file).read_text().replace("@NODE_DIR@", "/node").replace("@KZG@", "/kzgrs_test_params")
    return load_config(text, source=file, kind=FILES[file])


@pytest.mark.parametrize("file", FILES)
def test_files_of_the_real_node_load_and_survive_a_round_trip(file: str) -> None:
    config = read(file)
    again = load_config(dump_config(config), source="again", kind=config.kind)
    assert again == config
    assert again.unknown_keys == ()


def test_both_spellings_of_every_duration_and_time_mean_the_same() -> None:
    upstream, seed = read("validator.yaml"), read("seed_run/validator.yaml")
    assert upstream.cryptarchia.service.bootstrap == seed.cryptarchia.service.bootstrap
    assert upstream.da_verifier.mempool_trigger_settings == seed.da_verifier.mempool_trigger_settings
    assert upstream.http.backend_settings.timeout == Duration.of(30)
    assert str(upstream.time.chain_start_time) == "2025-12-12 16:00:00.000000000 +00:00:00"
    assert str(seed.time.chain_start_time) == "2026-11-23 21:42:13.067224796 +00:00:00"


def test_genesis_of_the_original_framework_holds_all_wallets() -> None:
    validator, executor = read("seed_run/validator.yaml"), read("seed_run/executor.yaml")
    state = validator.cryptarchia.service.starting_state
    assert isinstance(state, Genesis)
    assert state == executor.cryptarchia.service.starting_state
    assert len(state.genesis_tx.mantle_tx.ledger_tx.outputs) == 6 + 1000
    assert len(validator.wallet.known_keys) == 1 + 1000


def test_sections_that_only_the_original_framework_writes_are_unknown() -> None:
    config = read("seed_run/validator.yaml")
    paths = [key.path for key in config.unknown_keys]
    assert paths == ["cryptarchia.network_adapter_settings", "cryptarchia.sync"]


@pytest.mark.parametrize("entry", entries("bad_configs.json", "bad_configs"))
def test_a_broken_file_is_refused_in_the_real_nodes_words(entry: Golden) -> None:
    text = patched(golden_path(entry["base"].value).read_text(), entry["patch"].value)
    assert check_config(text, KINDS[entry["binary"].value]) == (
        entry["exit_code"].value,
        entry["stdout"].value,
        entry["stderr"].value.partition("\n\nLocation:\n")[0],
    )


def check_config(text: str, kind: Kind) -> tuple[int, str, str]:
    try:
        refuse_unknown_keys(load_config(text, source="case.yaml", kind=kind), source="case.yaml")
    except ConfigError as refusal:
        return 1, "", f"Error: {refusal.summary}"
    return 0, VALID, ""


def patched(text: str, patch: dict[str, Any]) -> str:
    if "with" in patch:
        assert patch["replace_first_occurrence"] in text
        return text.replace(patch["replace_first_occurrence"], patch["with"], 1)
    lines = text.splitlines(keepends=True)
    start = next(n for n, line in enumerate(lines) if line.startswith(patch["replace_from_line_starting_with"]))
    end = start + patch["old_line_count"]
    assert patch["old_is_whole_file"] == (start == 0 and end == len(lines))
    return "".join((*lines[:start], patch["new"], *lines[end:]))
