"""Sessions and messages of the Service Declaration Protocol that the golden scenarios leave out."""

from __future__ import annotations

import pytest

from nomos_core.ledger.activity import opinion_bytes
from nomos_core.ledger.config import LedgerConfig
from nomos_core.ledger.errors import LedgerError
from nomos_core.ledger.state import apply_transaction
from nomos_core.mantle.operations import BlendActivity, DaActivity, SDPActive, SDPWithdraw, ServiceType
from nomos_core.mantle.operations_binary import declaration_id
from nomos_core.mantle.transactions import Note, SignedMantleTx
from support.inputs.ledger_sandbox import PROVER, PUBLIC, Sandbox, ledger_config, provider_key

BLEND, DA = ServiceType.BLEND, ServiceType.DATA_AVAILABILITY


def refusal(chain: Sandbox, tx: SignedMantleTx) -> str:
    with pytest.raises(LedgerError) as refused:
        apply_transaction(chain.state, tx, chain.config, PROVER)
    return refused.value.path


def blend_report(session: int) -> BlendActivity:
    return BlendActivity(session, provider_key(1).public, 0, bytes(128), 0)


def test_a_declaration_serves_two_sessions_later() -> None:
    chain = Sandbox()
    chain.header()
    chain.declare(DA, chain.unspent()[0], provider=1)
    serving = [(chain.headers(1).active_sessions[DA], len(chain.state.active_providers(DA))) for _ in range(6)]
    assert serving == [(0, 0), (1, 0), (1, 0), (1, 0), (2, 1), (2, 1)]
    info = chain.state.active_providers(DA)[provider_key(1).public]
    assert info.locators == ("/ip4/127.0.0.1/udp/4001/quic-v1",)


def test_a_note_locked_for_two_services_is_free_after_both_withdrawals() -> None:
    chain = Sandbox()
    chain.header()
    note = chain.unspent()[0]
    declared = [chain.declare(service, note, provider=1) for service in (BLEND, DA)]
    chain.headers(2)
    spend = chain.transfer([note], [Note(100, PUBLIC[2])])
    for operation in declared:
        assert refusal(chain, spend) == "LockedNote"
        message = SDPWithdraw(declaration_id(operation), note.id, nonce=1)
        chain.apply(chain.provider_message(message, note, provider=1))
    assert note.id not in chain.apply(spend).utxos


def test_activity_keeps_a_declaration_from_expiring() -> None:
    """Inactivity and retention are a session each here, of 3 blocks: unrenewed, block 1's is dropped at block 9."""
    silent, active = Sandbox(), Sandbox()
    for chain in (silent, active):
        chain.header()
        chain.declare(DA, chain.unspent()[0], provider=1)
        chain.headers(2)
    report = SDPActive(next(iter(active.state.declarations)), 1, DaActivity(0, b"", b""))
    active.apply(active.provider_message(report, active.unspent()[0], provider=1))
    assert len(silent.headers(5).declarations) == len(active.headers(5).declarations) == 1
    assert not silent.headers(1).declarations
    assert active.headers(1).declarations
    assert silent.unspent()[0].id in silent.state.locked_notes


def blend_chain(minimum: int) -> Sandbox:
    """At session 3: provider 1 served in session 2, which reports are on; provider 2 serves from session 3."""
    chain = Sandbox(config=ledger_config(inactivity_period=9, blend_minimum=minimum))
    chain.header()
    chain.declare(BLEND, chain.unspent()[0], provider=1)
    chain.headers(2)
    chain.declare(BLEND, chain.unspent()[1], provider=2)
    chain.headers(6)
    return chain


def blend_tx(chain: Sandbox, provider: int, report: BlendActivity | DaActivity) -> SignedMantleTx:
    providers = {held.provider_id: identifier for identifier, held in chain.state.declarations.items()}
    message = SDPActive(providers[provider_key(provider).public], 1, report)
    return chain.provider_message(message, chain.unspent()[provider - 1], provider)


@pytest.mark.parametrize(
    ("minimum", "provider", "report", "expected"),
    [
        (2, 1, blend_report(2), "TargetSessionNotSet"),
        (1, 1, DaActivity(2, b"", b""), "InvalidProofType"),
        (1, 1, blend_report(1), "InvalidSession"),
        (1, 2, blend_report(2), "UnknownProvider"),
        (1, 1, blend_report(2), "InvalidProof"),
    ],
)
def test_blend_reports_are_refused(
    minimum: int, provider: int, report: BlendActivity | DaActivity, expected: str
) -> None:
    chain = blend_chain(minimum)
    assert refusal(chain, blend_tx(chain, provider, report)) == f"Mantle.Sdp.RewardsError.{expected}"


@pytest.mark.parametrize(("providers", "expected"), [(0, 0), (1, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 3)])
def test_opinion_bytes(providers: int, expected: int) -> None:
    assert opinion_bytes(providers) == expected


def test_every_service_needs_parameters() -> None:
    known = ledger_config()
    with pytest.raises(ValueError, match="no service parameters for DA"):
        LedgerConfig(known.epoch_config, known.consensus_config, {BLEND: known.services[BLEND]}, 1, 1)
    with pytest.raises(ValueError, match="session_duration"):
        ledger_config(session_duration=0)
