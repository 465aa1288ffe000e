"""Members that lie when they are sampled: no bit of an answer can be changed, and what is false is not believed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nomos_core.da.sampling_messages import (
    CommitmentsNotFound,
    SampledCommitments,
    SampledShare,
    SampleResponse,
    ShareNotFound,
    response_to_wire,
)
from nomos_core.da.shares import LightShare
from nomos_node.da.peer_failures import Exchange
from nomos_node.da.sampling_client import SampleMissing, SamplingClient
from support.processes.da_members import Member, MemoryStream, da_genesis, da_settings, encoded, identity, make_member

LIAR = identity(1).peer_id


class _Answer(MemoryStream):
    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None: ...


class _Swarm:
    """Whoever is asked gives the same answer."""

    peer_id = identity(0).peer_id

    def __init__(self) -> None:
        self.answers: Sequence[bytes] = ()
        self.failures: list[tuple[str, Exchange]] = []

    async def open_stream(self, peer: str, protocol: str) -> _Answer:
        return _Answer(self.answers, peer)

    async def record_failure(self, peer: str, exchange: Exchange, cause: Exception | None = None) -> None:
        self.failures.append((peer, exchange))


class Lab:
    """A member that keeps nothing, with a single other one to ask."""

    def __init__(self, kzg_file: Path) -> None:
        self._runner = asyncio.Runner()
        self.blob = encoded(kzg_file)
        self.other_blob = encoded(kzg_file, bytes(range(2, 33)) * 5)
        self.swarm = _Swarm()
        self._member: Member = self._runner.run(self._made(kzg_file))

    async def _made(self, kzg_file: Path) -> Member:
        member = make_member(da_genesis([40_001, 40_002]), da_settings(kzg_file))
        await member.service.sessions.follow()
        service = member.service
        self._client = SamplingClient(
            self.swarm,  # type: ignore[arg-type]
            service.kzg,
            service.store,
            da_settings(kzg_file).sampling,
            Random(0),
        )
        assert service.sessions.current is not None
        self._members = service.sessions.current
        return member

    def share(self, column: int, answer: bytes) -> LightShare:
        self.swarm.answers = [answer]
        blob = self.blob
        return self._runner.run(self._client.share(blob.blob_id, column, tuple(blob.row_commitments), self._members))

    def commitments(self, answer: bytes) -> tuple[bytes, ...]:
        self.swarm.answers = [answer]
        return self._runner.run(self._client.commitments(self.blob.blob_id, self._members))

    def close(self) -> None:
        self._runner.run(self._member.service.kzg.close())
        self._member.node.close()
        self._runner.close()


@pytest.fixture(scope="module")
def lab(kzg_file: Path) -> Iterator[Lab]:
    lab = Lab(kzg_file)
    yield lab
    lab.close()


def sampled(lab: Lab, column: int) -> bytes:
    return response_to_wire(SampledShare(lab.blob.blob_id, lab.blob.share(column).light))


@pytest.mark.parametrize("column", [0, 1])
def test_what_is_true_is_believed(lab: Lab, column: int) -> None:
    assert lab.share(column, sampled(lab, column)) == lab.blob.share(column).light
    commitments = tuple(lab.blob.row_commitments)
    assert lab.commitments(response_to_wire(SampledCommitments(commitments))) == commitments


@given(column=st.integers(0, 1), data=st.data())
@settings(max_examples=150)
def test_a_share_with_a_flipped_bit_is_not_believed(lab: Lab, column: int, data: st.DataObject) -> None:
    with pytest.raises(SampleMissing):
        lab.share(column, _flipped(sampled(lab, column), data))


@given(data=st.data())
@settings(max_examples=150)
def test_commitments_with_a_flipped_bit_are_not_believed(lab: Lab, data: st.DataObject) -> None:
    answer = response_to_wire(SampledCommitments(tuple(lab.blob.row_commitments)))
    with pytest.raises(SampleMissing):
        lab.commitments(_flipped(answer, data))


def test_the_sentence_says_who_lied_and_it_counts_against_them(lab: Lab) -> None:
    light, other = lab.blob.share(0).light, lab.other_blob.share(0).light
    lies = [
        (replace(light, column=other.column), "gave a bad share: the proof of column 0 does not hold"),
        (replace(light, combined_column_proof=other.combined_column_proof), "the proof of column 0 does not hold"),
        (lab.blob.share(1).light, "gave another share than it was asked for"),
    ]
    for share, reason in lies:
        lab.swarm.failures.clear()
        with pytest.raises(SampleMissing, match=reason) as caught:
            lab.share(0, response_to_wire(SampledShare(lab.blob.blob_id, share)))
        assert str(caught.value).startswith(f"share 0: peer {LIAR} ")
    with pytest.raises(SampleMissing, match=f"peer {LIAR} gave the commitments of another blob"):
        lab.commitments(response_to_wire(SampledCommitments(tuple(lab.other_blob.row_commitments))))
    assert set(lab.swarm.failures) == {(LIAR, Exchange.SAMPLING)}


@pytest.mark.parametrize("column", [0, 1])
def test_having_nothing_is_no_lie(lab: Lab, column: int) -> None:
    lab.swarm.failures.clear()
    answers: list[SampleResponse] = [
        ShareNotFound(lab.blob.blob_id, column, "Share not found"),
        CommitmentsNotFound(lab.blob.blob_id, "Commitments not found"),
    ]
    for answer in map(response_to_wire, answers):
        with pytest.raises(SampleMissing, match=f"peer {LIAR} has no share {column}"):
            lab.share(column, answer)
        with pytest.raises(SampleMissing, match=f"no commitments: peer {LIAR} has no commitments"):
            lab.commitments(answer)
    assert not lab.swarm.failures


def _flipped(answer: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, 8 * len(answer) - 1), label="bit")
    changed = bytearray(answer)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
