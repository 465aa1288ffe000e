"""Program ``nomos-cli``: publishes blobs through an executor, and reconstructs blobs from shares.

Exit codes: 0 for success, 1 for a failure (with a message), 2 for a wrong command line. Few modules are imported before
the arguments are known, so that ``--help`` is fast.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

_EXIT_CODES = "Exit codes: 0 done; 1 not done, for the reason printed; 2 wrong usage."


@click.group("nomos-cli", context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Publish blobs, and reconstruct them from shares."""


@cli.command(epilog=_EXIT_CODES)
@click.option("-c", "--channel-id", required=True, metavar="HEX", help="The channel: 64 hex digits.")
@click.option("-p", "--parent-msg-id", required=True, metavar="HEX", help="The channel's last message; zeros for none.")
@click.option("-s", "--signer", required=True, metavar="HEX", help="An Ed25519 public key.")
@click.option("-d", "--data", metavar="TEXT", help="The text to publish.")
@click.option("-f", "--file", type=click.Path(path_type=Path), metavar="PATH", help="The file to publish.")
@click.option("--addr", required=True, metavar="URL", help="The executor, like http://127.0.0.1:18080.")
@click.option("--username", help="For executors behind a proxy that asks for it.")
@click.option("--password", help="Goes with --username.")
def disseminate(
    *,
    channel_id: str,
    parent_msg_id: str,
    signer: str,
    data: str | None,
    file: Path | None,
    addr: str,
    username: str | None,
    password: str | None,
) -> None:
    """Have an executor encode and disperse data as a blob. Zeros are appended up to whole chunks of 31 bytes."""
    from nomos_node.blob_publishing import Executor, PublishingFailed, blob_request, disperse

    try:
        request = blob_request(channel_id, parent_msg_id, signer, _given(data, file, "--data"))
        blob = disperse(Executor(addr, username, password), request)
    except (PublishingFailed, OSError) as error:
        _fail(error)
    click.echo(f"Data successfully disseminated. blob_id: {blob.hex()}")


@cli.command(epilog=_EXIT_CODES)
@click.option("-a", "--app-shares", metavar="JSON", help="[[index, [share, ...]], ...], an index as a list of 8 bytes.")
@click.option("-f", "--file", type=click.Path(path_type=Path), metavar="PATH", help="A file that holds the same.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="PATH", help="Where to write the bytes.")
def reconstruct(*, app_shares: str | None, file: Path | None, output: Path | None) -> None:
    """Reconstruct data from the first half of a blob's shares."""
    from nomos_core.da.reconstruction import ReconstructionError
    from nomos_core.da.reconstruction import reconstruct as reconstructed
    from nomos_node.blob_publishing import shares_from_text

    try:
        shares = shares_from_text(_given(app_shares, file, "--app-shares"))
        data = reconstructed(share.light for share in shares)
        if output is not None:
            output.write_bytes(data)
    except (ReconstructionError, ValueError, OSError) as error:
        _fail(error)
    click.echo(f"Reconstructed data {list(data)}" if output is None else f"{len(data)} bytes written to {output}")


def main() -> None:
    try:
        cli(prog_name="nomos-cli")
    except BrokenPipeError:
        sys.exit(1)


def _given(text: str | None, file: Path | None, option: str) -> bytes:
    if (text is None) == (file is None):
        raise click.UsageError(f"give either {option} or --file")
    return text.encode() if text is not None else (file or Path()).read_bytes()


def _fail(error: Exception) -> None:
    text = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
    click.echo(f"Error: {text}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
