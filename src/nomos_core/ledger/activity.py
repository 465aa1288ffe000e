"""Activity reports of service providers: the rules by which an active message is accepted, service by service.

An active message sent in session ``s`` reports on session ``s - 1``, the target session. A report of the data
availability service holds opinions on the providers of the target session and of the session before it. A Blend report
holds a proof of quota.

The protocol pays rewards for these reports, but its session income is still 0, so no reward note is ever made. This
module therefore keeps only what decides whether a report is accepted, and does not count opinions.
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
    """Session of a service: a number of consecutive blocks in which a fixed set of declarations serves."""

    number: int
    """Sessions since genesis, from 0: ``block number // session_duration``."""
    declarations: Declarations
    """Snapshot of the declarations that serve in this session. It never changes during the session."""

    @property
    def provider_ids(self) -> frozenset[Ed25519PublicKey]:
        """Ed25519 public keys of the providers that serve in this session."""
        return frozenset(declaration.provider_id for declaration in self.declarations.values())


@dataclass(frozen=True, slots=True)
class DaReports:
    """Reports accepted by the data availability service in one session. Each provider may report once in a session."""

    target: Session
    """Session before the active one. Reports must name its number and hold opinions on its providers."""
    before_target: Session
    """Session before the target. Reports must also hold opinions on its providers."""
    reporters: HashTrieSet[Ed25519PublicKey] = field(default_factory=HashTrieSet)
    """Provider ids whose report was accepted in this session."""

    def accept(self, provider: Ed25519PublicKey, activity: DaActivity | BlendActivity) -> DaReports:
        """Add the report of ``provider``, or refuse it.

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
        """Start the next session without reports; the session that ended becomes the target."""
        return DaReports(target=ended, before_target=self.target)


@dataclass(frozen=True, slots=True)
class BlendReports:
    """Reports on the Blend network. They are taken only when the target session had enough providers.

    A report holds a proof of quota. No prover of this package can check such a proof, so a report that passes every
    other rule is refused with ``InvalidProof``.
    """

    target: Session | None = None
    """Session before the active one; None when it had fewer than ``blend_minimum_network_size`` providers."""

    def accept(self, provider: Ed25519PublicKey, activity: DaActivity | BlendActivity) -> BlendReports:
        """Refuse the report of ``provider``. The error names the first rule that it breaks.

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
        """Start the next session: ``ended`` becomes the target if it had ``minimum_size`` declarations or more."""
        return BlendReports(ended if len(ended.declarations) >= minimum_size else None)


Reports = DaReports | BlendReports
"""Reports of one service in one session."""


def opinion_bytes(providers: int) -> int:
    """Return the length in bytes of a vector of opinions on ``providers`` providers.

    The protocol's length is ``ceil(log2(providers + 1) / 8)`` bytes. That is less than one bit for each provider, but
    the real node checks exactly this length.
    """
    return (providers.bit_length() + 7) // 8


def _check_opinions(opinions: bytes, session: Session) -> None:
    expected = opinion_bytes(len(session.provider_ids))
    if len(opinions) != expected:
        raise errors.invalid_opinion_length(expected, len(opinions))
