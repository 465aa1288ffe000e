"""Records exceptions, with their traceback, in the journal and in the log.

The live view shows the journal's entries. So a log handler that writes to the same terminal may skip the records that
have the attribute ``SHOWN_BY_VIEW``.
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
    """Record the traceback of an error, unless its text explains it.

    Args:
        where: name of the code that raised it: ``workload load``.
        failures_too: record a ``Failure`` too, because this code should raise none.
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
