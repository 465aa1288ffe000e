"""Scenarios with blobs on live nodes: had back byte for byte, and what is said of one that can't be sampled."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nomos_core.mantle.operations import ChannelBlob
from nomos_testing import ScenarioBuilder
from nomos_testing.cluster.interfaces import NodeHandle, Role
from nomos_testing.journal.events import Notice
from nomos_testing.journal.journal import JOURNAL_NAME, read_journal
from nomos_testing.runtime.interfaces import ExpectationFailed, RunContext
from nomos_testing.topology.presets import DataAvailability
from nomos_testing.workloads.blobs.events import BlobDispersed, BlobOverdue, BlobVerified
from nomos_testing.workloads.blobs.inclusion import channel_messages
from support.processes.live_network import live, reached

pytestmark = [pytest.mark.slow, pytest.mark.network]

SLOT = 0.5


async def test_blobs_come_back_from_other_nodes_than_the_executor_that_dispersed_them(
    tmp_path: Path, kzg_file: Path
) -> None:
    scenario = (
        ScenarioBuilder.topology(validators=1, executors=2)
        .slot(seconds=SLOT)
        .data_availability(channel_rate=5)
        .run_for(slots=20)
        .build()
    )
    async with live(tmp_path, scenario, NOMOS_KZGRS_PARAMS_PATH=str(kzg_file)) as runner:
        verdict = await runner.run()
    assert verdict.passed, verdict.failure
    events = [entry.event for entry in read_journal(verdict.run_directory / JOURNAL_NAME)]
    executors = {event.blob: event.node for event in events if isinstance(event, BlobDispersed)}
    verified = [event for event in events if isinstance(event, BlobVerified)]
    assert len(verified) == 10
    assert set(executors.values()) == {"executor-0", "executor-1"}
    for event in verified:
        assert event.problem is None
        assert event.sources
        assert executors[event.blob] not in event.sources


async def test_of_a_blob_whose_only_holder_is_killed_the_workload_says_which_and_why(
    tmp_path: Path, kzg_file: Path
) -> None:
    parameters = DataAvailability(dispersal_factor=1, num_samples=4, num_subnets=4, subnetwork_size=4)
    builder = ScenarioBuilder.topology(validators=2, executors=1, layout="full", data_availability=parameters)
    builder = builder.slot(seconds=SLOT).enable_node_control()
    scenario = builder.data_availability().run_for(slots=60).build()
    # Nodes wait before they sample, a quarter of this with such slots: the holder is gone by then.
    environ = {"NOMOS_KZGRS_PARAMS_PATH": str(kzg_file), "NOMOS_SDP_TRIGGER_DELAY_SECS": "20"}
    async with live(tmp_path, scenario, **environ) as runner:
        ctx = runner.context
        (workload,), (inclusion, _) = map(ctx.parts.of, scenario.workloads), map(ctx.parts.of, scenario.expectations)
        heard: list[Any] = []
        ctx.journal().listen(lambda entry: heard.append(entry.event))
        column, holder = await a_validator_that_holds_a_column_alone(ctx)
        await inclusion.capture(ctx)
        running = asyncio.create_task(workload.run(ctx))
        try:
            lost = await first(BlobDispersed, heard)
            control = ctx.node_control()
            assert control is not None
            await control.kill(holder)
            height = ctx.block_feed().canonical_chain()[-1].height
            overdue = await first(BlobOverdue, heard)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        dispersed = {event.blob for event in heard if isinstance(event, BlobDispersed)}
        assert lost.blob in dispersed
        assert overdue.blob in dispersed
        why = f"column {column} is served by none: {holder.name} does not answer"
        assert overdue.reason.startswith(why)
        assert any(f"blob {overdue.blob}" in text and why in text for text in notices(heard))
        chain = ctx.block_feed().canonical_chain()
        assert chain[-1].height > height + 8, "the chain went on"
        assert not [
            message for block in chain for message in channel_messages(block) if isinstance(message, ChannelBlob)
        ]
        with pytest.raises(ExpectationFailed, match="missing blobs: observed_total_blobs=0 ") as failed:
            await inclusion.evaluate(ctx)
        assert f"{workload.planned} were planned, {len(workload.dispersed)} dispersed, 0 are in blocks" in str(
            failed.value
        )
        assert any(lost.blob in line and why in line for line in failed.value.evidence)
        assert all("; its transaction is " in line for line in failed.value.evidence)


async def a_validator_that_holds_a_column_alone(ctx: RunContext) -> tuple[int, NodeHandle]:
    """The validator holds no other column; of four columns the executor holds at most two."""
    nodes = ctx.cluster().nodes
    names = {node.identity.peer_id: node.name for node in ctx.descriptors().nodes}
    membership = await nodes[0].client.da_get_membership(0)
    held = {column: names[peer] for column, (peer,) in membership.assignations.items()}
    for column, name in held.items():
        holder = next(node for node in nodes if node.name == name)
        if holder.role is Role.VALIDATOR and list(held.values()).count(name) == 1:
            return column, holder
    raise AssertionError(f"no validator holds a column: {membership}")


async def first(kind: type[Any], heard: list[Any]) -> Any:
    async def look() -> Any:
        return next((event for event in heard if isinstance(event, kind)), None)

    return await reached(f"a {kind.__name__}", look, patience=60)


def notices(heard: list[Any]) -> list[str]:
    return [event.text for event in heard if isinstance(event, Notice)]
