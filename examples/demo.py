"""The demo as a program: the same scenario as ``demo.yaml``, built in Python.

Run it with ``.venv/bin/python examples/demo.py``.
"""

from __future__ import annotations

import asyncio
import sys

from nomos_testing import LocalDeployer, Scenario, ScenarioBuilder


def build(*, validators: int = 1, executors: int = 1, seconds: float = 60) -> Scenario:
    return (
        ScenarioBuilder.topology(validators=validators, executors=executors, layout="star")
        .named("demo")
        .wallets(1000)
        .transactions(rate=5, users=500, once_per_account=True)
        .data_availability(blob_rate=1)
        .expect_consensus_liveness()
        .expect_no_stalls()
        .run_for(seconds=seconds)
        .build()
    )


async def main() -> int:
    async with LocalDeployer().deployed(build()) as runner:
        verdict = await runner.run()
    for judgement in verdict.judgements:
        print(f"{judgement.name}: observed {judgement.observed}, required {judgement.required}")
    print("passed" if verdict.passed else f"{verdict.outcome}: {verdict.failure}", f"({verdict.run_directory})")
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
