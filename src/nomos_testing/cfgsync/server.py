"""``cfgsync-server CONFIG.yaml``: waits for the hosts of a network and gives each its configuration.

Exit codes: 0 ended by SIGTERM or SIGINT, 1 a file or port that can't be used, 2 wrong usage.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from aiohttp import web

    from nomos_testing.cfgsync.registry import Registry
    from nomos_testing.cfgsync.settings import CfgsyncConfig


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ended by SIGTERM or SIGINT; 1 it cannot start; 2 wrong usage.",
)
@click.argument("config", metavar="CONFIG.yaml")
def main(config: str) -> None:
    """Hand out configurations to the nodes of one network."""
    from nomos_core.config import ConfigError
    from nomos_core.proofs.selection import ProverUnavailable
    from nomos_testing.cfgsync.settings import CfgsyncConfig

    try:
        loaded = CfgsyncConfig.load(Path(config).read_text(encoding="utf-8"), source=config)
        asyncio.run(_serve(loaded))
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(_reading_failure(config, error))
    except ConfigError as error:
        sys.exit(f"Failed to parse config file: {error}")
    except (_BindError, ProverUnavailable) as error:
        sys.exit(f"Error: {error}")


class _BindError(Exception):
    """The server can't listen on the port."""


def _reading_failure(config: str, error: OSError | UnicodeDecodeError) -> str:
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
    return f"Failed to read config file: {config}: {reason}"


def _say(line: str) -> None:
    print(line, flush=True)


async def _serve(config: CfgsyncConfig) -> None:
    from aiohttp import web

    from nomos_testing.cfgsync.network import network_of, prover_of
    from nomos_testing.cfgsync.registry import Registry

    make = partial(network_of, config, prover=prover_of(config))
    runner = web.AppRunner(
        application(Registry(config.n_hosts, config.timeout, make, _say)), access_log=None, handler_cancellation=True
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "0.0.0.0", config.port).start()
    except OSError as error:
        raise _BindError(f"can't listen on 0.0.0.0:{config.port}: {error.strerror}") from None
    _say(f"Server running on http://0.0.0.0:{config.port}")
    await _told_to_stop()
    await runner.cleanup()


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def application(registry: Registry) -> web.Application:
    from aiohttp import web

    from nomos_testing.cluster.roles import Role

    app = web.Application()
    app.add_routes(
        [
            web.post("/validator", partial(_configure, registry, Role.VALIDATOR)),
            web.post("/executor", partial(_configure, registry, Role.EXECUTOR)),
            web.get("/network", partial(_describe, registry)),
        ]
    )
    return app


async def _configure(registry: Registry, role: Any, request: web.Request) -> web.Response:
    from aiohttp import web

    from nomos_testing.cfgsync.network import configuration_json
    from nomos_testing.cfgsync.registration import Registration, RegistrationError

    try:
        host = Registration.from_json(json.loads(await request.read()), role)
    except RegistrationError as error:
        return web.Response(status=422, text=str(error))
    except ValueError as error:
        return web.Response(status=400, text=f"expected a JSON object: {error}")
    outcome = await _outcome(registry.configuration(host))
    return outcome if isinstance(outcome, web.Response) else web.json_response(configuration_json(*outcome))


async def _describe(registry: Registry, _: web.Request) -> web.Response:
    from aiohttp import web

    network = await _outcome(registry.network())
    if isinstance(network, web.Response):
        return network
    hosts = [{"kind": str(host.role), **host.to_json()} for host in registry.hosts]
    return web.json_response({"hosts": hosts, "chain_start": network.chain_start.unix_seconds})


async def _outcome(answer: Any) -> Any:
    """Return the awaited answer, or the response that says why there is none."""
    from aiohttp import web

    from nomos_core.proofs.prover import ProofError
    from nomos_testing.cfgsync.registry import NotAllAnnounced, UnknownHostError

    try:
        return await answer
    except NotAllAnnounced:
        return web.Response(status=408)
    except UnknownHostError as error:
        return web.Response(status=409, text=str(error))
    except (ValueError, ProofError) as error:
        return web.Response(status=500, text=str(error))


if __name__ == "__main__":
    main()
