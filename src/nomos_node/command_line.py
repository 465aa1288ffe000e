"""Command line of both programs: arguments, errors and exit codes.

Exit codes: 0 for a clean end and for a valid configuration with ``--check-config``, 1 for everything that keeps a node
from starting or running, 2 for a wrong command line. Few modules are imported before the arguments are known, so that
``--help`` is fast.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from nomos_core.config import Kind, SocketAddress

PROGRAMS: Final[dict[str, Kind]] = {"nomos-node": "validator", "nomos-executor": "executor"}

PROBE_VARIABLE: Final = "NOMOS_PROBE"
_LOG_BACKENDS: Final = ("gelf", "file", "stdout", "stderr")


class _SocketAddressType(click.ParamType[Any]):
    name = "ip:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> SocketAddress:
        from nomos_core.config import socket_address

        try:
            return socket_address(value)
        except ValueError as error:
            self.fail(f"{value}: {error}", param, ctx)


def _option(name: str, help_text: str, **settings: Any) -> click.Option:
    """Make a flag that overrides a setting. Its environment variable is its name in capitals."""
    variable = name.upper().replace("-", "_")
    return click.Option([f"--{name}"], envvar=variable, show_envvar=True, help=help_text, **settings)


def _override_options() -> list[click.Parameter]:
    return [
        _option("log-backend", "Where the log goes.", type=click.Choice(_LOG_BACKENDS)),
        _option("log-addr", "The server of --log-backend gelf.", metavar="IP:PORT"),
        _option("log-dir", "The directory of --log-backend file.", metavar="DIRECTORY"),
        _option("log-path", "The prefix of the files of --log-backend file.", metavar="PREFIX"),
        _option("log-level", "The least level that is logged.", metavar="DEBUG|INFO|WARN|ERROR"),
        _option("net-host", "The address to listen on for peers.", metavar="IPv4"),
        _option("net-port", "The UDP port to listen on for peers.", metavar="PORT"),
        _option("net-node-key", "The Ed25519 secret key of the peer id.", metavar="64_HEX_DIGITS"),
        _option("net-initial-peers", "Peers to connect to.", metavar="MULTIADDR,..."),
        _option("blend-addr", "The address to listen on for Blend.", metavar="MULTIADDR"),
        _option("http-host", "The address of the HTTP API.", type=_SocketAddressType()),
        _option("http-cors-origin", "Origins that may use the HTTP API.", metavar="ORIGIN,..."),
        _option("consensus-utxo-sk", "The leader's secret key, little-endian.", metavar="32_HEX_DIGITS"),
        _option("consensus-chain-start", "When slot 0 begins.", type=int, metavar="UNIX_SECONDS"),
    ]


def _group_options(program: str) -> list[click.Parameter]:
    accepted = "Accepted for compatibility: this node always starts all of its services."
    groups = ["blend", "da"] if program == "nomos-node" else ["blend"]
    return [click.Option([f"--{group}-service-group"], is_flag=True, help=accepted) for group in groups]


def command(program: str, run: Callable[..., int]) -> click.Command:
    """Make the program as a click command that calls ``run`` with its parameters."""
    return click.Command(
        program,
        callback=run,
        help=f"Run a Logos blockchain {PROGRAMS[program]} with the configuration of a YAML file.",
        epilog="Exit codes: 0 ended by SIGTERM or SIGINT, or the checked configuration is good; 1 the node could not "
        "start, or failed; 2 wrong usage.",
        context_settings={"help_option_names": ["-h", "--help"]},
        params=[
            click.Argument(["config"], metavar="CONFIG.yaml"),
            click.Option(["--check-config"], is_flag=True, help="Check the configuration and exit."),
            *_override_options(),
            *_group_options(program),
            click.Option(
                ["-V", "--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=lambda context, _, asked: _print_version(context, program) if asked else None,
                help="Show the version and exit.",
            ),
        ],
    )


def main(program: str, arguments: Sequence[str] | None = None) -> int:
    """Run one of ``PROGRAMS`` and return its exit code."""
    from nomos_node.program import run_program

    def run(**parameters: Any) -> int:
        return run_program(program, PROGRAMS[program], **parameters)

    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        result = command(program, run).main(given, prog_name=program, standalone_mode=False)
    except click.UsageError as error:
        click.echo(f"error: {_usage_error(error)}: {error.format_message()}", err=True)
        click.echo(f"For more information, try '{program} --help'.", err=True)
        return 2
    except click.exceptions.Abort:
        return 1
    return int(result or 0)


def _usage_error(error: click.UsageError) -> str:
    """Name the kind of an error in the words of the real node."""
    if isinstance(error, click.MissingParameter):
        return "one or more required arguments were not provided"
    if isinstance(error, click.BadParameter):
        is_choice = error.param is not None and isinstance(error.param.type, click.Choice)
        return (
            "one of the values isn't valid for an argument" if is_choice else "invalid value for one of the arguments"
        )
    return "unexpected argument found"


def _print_version(context: click.Context, program: str) -> None:
    from importlib.metadata import version

    # The framework and scripts/lib/programs.sh recognise the embedded node by this mark. Without the variable the
    # answer equals that of the real node.
    mark = " (embedded node of logos-blockchain-testing)" if os.environ.get(PROBE_VARIABLE) else ""
    click.echo(f"{program} {version('logos-blockchain-testing')}{mark}")
    context.exit()
