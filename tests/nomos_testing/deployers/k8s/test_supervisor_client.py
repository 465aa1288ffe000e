"""The client of a pod's supervisor, with a real supervisor and streams that break."""

from __future__ import annotations

from support.processes.supervised_place import place


async def test_a_node_starts_ends_and_starts_again() -> None:
    with place() as pod:
        async with pod.client() as client:
            assert not client.running
            first = await client.start()
            assert client.running
            assert client.pid == first
            await client.end(grace=30)
            assert pod.ends == [-15]
            assert not client.running
            second = await client.start()
            assert second != first
            await client.end(grace=0)
            assert pod.ends == [-15, -9]
