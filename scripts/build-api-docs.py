#!/usr/bin/env python3
"""Builds the reference of the Python API as HTML, by pdoc, from the signatures and docstrings of the code.

Run it with the project's Python: ``.venv/bin/python scripts/build-api-docs.py``; then open
``.tmp/api-docs/nomos_testing.html``. Every problem is an error and ends it with 1: a warning of pdoc, such as an
annotation that cannot be resolved, and a public name without a docstring.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final, TypeVar, get_type_hints

import pdoc
import pdoc.render
from pdoc.doc import Class, Doc, Module, Variable

REPOSITORY: Final = Path(__file__).parents[1]
MODULES: Final = (
    "nomos_testing",
    "nomos_testing.blocks.block_feed",
    "nomos_testing.blocks.chain_history",
    "nomos_testing.client.answers",
    "nomos_testing.client.errors",
    "nomos_testing.client.node_client",
    "nomos_testing.cluster.links",
    "nomos_testing.cluster.node_clients",
    "nomos_testing.deployers.shared.base",
    "nomos_testing.faults",
    "nomos_testing.faults.fault_log",
    "nomos_testing.journal.events",
    "nomos_testing.journal.journal",
    "nomos_testing.observability.telemetry",
    "nomos_testing.outcome",
)
"""The package that users import from, and the modules of what its names take and return."""
DESCRIBED_ELSEWHERE: Final = ("Settings",)
"""Classes whose fields are in a table of docs/operations.md."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--to", type=Path, default=REPOSITORY / ".tmp" / "api-docs", metavar="DIRECTORY")
    parser.add_argument("--modules", nargs="+", default=MODULES, metavar="MODULE")
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    modules = [loaded(name) for name in arguments.modules]
    pdoc.render.configure(docformat="google", show_source=False)
    pdoc.pdoc(*(module.__name__ for module in modules), output_directory=arguments.to)
    if missing := sorted({name for module in modules for name in without_docstring(Module(module))}):
        sys.exit("these public names have no docstring:\n  " + "\n  ".join(missing))


def loaded(name: str) -> ModuleType:
    """Import a module, with the names that it loads when first used."""
    module = import_module(name)
    for public in getattr(module, "__all__", ()):
        resolve_inherited_fields(getattr(module, public))
    return module


def resolve_inherited_fields(value: object) -> None:
    """Resolve the annotations of a dataclass that inherits fields from another module.

    Its generated ``__init__`` names types that its own module does not import, so pdoc cannot resolve them there.
    """
    if isinstance(value, type) and any(
        is_dataclass(base) and base.__module__ != value.__module__ for base in value.__mro__[1:]
    ):
        hints = get_type_hints(value)
        annotations = value.__init__.__annotations__  # type: ignore[misc]
        annotations.update({name: hints[name] for name in annotations if name in hints})


def without_docstring(namespace: Module | Class) -> Iterator[str]:
    """Find the public classes, functions, methods and fields that say nothing about themselves."""
    members: Iterable[Doc[Any]] = namespace.own_members if isinstance(namespace, Class) else namespace.members.values()
    for member in members:
        if member.name.startswith("_") or not member.taken_from[0].startswith("nomos_testing"):
            continue
        if not says_something(member, namespace):
            yield f"{member.taken_from[0]}: {member.taken_from[1]}"
        if isinstance(member, Class) and member.qualname not in DESCRIBED_ELSEWHERE:
            yield from without_docstring(member)


def says_something(member: Doc[Any], namespace: Module | Class) -> bool:
    """Whether a person described the member, where it stands or among the attributes of its class."""
    if isinstance(member, Variable) and isinstance(member.default_value, TypeVar):
        return True
    if isinstance(member, Variable) and "description=" in member.annotation_str:  # Field of pydantic, which is shown
        return True
    if isinstance(namespace, Class) and f"        {member.name}: " in namespace.docstring.replace("\n", "\n    "):
        return True
    generated = f"{member.name}("  # a dataclass without a docstring gets its signature
    return bool(member.docstring) and not member.docstring.startswith(generated)


if __name__ == "__main__":
    main()
