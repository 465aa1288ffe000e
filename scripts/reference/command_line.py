"""The page about the command line, made from the click commands behind the console scripts of ``pyproject.toml``."""

from __future__ import annotations

import inspect
import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Final

import click

from nomos_node.command_line import PROGRAMS, command
from reference.markdown import GENERATED, code, link, page, sentence, table

_PROJECT: Final = Path(__file__).parents[2] / "pyproject.toml"

_INTRODUCTION: Final = f"""\
# The command line

{GENERATED}

These are the programs of an installation. In a checkout they are in `.venv/bin`. Each command also takes `--help`.
[operations.md](operations.md) describes the scripts of the repository, such as `scripts/run-examples.sh`, and the
environment variables that the programs read."""


def command_line_page() -> str:
    """Write ``docs/command-line.md``."""
    commands = dict(_all_commands())
    overview = table(
        ("Command", "What it does"), ((link(code(name), name), _first(each)) for name, each in commands.items())
    )
    return page(_INTRODUCTION, overview, *(_section(name, each) for name, each in commands.items()))


def _all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every program and subcommand, each with its full name."""
    scripts: Mapping[str, str] = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["scripts"]
    for name, value in sorted(scripts.items()):
        yield from _with_subcommands(name, _loaded(EntryPoint(name, value, "console_scripts")))


def _loaded(script: EntryPoint) -> click.Command:
    """The click command that a console script runs."""
    if script.name in PROGRAMS:  # the nodes make theirs when they start, because both share it
        return command(script.name, lambda **_: 0)
    program = script.load()
    if isinstance(program, click.Command):
        return program
    (group,) = (each for each in program.__globals__.values() if isinstance(each, click.Group))
    return group


def _with_subcommands(name: str, program: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield name, program
    subcommands = program.commands if isinstance(program, click.Group) else {}
    for subcommand, each in sorted(subcommands.items()):
        yield from _with_subcommands(f"{name} {subcommand}", each)


def _section(name: str, program: click.Command) -> str:
    context = click.Context(program, info_name=name)
    usage = " ".join([name, *program.collect_usage_pieces(context)])
    options = [each for each in program.params if isinstance(each, click.Option) and not each.hidden]
    rows = [(_names(each), _default(each, context), _meaning(each)) for each in options]
    return page(
        f"## {name}",
        f"```text\n{usage}\n```",
        _paragraphs(program.help),
        table(("Option", "Default", "Meaning"), rows) if rows else "",
        _paragraphs(program.epilog),
    ).rstrip("\n")


def _names(option: click.Option) -> str:
    value = "" if option.is_flag or option.count else f" {option.make_metavar(click.Context(click.Command('')))}"
    return code(", ".join(option.opts) + value)


def _default(option: click.Option, context: click.Context) -> str:
    if option.required:
        return "required"
    default = option.get_default(context)
    return code(str(default)) if option.show_default and default is not None else ""


def _meaning(option: click.Option) -> str:
    variable = f" Variable: {code(str(option.envvar))}." if option.envvar else ""
    return sentence(option.help or "") + variable


def _paragraphs(text: str | None) -> str:
    return inspect.cleandoc(text or "").replace("\b", "")


def _first(program: click.Command) -> str:
    """The first sentence of the command's help."""
    first, _, _ = _paragraphs(program.help).partition("\n\n")
    return sentence(re.split(r"(?<=\.)\s", first.replace("\n", " "))[0])
