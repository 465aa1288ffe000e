"""Members over real sockets: blobs dispersed, replicated, sampled and published; peers lost, blocked and dialled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nomos_core.da.encoding import EncodingError
from nomos_core.da.reconstruction import reconstruct_blob
from nomos_core.identifiers import ROOT_MSG_ID, BlobId
from nomos_core.mantle.operations import ChannelBlob
from nomos_node.da.dispersal import BlobMessage, DispersalFailed
from nomos_node.da.sampling_client import SampleMissing
from nomos_node.network.errors import PeerUnreachable
from support.inputs.chain_making import reached
from support.processes.da_members import CHANNEL, DATA, Member, announcement, da_settings, encoded, identity, members

MESSAGE = BlobMessage(CHANNEL, ROOT_MSG_ID, DATA)


async def disperse(member: Member, message: BlobMessage = MESSAGE) -> BlobId:
    assert member.service.dispersal is not None
    return await member.service.dispersal.disperse(message)


def all_hold(blob: BlobId, holders: list[Member]) -> Callable[[], bool]:
    return lambda: all(blob in member.service.sampler.validated_blobs() for member in holders)


async def test_a_dispersed_blob_is_held_published_and_sampled_by_all(kzg_file: Path) -> None:
    async with members(3, da_settings(kzg_file, factor=3)) as nodes:
        blob = await disperse(nodes[0])
        await reached("all members to sample the blob", all_hold(blob, nodes))
        for member in nodes:
            (transaction,) = member.pending
            (operation,) = transaction.mantle_tx.operations
            assert isinstance(operation, ChannelBlob)
            assert (operation.blob, operation.blob_size, operation.session) == (blob, len(DATA), 0)
            shares = [await member.service.store.share(blob, column) for column in (0, 1)]
            assert reconstruct_blob([share for share in shares if share], 2, len(DATA)) == DATA


async def test_each_member_holds_the_columns_of_its_subnetworks(kzg_file: Path) -> None:
    async with members(3, da_settings(kzg_file, columns=4, factor=1)) as nodes:
        blob = await disperse(nodes[0])
        await reached("all members to sample the blob", all_hold(blob, nodes))
        current = nodes[0].service.sessions.current
        assert current is not None
        for member in nodes:
            assert await member.service.store.columns(blob) == list(current.subnetworks_of(member.peer_id))


async def test_more_columns_than_fit_a_thread(kzg_file_of_64: Path) -> None:
    async with members(2, da_settings(kzg_file_of_64, columns=64, factor=2)) as nodes:
        blob = await disperse(nodes[0])
        await reached("both members to sample the blob", all_hold(blob, nodes))
        assert await nodes[1].service.store.columns(blob) == list(range(64))


async def test_a_blob_whose_holder_is_gone_is_not_sampled(kzg_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = da_settings(kzg_file, columns=4, factor=1)
    settings = replace(settings, sampling=replace(settings.sampling, delay=0.5))
    async with members(3, settings) as nodes:
        holder = holder_of(1, nodes)
        executor, other = (member for member in nodes if member is not holder)
        await other.service.swarm.block(holder.peer_id)
        blob = await disperse(executor)
        await executor.service.swarm.block(holder.peer_id)
        given_up = f"blob_id {blob.hex()} could not be sampled and is given up"
        # The holder may be the third: it samples the other columns from those who hang up on it.
        await reached("two members to give the blob up", lambda: caplog.text.count(given_up) >= 2)
        for member in (executor, other):
            assert not await member.service.sampler.sample_now({blob: 0})
            assert blob not in member.service.sampler.validated_blobs()
        assert f"share 1: peer {holder.peer_id} is blocked" in caplog.text


async def test_a_blob_whose_holder_is_gone_is_not_dispersed(kzg_file: Path) -> None:
    """The executor holds the other column."""
    async with members(2, da_settings(kzg_file, factor=1)) as nodes:
        holder, executor = holder_of(0, nodes), holder_of(1, nodes)
        await executor.service.swarm.block(holder.peer_id)
        with pytest.raises(DispersalFailed, match=r"no member took columns \[0\]: peer .* is blocked"):
            await disperse(executor)
        assert not executor.pending


def holder_of(column: int, nodes: list[Member]) -> Member:
    """The single member of a subnetwork. Of three members the middle one holds one of four columns, number 1."""
    current = nodes[0].service.sessions.current
    assert current is not None
    (peer,) = current.members_of(column)
    return next(member for member in nodes if member.peer_id == peer)


async def test_one_good_sample_is_enough_where_no_more_is_asked(kzg_file: Path) -> None:
    """Each member asks both subnetworks; one of the two columns is withheld."""
    settings = da_settings(kzg_file, factor=1)
    settings = replace(settings, sampling=replace(settings.sampling, samples=1, delay=0.5))
    async with members(3, settings, outsiders=1) as nodes:
        holder = holder_of(0, nodes)
        outsider = nodes[-1]
        blob = await disperse(nodes[0])
        await outsider.service.swarm.block(holder.peer_id)
        await reached("the outsider to sample the blob", all_hold(blob, [outsider]))


async def test_a_session_with_fewer_subnetworks_than_samples_has_nothing_to_sample(kzg_file: Path) -> None:
    settings = da_settings(kzg_file, columns=4, subnetworks=2)
    async with members(2, settings) as (one, other):
        blob = encoded(kzg_file, columns=4)
        await other.service.verifier.take_share(blob.blob_id, blob.share(0))
        await other.service.verifier.take_share(blob.blob_id, blob.share(1))
        assert not await one.service.sampler.sample_now({blob.blob_id: 0})


async def test_with_more_subnetworks_than_columns_no_blob_is_sampled(
    kzg_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The original's parameters for three nodes: a node that draws subnetwork 2 asks for a share that no blob has."""
    settings = da_settings(kzg_file, subnetworks=3, factor=2)
    settings = replace(settings, sampling=replace(settings.sampling, samples=1, validity=60))
    async with members(3, settings) as nodes:
        blob = await disperse(nodes[0])
        given_up = f"blob_id {blob.hex()} could not be sampled and is given up: share 2: Share not found"
        await reached("all members to give the blob up at once", lambda: caplog.text.count(given_up) == 3)
        for member in nodes:
            assert blob not in member.service.sampler.validated_blobs()
            assert not await member.service.sampler.sample_now({blob: 0})


