"""Documentation of public names: the rules of CONTRIBUTING.md, checked over the syntax tree.

Every public module, class, function, method, field and constant of a package has a docstring of its own. A docstring
opens with a noun or, for a function, with a verb.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

SOURCES = Path(__file__).parents[1] / "src"

DOCUMENTED_PACKAGES = ["nomos_core"]
"""Packages in which every public name has a docstring."""

PACKAGES = ["nomos_core", "nomos_node", "nomos_testing"]
"""Packages in which docstrings of functions open with a verb, and no docstring opens with "What"."""

_Documentable = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_FIELD_CLASSES = {"NamedTuple", "Enum", "IntEnum", "StrEnum", "TypedDict"}
_NOT_FIELDS = ("ClassVar", "InitVar", "KW_ONLY")
_ARTICLES = {"A", "All", "An", "Each", "Every", "If", "In", "It", "One", "That", "The", "This"}
_QUESTION_WORDS = {"How", "What", "When", "Where", "Whether", "Which", "Who", "Why"}


@pytest.mark.parametrize("package", DOCUMENTED_PACKAGES)
def test_every_public_name_is_documented(package: str) -> None:
    assert [entry for path in modules(package) for entry in undocumented(path.read_text(), path)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_of_functions_open_with_a_verb(package: str) -> None:
    assert [entry for path in modules(package) for entry in opened_without_verb(path.read_text(), path)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_docstring_opens_with_what(package: str) -> None:
    assert [entry for path in modules(package) for entry in opened_with_what(path.read_text(), path)] == []


def test_the_check_finds_each_kind_of_undocumented_name() -> None:
    source = dedent(
        '''
        @dataclass(frozen=True)
        class Documented:
            """A class."""
            first: int
            """A field."""
            second: int
            _private: int
            opcode: ClassVar = 1

            def method(self) -> None: ...
            def _private_method(self) -> None: ...
            def __len__(self) -> int: ...
            @overload
            def overloaded(self, value: int) -> int: ...

        class Kind(Enum):
            ONE = 1

        def function() -> None:
            """
            Raises:
                ValueError: a section is no summary.
            """
            def inner() -> None: ...

        class _Private:
            def method(self) -> None: ...

        LIMIT: Final = 1
        T = TypeVar("T")
        _HIDDEN = 2
        '''
    )
    found = [entry.partition(": ")[2] for entry in undocumented(source, Path("module.py"))]
    assert found == ["module", "LIMIT", "Documented.second", "Documented.method", "Kind", "Kind.ONE", "function"]


def test_the_check_finds_docstrings_of_functions_that_open_without_a_verb() -> None:
    source = dedent(
        '''
        def named() -> int:
            """The number."""
        def quoted() -> int:
            """``x`` squared."""
        def told() -> int:
            """Return the number."""
        class Point:
            @property
            def x(self) -> int:
                """The first coordinate."""
        '''
    )
    assert opened_without_verb(source, Path("m.py")) == ["m.py:2: named: The number.", "m.py:4: quoted: ``x`` squared."]


def test_the_check_finds_docstrings_that_open_with_what() -> None:
    source = '"""What it is."""\nx: int = 1\n"""What x is."""\ndef f():\n    """Whatever comes next."""\n'
    assert opened_with_what(source, Path("m.py")) == ["m.py:1: What it is.", "m.py:3: What x is."]


def modules(package: str) -> list[Path]:
    found = sorted((SOURCES / package).rglob("*.py"))
    assert found, f"no modules of {package} below {SOURCES}"
    return found


def undocumented(source: str, path: Path) -> list[str]:
    """List the public names of a module that lack a docstring with a summary, as ``file:line: name``."""
    tree = ast.parse(source)
    found = [] if ast.get_docstring(tree) else [(1, "module")]
    found += _undocumented_fields(tree.body, "")
    found += _undocumented_in(tree.body, "")
    return [f"{path.name}:{line}: {name}" for line, name in found]


def _undocumented_in(body: list[ast.stmt], prefix: str) -> Iterator[tuple[int, str]]:
    for statement in body:
        if not isinstance(statement, _Documentable) or statement.name.startswith("_") or _is_overload(statement):
            continue
        name = prefix + statement.name
        if not _has_summary(ast.get_docstring(statement)):
            yield statement.lineno, name
        if isinstance(statement, ast.ClassDef):
            if _has_fields(statement):
                yield from _undocumented_fields(statement.body, f"{name}.")
            yield from _undocumented_in(statement.body, f"{name}.")


def _undocumented_fields(body: list[ast.stmt], prefix: str) -> Iterator[tuple[int, str]]:
    for statement, following in zip(body, [*body, None][1:], strict=True):
        name = _field_name(statement)
        if name is not None and not name.startswith("_") and not _is_docstring(following):
            yield statement.lineno, prefix + name


def _field_name(statement: ast.stmt) -> str | None:
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
            return None if ast.unparse(annotation).startswith(_NOT_FIELDS) else name
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return None if ast.unparse(value).startswith("TypeVar(") else name
        case _:
            return None


def _has_fields(definition: ast.ClassDef) -> bool:
    bases = {ast.unparse(base) for base in definition.bases}
    return bool(bases & _FIELD_CLASSES) or any(
        "dataclass" in ast.unparse(decorator) for decorator in definition.decorator_list
    )


def _has_summary(docstring: str | None) -> bool:
    return docstring is not None and not docstring.startswith(("Raises:", "Args:", "Returns:"))


def _is_overload(statement: _Documentable) -> bool:
    return any(ast.unparse(decorator) == "overload" for decorator in statement.decorator_list)


def _is_docstring(statement: ast.stmt | None) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def opened_with_what(source: str, path: Path) -> list[str]:
    """List the docstrings, those of fields and constants too, whose first word is "What"."""
    strings = (
        (node.lineno, node.value.value.strip())
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )
    return [f"{path.name}:{line}: {text.splitlines()[0]}" for line, text in strings if text.split()[:1] == ["What"]]


def opened_without_verb(source: str, path: Path) -> list[str]:
    """List the functions and methods whose docstring opens with an article, a question word or code."""
    return [
        f"{path.name}:{node.lineno}: {node.name}: {docstring.splitlines()[0]}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_property(node)
        if (docstring := ast.get_docstring(node)) and _has_summary(docstring) and not _opens_with_verb(docstring)
    ]


def _opens_with_verb(docstring: str) -> bool:
    word = docstring.split(maxsplit=1)[0]
    return word.isalpha() and word.istitle() and word not in _ARTICLES | _QUESTION_WORDS


def _is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)
