"""``cfgsync-client``: announces this host to the cfgsync server and saves the configuration that it gets.

CFG_* variables say everything. Exit codes: 0 saved, 1 anything else, with one line ``Error: ...``.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import click

_ANSWER_SECONDS: Final = 3600.0
"""Longer than the server lets a host wait: the server decides."""
_STARTING_SECONDS: Final = 2.0
_STARTING_POLL: Final = 0.05
_VARIABLES: Final = {
    "CFG_FILE_PATH": "where to save the configuration (config.yaml)",
    "CFG_SERVER_ADDR": "the server (http://127.0.0.1:4400, or the port of NOMOS_CFGSYNC_PORT)",
    "CFG_HOST_IP": "this host's IPv4 address (127.0.0.1)",
    "CFG_HOST_IDENTIFIER": "its name, like validator-0 (unidentified-node)",
    "CFG_HOST_KIND": "validator, or executor (validator)",
    "CFG_NETWORK_PORT, CFG_DA_PORT, CFG_BLEND_PORT, CFG_API_PORT, CFG_TESTING_HTTP_PORT": "its ports",
}


class ClientError(Exception):
    """There is no configuration. The text says why."""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Variables: "
    + "; ".join(f"{name}: {meaning}" for name, meaning in _VARIABLES.items())
    + ". Exit codes: 0 saved; 1 not saved, for the reason printed; 2 wrong usage.",
)
def main() -> None:
    """Announce this host to the cfgsync server and save the configuration that it gets."""
    try:
        file = fetch_configuration(os.environ)
    except ClientError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    print(f"Config saved to {file}")


def fetch_configuration(environ: Mapping[str, str]) -> Path:
    """Announce the host, wait for its configuration and save it; return the file.

    Raises:
        ClientError: with one line to print.
    """
    file = Path(environ.get("CFG_FILE_PATH", "config.yaml"))
    kind = "executor" if environ.get("CFG_HOST_KIND", "validator").lower() == "executor" else "validator"
    server = environ.get("CFG_SERVER_ADDR") or f"http://127.0.0.1:{environ.get('NOMOS_CFGSYNC_PORT') or 4400}"
    body = _announce(f"{server.rstrip('/')}/{kind}", _announcement(environ))
    try:
        _save(_configuration_yaml(body, kind), file)
    except OSError as error:
        raise ClientError(f"Failed to save config to {file}: {error.strerror}") from None
    return file


def _announcement(environ: Mapping[str, str]) -> dict[str, Any]:
    ports = ("network_port", "da_port", "blend_port", "api_port", "testing_http_port")
    return {
        "ip": _own_ip(environ),
        "identifier": environ.get("CFG_HOST_IDENTIFIER") or "unidentified-node",
        **{name: _port(environ, f"CFG_{name.upper()}") for name in ports},
    }


def _own_ip(environ: Mapping[str, str]) -> str:
    import ipaddress

    try:
        return str(ipaddress.IPv4Address(environ.get("CFG_HOST_IP", "127.0.0.1")))
    except ValueError:
        print("Invalid IP format, defaulting to 127.0.0.1", file=sys.stderr)
        return "127.0.0.1"


def _port(environ: Mapping[str, str], variable: str) -> int | None:
    text = environ.get(variable, "").strip()
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise ClientError(f"{variable}={text!r} is not a port: expected a number from 1 to 65535") from None


def _announce(url: str, announcement: Mapping[str, Any]) -> str:
    try:
        request = urllib.request.Request(
            url, data=json.dumps(announcement).encode(), headers={"Content-Type": "application/json"}, method="POST"
        )
        # Hosts of a test network are never behind a proxy, even if the environment names one.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with _opened(opener, request) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        raise ClientError(f"Server error: {error.code} {error.reason}{': ' if text else ''}{text}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ClientError(f"Failed to send IP announcement: {url}: {reason}") from None


def _opened(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> Any:
    """Open the request. Try again while nobody listens: the server may start at the same time as this program."""
    deadline = time.monotonic() + _STARTING_SECONDS
    while True:
        try:
            return opener.open(request, timeout=_ANSWER_SECONDS)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > deadline:
                raise
        time.sleep(_STARTING_POLL)


def _configuration_yaml(body: str, kind: str) -> str:
    """Return the text of the node's file, without the members of DA subnetworks: no node reads them."""
    from nomos_core.config import ConfigError, dump_config, load_config_json

    try:
        return dump_config(load_config_json(body, source="the server's answer", kind=kind))  # type: ignore[arg-type]
    except ConfigError as error:
        raise ClientError(f"Failed to deserialize body: {error}") from None


def _save(text: str, file: Path) -> None:
    """Write the file as a whole or not at all: a container that is killed meanwhile must not start from half of it."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.absolute().parent, delete=False) as fresh:
        try:
            fresh.write(text)
            fresh.flush()
            os.replace(fresh.name, file)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh.name)
            raise


if __name__ == "__main__":
    main()
