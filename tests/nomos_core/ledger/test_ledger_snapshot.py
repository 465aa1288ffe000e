"""A stored ledger state is the same state again, and goes on in the same way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomos_core.identifiers import ROOT_MSG_ID, ChannelId, DeclarationId
from nomos_core.keys import Ed25519Key
from nomos_core.ledger.activity import DaReports, opinion_bytes
from nomos_core.ledger.declarations import Declarations
from nomos_core.ledger.snapshot import SnapshotError, state_from_json, state_to_json
from nomos_core.ledger.state import LedgerState, state_of_notes
from nomos_core.ledger.utxo_tree import UtxoTree
from nomos_core.mantle.notes import Utxo
from nomos_core.mantle.operations import ChannelInscribe, ChannelSetKeys, DaActivity, SDPActive, ServiceType
from nomos_core.mantle.transactions import Note
from support.inputs.ledger_sandbox import PUBLIC, Sandbox, initial_notes, provider_key

WRITER = Ed25519Key(bytes(32))


def restored(state: LedgerState) -> LedgerState:
    return state_from_json(json.loads(json.dumps(state_to_json(state))))


def inscribe(chain: Sandbox, number: int) -> None:
    channel_id = ChannelId(bytes([number]) * 32)
    channel = chain.state.channels.get(channel_id)
    message = ChannelInscribe(channel_id, b"text", channel.tip if channel else ROOT_MSG_ID, WRITER.public)
    chain.apply(chain.channel_operation(message, WRITER))


def set_keys(chain: Sandbox, number: int) -> None:
    keys = (WRITER.public, Ed25519Key(bytes([number]) * 32).public)
    chain.apply(chain.channel_operation(ChannelSetKeys(ChannelId(bytes([number]) * 32), keys), WRITER))


def free_note(chain: Sandbox) -> Utxo | None:
    return next((utxo for utxo in chain.unspent() if utxo.id not in chain.state.locked_notes), None)


def transfer(chain: Sandbox, number: int) -> None:
    note = free_note(chain)
    if note and note.note.value > number:
        outputs = [Note(note.note.value - number, PUBLIC[1]), *([Note(number, PUBLIC[2])] if number else [])]
        chain.apply(chain.transfer([note], outputs))


def declare(chain: Sandbox, number: int) -> None:
    note, service = free_note(chain), list(ServiceType)[number % 2]
    known = declared_by(number, chain.state.sdp.services[service].declarations)
    if note and note.note.value >= chain.config.minimum_stake and known is None:
        chain.declare(service, note, number)


def report(chain: Sandbox, number: int) -> None:
    reports = chain.state.sdp.services[ServiceType.DATA_AVAILABILITY].reports
    assert isinstance(reports, DaReports)
    held = chain.state.sdp.services[ServiceType.DATA_AVAILABILITY].declarations
    identifier = declared_by(number, held)
    if identifier is None or held[identifier].provider_id in reports.reporters:
        return
    opinions = [bytes(opinion_bytes(len(session.provider_ids))) for session in (reports.before_target, reports.target)]
    message = SDPActive(identifier, 1, DaActivity(reports.target.number, *opinions))
    note = chain.state.utxos.get(held[identifier].locked_note_id)
    assert note is not None
    chain.apply(chain.provider_message(message, note, number))


def declared_by(provider: int, declarations: Declarations) -> DeclarationId | None:
    wanted = provider_key(provider).public
    return next((identifier for identifier, held in declarations.items() if held.provider_id == wanted), None)


def header(chain: Sandbox, number: int) -> None:
    chain.header(slot=chain.state.slot + 1 + number)


ACTIONS = [inscribe, set_keys, transfer, declare, report, header, header]


def run(chain: Sandbox, actions: list[tuple[int, int]]) -> Sandbox:
    chain.header()
    for action, number in actions:
        ACTIONS[action](chain, number)
    return chain


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(ACTIONS) - 1), st.integers(0, 9)), max_size=25),
    st.lists(st.tuples(st.integers(0, len(ACTIONS) - 1), st.integers(0, 9)), max_size=5),
)
def test_a_stored_state_goes_on_in_the_same_way(before: list[tuple[int, int]], after: list[tuple[int, int]]) -> None:
    chain = run(Sandbox(), before)
    again = Sandbox(state=restored(chain.state))
    assert again.state == chain.state
    assert run(again, after).state == run(chain, after).state


def test_notes_shared_by_the_trees_are_stored_and_hashed_once() -> None:
    state = state_of_notes(UtxoTree(initial_notes(range(1, 30))))
    assert len(state_to_json(state)["notes"]) == 29
    again = restored(state)
    assert again.utxos is again.epoch_state.utxos


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": 2}, "version 1, got version 2"),
        ({"notes": [{}]}, "KeyError: 'tx_hash'"),
        ({"nonce": "zz"}, "not a ledger snapshot"),
        ({"utxos": [[0, 99]]}, "IndexError"),
    ],
)
def test_other_data_is_refused_with_the_reason(change: dict[str, Any], expected: str) -> None:
    data = state_to_json(Sandbox().state) | change
    with pytest.raises(SnapshotError, match=expected):
        state_from_json(data)
