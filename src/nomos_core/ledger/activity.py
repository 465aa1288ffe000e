"""Signs of activity: what a provider must show in an active message, service by service.

An active message of session ``s`` reports on session ``s - 1``, the target. The data availability network's reports
hold opinions on the providers of the target session and of the one before it. Blend's hold a proof of quota.

Rewards would be counted from these reports, but the protocol's session income is still 0: no reward note is ever
made. So only what decides whether a message is accepted is kept here, not the counts of opinions.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from rpds import HashTrieSet

from nomos_core.identifiers import Ed25519PublicKey
from nomos_core.ledger import errors
from nomos_core.ledger.declarations import Declarations
from nomos_core.mantle.operations import BlendActivity, DaActivity


@dataclass(frozen=True, slots=True)
class Session:
    """The declarations a service runs with for the blocks of one session."""

    number: int
    declarations: Declarations

    @property
    def provider_ids(self) -> frozenset[Ed25519PublicKey]:
        return frozenset(declaration.provider_id for declaration in self.declarations.values())


@dataclass(frozen=True, slots=True)
class DaReports:
    """Reports on the data availability network: each provider reports once in a session."""

    target: Session
    before_target: Session
    reporters: HashTrieSet[Ed25519PublicKey] = field(default_factory=HashTrieSet)

    def accept(self, provider: Ed25519PublicKey, activity: DaActivity | BlendActivity) -> DaReports:
        """Take a provider's report.

        Raises:
            LedgerError: ``Mantle.Sdp.RewardsError.`` with ``InvalidProofType``, ``DuplicateActiveMessage``,
                ``InvalidSession`` or ``InvalidOpinionLength``.
        """
        if not isinstance(activity, DaActivity):
            raise errors.invalid_activity_type()
        if provider in self.reporters:
            raise errors.duplicate_active_message(activity.current_session, provider)
        if activity.current_session != self.target.number:
            raise errors.invalid_session(self.target.number, activity.current_session)
        _check_opinions(activity.current_session_opinions, self.target)
        _check_opinions(activity.previous_session_opinions, self.before_target)
        return replace(self, reporters=self.reporters.insert(provider))

    def next_session(self, ended: Session, _minimum_size: int) -> DaReports:
        return DaReports(target=ended, before_target=self.target)


@dataclass(frozen=True, slots=True)
class BlendReports:
    """Reports on the Blend network, which are only taken when the target session had enough providers.

    A report's proof of quota needs circuits that no prover here has: well-formed reports end in ``InvalidProof``.
    """

    target: Session | None = None

    def accept(self, provider: Ed25519PublicKey, activity: DaActivity | BlendActivity) -> BlendReports:
        """Refuse a provider's report.

        Raises:
            LedgerError: ``Mantle.Sdp.RewardsError.`` with ``TargetSessionNotSet``, ``InvalidProofType``,
                ``InvalidSession``, ``UnknownProvider`` or ``InvalidProof``.
        """
        if self.target is None:
            raise errors.target_session_not_set()
        if not isinstance(activity, BlendActivity):
            raise errors.invalid_activity_type()
        if activity.session != self.target.number:
            raise errors.invalid_session(self.target.number, activity.session)
        if provider not in self.target.provider_ids:
            raise errors.unknown_provider(provider)
        raise errors.invalid_activity_proof()

    def next_session(self, ended: Session, minimum_size: int) -> BlendReports:
        return BlendReports(ended if len(ended.declarations) >= minimum_size else None)


Reports = DaReports | BlendReports


def opinion_bytes(providers: int) -> int:
    """The length of an opinion vector: ``ceil(log2(providers + 1) / 8)``, which is too short for a bit each."""
    return (providers.bit_length() + 7) // 8


def _check_opinions(opinions: bytes, session: Session) -> None:
    expected = opinion_bytes(len(session.provider_ids))
    if len(opinions) != expected:
        raise errors.invalid_opinion_length(expected, len(opinions))
