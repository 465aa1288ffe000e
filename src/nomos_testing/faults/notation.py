"""Reads faults from JSON values, the same in scenario files and in a run's plan: ``{"pause": {"node": "any"}}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from nomos_testing.faults.errors import dotted
from nomos_testing.faults.fault import Fault
from nomos_testing.faults.vocabulary import FAULT_WORDS
from nomos_testing.registry import Word
from nomos_testing.sections import problem_of


def fault_from_json(value: Mapping[str, Any], words: Mapping[str, Word] = FAULT_WORDS) -> Fault:
    """Read what ``Fault.to_json`` gives. ``words`` are the faults that are known.

    Raises:
        ValueError: it is not one of the known faults, or it has other fields. The text begins with the word.
    """
    if len(value) != 1:
        raise ValueError(f"expected one fault, got {', '.join(value) or 'none'}")
    ((word, given),) = value.items()
    if word not in words:
        raise ValueError(f"unknown fault {word!r}; expected one of {', '.join(words)}")
    try:
        fault = words[word].build(words[word].model.model_validate(given))
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        raise ValueError(f"{dotted((word, *first['loc']))}: {problem_of(first)}") from None
    assert isinstance(fault, Fault)
    return fault
