"""The difference between *failed* and *errored* in a run's verdict.

- *failed*: the network under test did not do what the scenario asks of it. Such exceptions derive from ``Failure``:
  ``ExpectationFailed``, a node's refusal, a fault that could not be healed, a wait that ended in vain. An ``assert``
  that does not hold is a failure too, as in pytest; so is a proof that the circuits' prover could not make.
- *errored*: any other exception out of a workload, an expectation, what they have running beside them, or a healer. It
  is taken for a bug of that code (a ``KeyError``, a ``ValueError``), which says nothing about the network.

Code that means to fail a run raises ``Failure``, or in an expectation ``ExpectationFailed``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nomos_core.proofs.prover import ProofError


class Failure(Exception):
    """The network under test did not do what it should. The text says what."""


def is_failure(error: BaseException) -> bool:
    """Return whether a run that ends by this error has failed, and not errored.

    For a group, all of its errors must be failures.
    """
    return all(isinstance(leaf, Failure | ProofError | AssertionError) for leaf in leaves(error))


def explains_itself(error: BaseException) -> bool:
    """Return whether the error's text is enough for a person. Any other error needs its traceback."""
    return all(isinstance(leaf, Failure | ProofError) for leaf in leaves(error))


def leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors of a group and of the groups in it; the error itself if it is no group."""
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for part in error.exceptions:
        yield from leaves(part)


def raise_all(message: str, outcomes: Iterable[object]) -> None:
    """Raise every error among the outcomes of ``asyncio.gather(..., return_exceptions=True)``.

    A single error is raised as it is, several as a group with this message.
    """
    errors = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise BaseExceptionGroup(message, errors)