async def test_an_announced_blob_that_nobody_has_is_given_up(kzg_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with members(2, da_settings(kzg_file)) as (one, other):
        blob = encoded(kzg_file).blob_id
        await other.node.transactions.submit(announcement(blob))
        await reached("both members to give the blob up", lambda: caplog.text.count("is given up") == 2)
        for member in (one, other):
            assert blob not in member.service.sampler.validated_blobs()
            assert not await member.service.sampler.sample_now({blob: 0})
            with pytest.raises(SampleMissing, match="has no commitments"):
                await member.service.sampler.commitments(blob, 0)
        with pytest.raises(SampleMissing, match="session 7"):
            await one.service.sampler.commitments(blob, 7)


async def test_a_node_that_has_nothing_samples_the_past_from_the_others(kzg_file: Path) -> None:
    async with members(3, da_settings(kzg_file, factor=1), outsiders=1) as nodes:
        outsider = nodes[-1]
        blob = await disperse(nodes[0])
        assert not await outsider.service.store.columns(blob)
        outsider.service.sampler.mark_in_block({blob})
        assert await outsider.service.sampler.sample_now({blob: 0})
        assert blob in outsider.service.sampler.validated_blobs()
        commitments = await outsider.service.sampler.commitments(blob, 0)
        assert commitments == await nodes[0].service.store.commitments(blob)


async def test_a_member_that_comes_late_is_dispersed_to(kzg_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Peers are dialled when they are needed, and tried again after a cool-down."""
    settings = da_settings(kzg_file)
    settings = replace(settings, dispersal=settings.dispersal and replace(settings.dispersal, retries=20))
    async with members(2, settings) as (executor, late):
        await executor.service.swarm.block(late.peer_id)
        dispersing = asyncio.create_task(disperse(executor))
        await reached("the first attempt to fail", lambda: "Retrying dispersal" in caplog.text)
        assert not executor.service.swarm.failures.rates()
        assert executor.service.swarm.unblock(late.peer_id)
        blob = await dispersing
        assert await late.service.store.columns(blob) == [0, 1]


async def test_what_can_not_be_dispersed_is_refused(kzg_file: Path) -> None:
    async with members(2, da_settings(kzg_file)) as (executor, _):
        for data, reason in ((b"", "0 bytes"), (bytes(31), "all zeros"), (b"x" * 30, "multiple of 31")):
            with pytest.raises(EncodingError, match=reason):
                await disperse(executor, replace(MESSAGE, data=data))
        assert not executor.pending


async def test_a_session_without_enough_providers_disperses_nothing(kzg_file: Path) -> None:
    settings = da_settings(kzg_file)
    settings = replace(settings, membership=replace(settings.membership, min_members=3))
    async with members(2, settings) as (executor, _):
        with pytest.raises(DispersalFailed, match="too few data availability providers"):
            await disperse(executor)


async def test_a_session_with_fewer_subnetworks_than_columns_disperses_nothing(kzg_file: Path) -> None:
    async with members(2, da_settings(kzg_file, columns=4, subnetworks=2)) as (executor, _):
        with pytest.raises(DispersalFailed, match="4 columns, the session 2 subnetworks"):
            await disperse(executor)


async def test_blocked_peers_are_hung_up_on_and_not_dialled(kzg_file: Path) -> None:
    async with members(2, da_settings(kzg_file)) as (one, other):
        await one.service.swarm.connect(other.peer_id)
        await reached("both to be connected", lambda: one.peer_id in other.service.swarm.connected)
        assert await one.service.swarm.block(other.peer_id)
        assert not await one.service.swarm.block(other.peer_id)
        assert one.service.swarm.blocked == {other.peer_id}
        await reached("the connection to be closed", lambda: not other.service.swarm.connected)
        with pytest.raises(PeerUnreachable, match="blocked"):
            await one.service.swarm.connect(other.peer_id)
        await other.service.swarm.connect(one.peer_id)
        await reached("the blocked peer to be sent away", lambda: not one.service.swarm.connected)
        assert one.service.swarm.unblock(other.peer_id)
        assert not one.service.swarm.unblock(other.peer_id)
        await one.service.swarm.connect(other.peer_id)


async def test_strangers_have_no_address(kzg_file: Path) -> None:
    async with members(1, da_settings(kzg_file, factor=1)) as (member,):
        with pytest.raises(PeerUnreachable, match="no session knows the address"):
            await member.service.swarm.connect(identity(9).peer_id)


async def test_the_balancer_connects_to_every_subnetwork(kzg_file: Path) -> None:
    settings = da_settings(kzg_file)
    wanted = replace(settings.connections, min_dispersal_peers=1, min_replication_peers=1, interval=0.1)
    async with members(2, replace(settings, connections=wanted)) as nodes:
        for member in nodes:
            await reached("both subnetworks to have a connection", lambda m=member: len(connections_of(m)) == 2)  # type: ignore[misc]
            assert all(number.inbound + number.outbound == 1 for number in connections_of(member).values())
            assert not member.service.balancer.missing_peers()


def connections_of(member: Member) -> dict[int, object]:
    return dict(member.service.balancer.connections())
