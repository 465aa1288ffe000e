"""Exceptions out of a test's own code: with their traceback in the journal and in the log.

The live view shows what is in the journal, so a log handler that writes to the same terminal may leave out the records
that carry ``SHOWN_BY_VIEW``.
"""

from __future__ import annotations

import logging
import traceback
from typing import Final

from nomos_testing.failure import explains_itself, leaves
from nomos_testing.journal.events import ExceptionRaised
from nomos_testing.journal.journal import Journal

SHOWN_BY_VIEW: Final = "shown_by_view"

_log = logging.getLogger(__name__)


def note_exception(journal: Journal, where: str, error: BaseException, *, failures_too: bool = False) -> None:
    """Keep the traceback of an error whose text alone does not explain it.

    Args:
        where: the code that raised it, ``workload load``.
        failures_too: keep the traceback of a ``Failure`` too, where that code should raise none.
    """
    if explains_itself(error) and not failures_too:
        return
    event = ExceptionRaised(
        where=where,
        error="".join(traceback.format_exception_only(error)).rstrip("\n"),
        location=_location(error),
        traceback="".join(traceback.format_exception(error)),
    )
    journal.write(event)
    _log.error("%s raised %s", where, event.error, exc_info=error, extra={SHOWN_BY_VIEW: True})


def _location(error: BaseException) -> str | None:
    frames = traceback.extract_tb(next(leaves(error)).__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else None
