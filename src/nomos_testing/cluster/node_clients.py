"""The clients of a cluster's nodes, by role and as a whole."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from random import Random
from typing import Final, TypeVar, overload

from nomos_core.mantle.transactions import SignedMantleTx
from nomos_testing.client.errors import NodeClientError, NodeRefused
from nomos_testing.client.node_client import NodeClient
from nomos_testing.cluster.interfaces import Cluster, ClusterError, Role

T = TypeVar("T")

_HAS_IT_ALREADY: Final = "Item already in mempool"
"""The node's own answer."""


class ClientPool(Sequence[NodeClient]):
    """The clients of one role, in the order of their indices."""

    def __init__(self, clients: Sequence[NodeClient]) -> None:
        self._clients = tuple(clients)

    def get(self, index: int) -> NodeClient | None:
        """Return the client of the node with this index among its role, or None."""
        return self._clients[index] if 0 <= index < len(self._clients) else None

    @overload
    def __getitem__(self, index: int) -> NodeClient: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NodeClient]: ...
    def __getitem__(self, index: int | slice) -> NodeClient | Sequence[NodeClient]:
        return self._clients[index]

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Iterator[NodeClient]:
        return iter(self._clients)


class NodeClients:
    """The HTTP clients of all nodes."""

    def __init__(self, validators: Sequence[NodeClient], executors: Sequence[NodeClient], rng: Random) -> None:
        self._validators = ClientPool(validators)
        self._executors = ClientPool(executors)
        self._rng = rng

    @classmethod
    def of(cls, cluster: Cluster, rng: Random) -> NodeClients:
        """Collect the clients of a cluster. ``rng`` draws where any client will do."""
        by_role = {role: [node.client for node in cluster.nodes if node.role is role] for role in Role}
        return cls(by_role[Role.VALIDATOR], by_role[Role.EXECUTOR], rng)

    def validators(self) -> ClientPool:
        """Return the clients of the validators."""
        return self._validators

    def executors(self) -> ClientPool:
        """Return the clients of the executors."""
        return self._executors

    def random_validator(self) -> NodeClient | None:
        """Return the client of any validator; None if there is none."""
        return self._random(self._validators)

    def random_executor(self) -> NodeClient | None:
        """Return the client of any executor; None if there is none."""
        return self._random(self._executors)

    def any_client(self) -> NodeClient:
        """Return the client of any node.

        Raises:
            ClusterError: the cluster has no nodes.
        """
        client = self._random(self.all_clients())
        if client is None:
            raise ClusterError("cluster client has no api clients")
        return client

    def all_clients(self) -> Sequence[NodeClient]:
        """Return all clients, validators first."""
        return (*self._validators, *self._executors)

    def shuffled(self, clients: Sequence[NodeClient]) -> list[NodeClient]:
        """Return the clients in random order."""
        return self._rng.sample(list(clients), len(clients))

    def _random(self, clients: Sequence[NodeClient]) -> NodeClient | None:
        return self._rng.choice(clients) if clients else None


class ClusterClient:
    """Sends a request to one node after the other until one fulfils it."""

    def __init__(self, clients: NodeClients) -> None:
        self._clients = clients

    async def try_all_clients(self, ask: Callable[[NodeClient], Awaitable[T]]) -> T:
        """Ask every node once, in random order, until one answers. Return that answer.

        Raises:
            NodeClientError: no node did it; this is the last node's error.
            ClusterError: the cluster has no nodes.
        """
        return await _first_answer(self._clients.shuffled(self._clients.all_clients()), ask)

    async def submit_transaction(self, transaction: SignedMantleTx) -> NodeClient:
        """Send a transaction through any validator, else through any executor.

        If a node has the transaction already, an earlier node took it and its answer was lost: this is a success too.

        Returns:
            The client of the node that took it.

        Raises:
            NodeClientError: no node took it; this is the last node's error.
        """

        async def submit(client: NodeClient) -> NodeClient:
            try:
                await client.submit_transaction(transaction)
            except NodeRefused as refused:
                if refused.body != _HAS_IT_ALREADY:
                    raise
            return client

        validators = self._clients.shuffled(self._clients.validators())
        executors = self._clients.shuffled(self._clients.executors())
        return await _first_answer([*validators, *executors], submit)


async def _first_answer(clients: Sequence[NodeClient], ask: Callable[[NodeClient], Awaitable[T]]) -> T:
    if not clients:
        raise ClusterError("cluster client has no api clients")
    *others, last = clients
    for client in others:
        try:
            return await ask(client)
        except NodeClientError:
            continue
    return await ask(last)
