"""The page about the journal, made from the dataclasses that are registered as its events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, Final

import pdoc.doc

import nomos_testing
from nomos_testing.journal.events import event_kinds
from reference.markdown import GENERATED, code, link, page, sentence, table

_INTRODUCTION: Final = f"""\
# The events of the journal

{GENERATED}

A run writes `journal.jsonl` into its run directory: one JSON object a line, in the order in which things happened. The
progress view, the summary and every report are made from these lines alone. Each line has these keys, and then those
of its kind of event:

| Key | Type | Meaning |
| --- | --- | --- |
| `at` | `float` | Seconds since the journal was opened, by the monotonic clock. |
| `time` | `str` | Wall clock, UTC, ISO 8601 with microseconds. |
| `kind` | `str` | The kind of the event, one of those below. |

A field that is `None` is left out of the line. A line may have keys and kinds that are not listed here: a workload of
your own writes events of its own, and later versions add more.

```python
from pathlib import Path

from nomos_testing.journal.events import BlockSeen
from nomos_testing.journal.journal import read_journal


def slots_with_blocks(run_directory: Path) -> list[int]:
    entries = read_journal(run_directory / "journal.jsonl")
    return [entry.event.slot for entry in entries if isinstance(entry.event, BlockSeen)]
```"""


def journal_events_page() -> str:
    """Write ``docs/journal-events.md``."""
    for module in walk_packages(nomos_testing.__path__, "nomos_testing."):
        if not module.name.endswith("__main__"):
            import_module(module.name)  # registers the module's kinds
    kinds = {
        kind: event for kind, event in sorted(event_kinds().items()) if event.__module__.startswith("nomos_testing.")
    }
    overview = table(
        ("Kind", "Meaning"), ((link(code(kind), code(kind)), _about(event)) for kind, event in kinds.items())
    )
    parts = dict.fromkeys(part for event in kinds.values() for part in _parts(event))
    return page(
        _INTRODUCTION,
        "## Kinds",
        overview,
        *(_section(code(kind), event) for kind, event in kinds.items()),
        *(_section(part.__name__, part) for part in parts),
    )


def _section(heading: str, event: type[Any]) -> str:
    rows = [(code(name), code(kind), meaning) for name, kind, meaning in _fields(event)]
    return page(
        f"## {heading}",
        _about(event),
        f"In Python: `{event.__module__}.{event.__qualname__}`.",
        table(("Field", "Type", "Meaning"), rows) if rows else "",
    ).rstrip("\n")


def _fields(event: type[Any]) -> Iterator[tuple[str, str, str]]:
    described = _documentation(event)
    for field in fields(event):
        member = described.get(field.name)
        assert isinstance(member, pdoc.doc.Variable), f"{event.__qualname__}.{field.name} is no attribute"
        yield field.name, str(field.type), sentence(member.docstring.replace("``", "`"))


def _about(event: type[Any]) -> str:
    first, _, _ = _documentation(event).docstring.partition("\n\n")
    return sentence(" ".join(first.replace("``", "`").split()))


def _documentation(event: type[Any]) -> pdoc.doc.Class:
    return pdoc.doc.Class(event.__module__, event.__qualname__, event, (event.__module__, event.__qualname__))


def _parts(event: type[Any]) -> Iterator[type[Any]]:
    """The dataclasses of this project that the event's fields hold."""
    module = import_module(event.__module__)
    for field in fields(event):
        for name in str(field.type).replace("[", " ").replace("]", " ").replace(",", " ").split():
            value = getattr(module, name, None)
            if isinstance(value, type) and is_dataclass(value):
                yield value
