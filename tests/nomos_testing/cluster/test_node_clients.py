"""Choosing among the clients of a cluster, and asking one after the other until one does it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from nomos_testing.client import NodeClient, NodeUnreachable
from nomos_testing.cluster.interfaces import ClusterError
from nomos_testing.cluster.node_clients import ClusterClient, NodeClients
from nomos_testing.cluster.roles import Role


@dataclass
class Node:
    role: Role
    client: NodeClient


@dataclass
class Network:
    nodes: Sequence[Any]


def clients(validators: int, executors: int, *, seed: int = 1) -> NodeClients:
    nodes = [Node(Role.VALIDATOR, NodeClient(f"validator-{index}", "http://node")) for index in range(validators)]
    nodes += [Node(Role.EXECUTOR, NodeClient(f"executor-{index}", "http://node")) for index in range(executors)]
    network: Any = Network(nodes)
    return NodeClients.of(network, random.Random(seed))


async def name_of(client: NodeClient) -> str:
    return client.name


def test_clients_are_found_by_role_and_index() -> None:
    made = clients(2, 1)
    assert [client.name for client in made.all_clients()] == ["validator-0", "validator-1", "executor-0"]
    assert made.executors()[0].name == "executor-0"
    assert [client.name for client in made.validators()[:1]] == ["validator-0"]
    first = made.validators().get(0)
    assert first is not None
    assert first.name == "validator-0"
    assert made.validators().get(2) is None
    assert made.validators().get(-1) is None


def test_random_clients_are_of_the_asked_role() -> None:
    made = clients(3, 1)
    assert {made.random_validator() for _ in range(50)} == set(made.validators())
    assert made.random_executor() is made.executors()[0]
    assert {made.any_client() for _ in range(80)} == set(made.all_clients())
    assert clients(1, 0).random_executor() is None


async def test_every_node_is_tried_once_until_one_answers() -> None:
    made, tried = clients(2, 2), list[str]()

    async def only_the_third(client: NodeClient) -> str:
        tried.append(client.name)
        if len(tried) < 3:
            raise NodeUnreachable(client.name, "GET /", "down")
        return client.name

    assert await ClusterClient(made).try_all_clients(only_the_third) == tried[-1]
    assert len(set(tried)) == 3


async def test_the_last_error_is_raised_where_all_fail() -> None:
    tried: list[str] = []

    async def down(client: NodeClient) -> str:
        tried.append(client.name)
        raise NodeUnreachable(client.name, "GET /", "down")

    with pytest.raises(NodeUnreachable) as caught:
        await ClusterClient(clients(2, 1)).try_all_clients(down)
    assert caught.value.node == tried[-1]
    assert sorted(tried) == ["executor-0", "validator-0", "validator-1"]


async def test_a_cluster_without_nodes_says_so() -> None:
    with pytest.raises(ClusterError, match="cluster client has no api clients"):
        await ClusterClient(clients(0, 0)).try_all_clients(name_of)
    with pytest.raises(ClusterError, match="cluster client has no api clients"):
        clients(0, 0).any_client()


async def test_transactions_go_to_validators_first(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    async def submit(self: NodeClient, transaction: object) -> None:
        tried.append(self.name)
        if self.name.startswith("validator"):
            raise NodeUnreachable(self.name, "POST /mempool/add/tx", "down")

    monkeypatch.setattr(NodeClient, "submit_transaction", submit)
    transaction: Any = object()
    taken_by = await ClusterClient(clients(2, 2)).submit_transaction(transaction)
    assert taken_by.name.startswith("executor")
    assert sorted(tried[:2]) == ["validator-0", "validator-1"]
    assert len(tried) == 3
