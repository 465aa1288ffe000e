"""What a user is told about a broken configuration besides the real node's own words."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomos_core.config import ConfigError, UnknownKeysError, load_config, refuse_unknown_keys
from support.inputs.golden import VECTORS

VALIDATOR = (VECTORS / "validator.yaml").read_text()


def refusal(old: str, new: str, text: str = VALIDATOR) -> ConfigError:
    assert old in text
    with pytest.raises(ConfigError) as caught:
        load_config(text.replace(old, new, 1), source="node.yaml", kind="validator")
    return caught.value


def test_the_exact_field_is_named_where_the_real_node_names_the_map_around_it() -> None:
    error = refusal("node_key: 2b", "node_key: zz")
    assert error.summary == "network.backend.swarm: Invalid character 'z' at position 0 at line 6 column 7"
    assert (error.field, error.place) == ("network.backend.swarm.node_key", "node.yaml:8:17")


def test_a_mistake_inside_the_deployment_is_named_although_the_real_node_hides_it() -> None:
    error = refusal("security_param: 10", "security_param: ten")
    assert "SerdeSettings" in error.summary
    assert error.field == "deployment.cryptarchia.consensus_config.security_param"
    assert 'string "ten"' in error.advice


def test_the_message_has_place_field_and_remedy_on_lines_of_their_own() -> None:
    lines = str(refusal("      port: 3000\n", "")).splitlines()
    assert lines == [
        "network.backend.swarm: missing field `port` at line 6 column 7",
        "  at node.yaml:6:7: network.backend.swarm.port",
        "  add it: `port: 1`",
    ]


def test_unknown_keys_are_collected_with_their_lines_and_refused_on_demand() -> None:
    text = VALIDATOR.replace("mempool:\n  recovery_path", "foo: 1\nmempool:\n  bar: {x: 1}\n  recovery_path", 1)
    config = load_config(text, source="node.yaml", kind="validator")
    assert [(key.path, key.line) for key in config.unknown_keys] == [("foo", 81), ("mempool.bar", 83)]
    with pytest.raises(UnknownKeysError, match=r'\["foo", "mempool\.bar"\]'):
        refuse_unknown_keys(config, source="node.yaml")


def test_a_syntax_error_after_a_mistake_leaves_the_mistake_first() -> None:
    assert refusal("port: 3000\n", "port: abc\n", VALIDATOR + "\n]:").summary.startswith("network.backend.swarm.port:")


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(VALIDATOR + "\n: ]\n", source="node.yaml", kind="validator")
    assert caught.value.place == "node.yaml:129:1"


def test_a_second_document_is_refused() -> None:
    with pytest.raises(ConfigError, match="more than one document"):
        load_config(f"{VALIDATOR}---\n{VALIDATOR}", source="node.yaml", kind="validator")


@pytest.mark.parametrize("text", ["[1]", "just text", "a: *nothing", "a: &a [*a]", "\0", "!Tag {}", "? [a]\n: b"])
def test_anything_else_is_refused_too(text: str) -> None:
    with pytest.raises(ConfigError):
        load_config(text, source="node.yaml", kind="validator")


def test_an_anchor_may_be_used_twice() -> None:
    text = VALIDATOR.replace("node_key: 2b67", "node_key: &key 2b67", 1)
    key = "2b67b2a09e79dd04d3b8854aea186568bc9ff318564635b1cb405ecaa4c4170d"
    text = text.replace(f"non_ephemeral_signing_key: {key}", "non_ephemeral_signing_key: *key", 1)
    config = load_config(text, source="node.yaml", kind="validator")
    assert config.blend.non_ephemeral_signing_key == config.network.backend.swarm.node_key


def test_a_hash_of_digits_alone_is_text() -> None:
    digits = "12345678" * 8
    config = load_config(
        VALIDATOR.replace(
            "node_key: 2b67b2a09e79dd04d3b8854aea186568bc9ff318564635b1cb405ecaa4c4170d", f"node_key: {digits}", 1
        ),
        source="node.yaml",
        kind="validator",
    )
    assert config.network.backend.swarm.node_key.hex() == digits


def test_a_slot_below_a_second_is_taken() -> None:
    text = VALIDATOR.replace("slot_duration: {secs: 2, nanos: 0}", "slot_duration: {secs: 0, nanos: 200000000}")
    config = load_config(text, source="node.yaml", kind="validator")
    assert config.deployment.time.slot_duration.seconds == 0.2


def test_a_saved_ledger_is_recognised() -> None:
    start = VALIDATOR.index("    starting_state:")
    end = VALIDATOR.index("    recovery_file:")
    lib = f"    starting_state: !Lib {{lib_id: {'ab' * 32}, lib_ledger_state: {{a: [1]}}, genesis_id: {'cd' * 32}}}\n"
    config = load_config(VALIDATOR[:start] + lib + VALIDATOR[end:], source="node.yaml", kind="validator")
    state = config.cryptarchia.service.starting_state
    assert (state.lib_id.hex(), state.lib_ledger_state) == ("ab" * 32, {"a": [1]})  # type: ignore[union-attr]


LINES = VALIDATOR.splitlines()
SNIPPETS = st.sampled_from(
    ["", "[", "{", "!Zk", "&a", "*a", "- ", ": ", "'", "null", "-1", "1e400", "!!int x", "\t", "é\x00"]
)


@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.integers(0, 80), SNIPPETS), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_damaged_files_load_or_are_refused_and_nothing_else(damage: list[tuple[int, int, str]]) -> None:
    lines = list(LINES)
    for line, column, snippet in damage:
        lines[line] = lines[line][:column] + snippet + lines[line][column + 3 :]
    with suppress(ConfigError):
        load_config("\n".join(lines), source="node.yaml", kind="validator")


@pytest.mark.parametrize("deep", ["[" * 500 + "]" * 500, "{a: " * 500 + "}" * 500])
def test_collections_nested_too_deep_are_refused(deep: str) -> None:
    with pytest.raises(ConfigError, match="recursion limit exceeded at line 128"):
        load_config(f"{VALIDATOR}foo: {deep}\n", source="node.yaml", kind="validator")
