"""Verification of dispersed blobs: a random sample is fetched and compared byte by byte with what was sent.

Each column is fetched by the blob's id through the public API of a node, but never from the executor that dispersed the
blob.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from nomos_testing.client.errors import NodeClientError
from nomos_testing.failure import Failure
from nomos_testing.runtime.interfaces import ExpectationFailed, Observation, RunContext, RunPlan
from nomos_testing.runtime.specifications import Specification
from nomos_testing.waiting.machine import Patience
from nomos_testing.workloads.blobs.events import BlobVerified

if TYPE_CHECKING:
    from nomos_core.da.shares import LightShare
    from nomos_testing.client.node_client import NodeClient
    from nomos_testing.workloads.blobs.inclusion import Dispersed

DEFAULT_SAMPLE: Final = 10
REQUEST_ROUNDS: Final = 3
REQUEST_RETRY_SLOTS: Final = 1
_CHUNK_BYTES: Final = 31
_ONE_HOLDER: Final = (
    " (with dispersal factor 1 the executor itself may be a column's only holder: take 2, or leave verify_blobs out)"
)


class Disperser(Protocol):
    """A running workload whose blobs are fetched."""

    @property
    def dispersed(self) -> Sequence[Dispersed]: ...


class BlobUnavailable(Failure):
    """The network does not return a blob, or returns other bytes. The text names the column and the nodes."""


@dataclass(frozen=True, slots=True)
class Fetched:
    node: str
    share: LightShare


@dataclass(frozen=True, slots=True)
class VerifyBlobs:
    """A sample of the run's blobs comes back as sent: ``sample`` blobs, or all if there are fewer."""

    name: ClassVar[str] = "verify_blobs"
    disperser: Specification[Disperser]
    sample: int = field(default=DEFAULT_SAMPLE, kw_only=True)

    def __post_init__(self) -> None:
        if self.sample < 1:
            raise ValueError(f"sample: expected at least one blob, got {self.sample}")

    def prepare(self, plan: RunPlan) -> None:
        """Do nothing: the workload checks everything."""

    def begin(self, ctx: RunContext) -> RunningVerifyBlobs:
        return RunningVerifyBlobs(self.name, ctx.running(self.disperser), self.sample)


class RunningVerifyBlobs:
    """Fetches a sample of one run's blobs. The run's seed selects them."""

    def __init__(self, name: str, disperser: Disperser, sample: int) -> None:
        self.name = name
        self._disperser = disperser
        self._sample = sample

    async def capture(self, ctx: RunContext) -> None:
        """Do nothing: the blobs are fetched at the end."""

    async def evaluate(self, ctx: RunContext) -> Observation:
        dispersed = self._disperser.dispersed
        if not dispersed:
            raise ExpectationFailed("no blob was dispersed: there is nothing to verify", observed=0, required=1)
        chosen = ctx.random(self.name).sample(list(dispersed), min(self._sample, len(dispersed)))
        problems = [problem for blob in chosen if (problem := await _verify(ctx, blob)) is not None]
        intact = len(chosen) - len(problems)
        if problems:
            raise ExpectationFailed(
                f"{len(problems)} of {len(chosen)} blobs could not be fetched as they were sent: {problems[0]}",
                observed=intact,
                required=len(chosen),
                evidence=problems,
            )
        return Observation(observed=intact, required=len(chosen))


async def _verify(ctx: RunContext, blob: Dispersed) -> str | None:
    """Return what is wrong with a blob, or None."""
    columns = ctx.descriptors().spec.da.num_subnets
    fetched: Sequence[Fetched] = ()
    problem = None
    try:
        fetched = await _fetch(ctx, blob, columns)
        _compare(blob, fetched, columns)
    except BlobUnavailable as error:
        problem = f"{blob}: {error}"
    sources = tuple(dict.fromkeys(item.node for item in fetched))
    ctx.journal().write(BlobVerified(blob=blob.blob.hex(), size=len(blob.data), sources=sources, problem=problem))
    return problem


async def _fetch(ctx: RunContext, blob: Dispersed, columns: int) -> Sequence[Fetched]:
    """Fetch the first half of the columns, which is the data. The other half is the extension.

    Raises:
        BlobUnavailable: no node serves one of them.
    """
    others = [client for client in ctx.node_clients().all_clients() if client.name != blob.executor]
    ctx.random(f"{VerifyBlobs.name} {blob.blob.hex()}").shuffle(others)
    alone = ctx.descriptors().spec.da.dispersal_factor == 1
    try:
        return await asyncio.gather(
            *(_fetch_column(others, blob, index, ctx.patience()) for index in range(columns // 2))
        )
    except BlobUnavailable as error:
        raise BlobUnavailable(f"{error}{_ONE_HOLDER if alone else ''}") from None


async def _fetch_column(clients: Sequence[NodeClient], blob: Dispersed, index: int, patience: Patience) -> Fetched:
    found: list[str] = []
    for attempt in range(REQUEST_ROUNDS):
        if attempt:
            await asyncio.sleep(patience.slots(REQUEST_RETRY_SLOTS))
        found = []
        for client in clients:
            try:
                share = await client.da_share(blob.blob, index)
            except NodeClientError as error:
                found.append(str(error))
            else:
                if share is not None:
                    return Fetched(client.name, share)
                found.append(f"{client.name} has no share of it")
    raise BlobUnavailable(f"column {index} cannot be fetched: {'; '.join(found) or 'there is no other node'}")


def _compare(blob: Dispersed, fetched: Sequence[Fetched], columns: int) -> None:
    from nomos_core.da.reconstruction import ReconstructionError, reconstruct_blob

    try:
        data = reconstruct_blob([item.share for item in fetched], columns, len(blob.data))
    except ReconstructionError as error:
        shown = ", ".join(f"column {index} of {item.node}" for index, item in enumerate(fetched))
        raise BlobUnavailable(f"it cannot be reconstructed from {shown}: {error}") from None
    differing = [position for position, pair in enumerate(zip(data, blob.data, strict=True)) if pair[0] != pair[1]]
    if differing:
        column = differing[0] // _CHUNK_BYTES % len(fetched)
        raise BlobUnavailable(
            f"{len(differing)} of its {len(data)} bytes are not as they were sent, the first at {differing[0]}, "
            f"in column {column} of {fetched[column].node}"
        )
