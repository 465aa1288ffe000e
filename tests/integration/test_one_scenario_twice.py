"""One scenario on two live networks at the same time in one process: both verdicts and all numbers are right."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nomos_testing import ScenarioBuilder
from nomos_testing.faults import slots
from nomos_testing.faults.vocabulary import Pause
from nomos_testing.journal.events import ExpectationJudged
from nomos_testing.journal.journal import JOURNAL_NAME, read_journal
from nomos_testing.outcome import Verdict
from nomos_testing.workloads.blobs.events import BlobDispersed, BlobsFinished, BlobsJudged, BlobVerified
from nomos_testing.workloads.transactions.events import TransactionSent, TransactionsFinished, TransactionsJudged
from support.processes.live_network import live

pytestmark = [pytest.mark.slow, pytest.mark.network]

SLOT = 0.5
JUDGED = {
    "tx_inclusion_expectation",
    "da_workload_inclusions",
    "verify_blobs",
    "consensus_liveness",
    "no_conflicting_lib",
    "recovers_from_faults",
    "inclusions_stay",
    "answers outside of faults",
}


async def test_two_runs_of_one_scenario_count_for_themselves(tmp_path: Path, kzg_file: Path) -> None:
    scenario = (
        ScenarioBuilder.topology(validators=1, executors=1)
        .slot(seconds=SLOT)
        .wallets(20)
        .transactions(rate=1)
        .data_availability()
        .enable_node_control()
        .fault(Pause("validator-0"), at=slots(8), lasting=slots(2))
        .expect_consensus_liveness()
        .expect_no_conflicting_lib()
        .expect_recovery()
        .expect_inclusions_stay()
        .always("answers outside of faults", lambda view: bool(view.history.tips), outside_faults=True)
        .run_for(slots=24)
        .seed(11)
        .build()
    )

    async def one(name: str) -> Verdict:
        (tmp_path / name).mkdir()
        async with live(tmp_path / name, scenario, NOMOS_KZGRS_PARAMS_PATH=str(kzg_file)) as runner:
            return await runner.run()

    for verdict in await asyncio.gather(one("a"), one("b")):
        assert verdict.passed, verdict.failure
        assert {judgement.name for judgement in verdict.judgements} == JUDGED
        check_numbers([entry.event for entry in read_journal(verdict.run_directory / JOURNAL_NAME)])


def check_numbers(events: list[Any]) -> None:
    """What a run says at its end is what its own journal has."""

    def of(kind: type) -> list[Any]:
        return [event for event in events if isinstance(event, kind)]

    (finished,), (judged,) = of(TransactionsFinished), of(TransactionsJudged)
    assert finished.sent == len(of(TransactionSent)) == judged.sent > 0
    (finished,), (judged,) = of(BlobsFinished), of(BlobsJudged)
    assert finished.dispersed == len(of(BlobDispersed)) == judged.dispersed > 0
    assert {event.blob for event in of(BlobVerified)} <= {event.blob for event in of(BlobDispersed)}
    assert {event.expectation for event in of(ExpectationJudged)} == JUDGED
