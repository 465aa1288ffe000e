"""The deployer's question to the server: which network it has handed out."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from nomos_core.proofs.prover import Prover
from nomos_testing.cfgsync.network import network_of
from nomos_testing.cfgsync.registration import Registration
from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.cluster.roles import Role
from nomos_testing.topology import GeneratedTopology


class CfgsyncUnanswered(Exception):
    """The server can't be reached, or it has no network. The text says which."""


async def registered_network(
    config: CfgsyncConfig, url: str, *, prover: Prover, timeout: float = 600.0
) -> GeneratedTopology:
    """Wait until all hosts have announced themselves to the server at ``url``, and make the same network as the server.

    ``timeout`` is in seconds. The server's own timeout, ``config.timeout``, may end the wait earlier.

    Raises:
        CfgsyncUnanswered: the server can't be reached, or hosts were missing when its timeout had passed.
        CfgsyncInputError, ProofError: see ``network_of``.
    """
    answer = await _ask(f"{url.rstrip('/')}/network", timeout)
    hosts = [Registration.from_json(host, Role(host["kind"])) for host in answer["hosts"]]
    return await asyncio.to_thread(network_of, config, hosts, prover=prover, chain_start=answer["chain_start"])


async def _ask(url: str, timeout: float) -> Any:
    limit = aiohttp.ClientTimeout(total=timeout)
    try:
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(url) as response:
            if response.status == 200:
                return await response.json()
            text = await response.text()
            raise CfgsyncUnanswered(f"cfgsync at {url} answered {response.status} {response.reason}: {text}")
    except TimeoutError:
        raise CfgsyncUnanswered(f"cfgsync at {url} did not answer within {timeout:g} s") from None
    except aiohttp.ClientError as error:
        raise CfgsyncUnanswered(f"cfgsync at {url} can't be reached: {error}") from None
