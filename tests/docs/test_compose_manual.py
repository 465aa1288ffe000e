"""Every command that the manual tells to run for containers is run by a test, which is named here."""

from __future__ import annotations

import re

from support.repository.repository_copy import REPOSITORY

RUNNER = "tests/integration/test_compose_runner.py"
IMAGE = "tests/scripts/test_image.py::test_the_manuals_commands_make_the_image"
PRESERVED = f"{RUNNER}::test_a_preserved_stack_stays_and_is_taken_down_by_hand"
DEMO = f"{RUNNER}::test_a_demo_passes_is_seen_while_it_runs_and_leaves_nothing"
RUN_BY = {
    "scripts/build-bundle.sh --platform linux": IMAGE,
    "export NOMOS_BINARIES_TAR=.tmp/nomos-binaries-linux-v0.3.1.tar.gz": IMAGE,
    "testing-framework/assets/stack/scripts/build_test_image.sh": IMAGE,
    # The runs are shorter and smaller there.
    "NOMOS_TESTNET_IMAGE=logos-blockchain-testing:local COMPOSE_NODE_PAIRS=3x2 .venv/bin/compose_runner": DEMO,
    ".venv/bin/nomos-testing run examples/demo.yaml --on compose": f"{RUNNER}::test_a_scenario_file_runs_in_containers",
    'docker ps --filter "name=nomos-compose-"': DEMO,
    # Without -f, which would wait for the container's end.
    'docker logs -f $(docker ps --filter "name=nomos-compose-.*-validator-0" -q | head -1)': DEMO,
    "docker compose -f <workspace>/compose.generated.yml -p nomos-compose-<uuid> restart validator-0": PRESERVED,
    "docker compose -f <workspace>/compose.generated.yml -p nomos-compose-<uuid> down --volumes": PRESERVED,
    "docker cp <container>:/logs .": PRESERVED,
}


def commands() -> set[str]:
    section = (
        (REPOSITORY / "docs/operations.md").read_text().partition("\n### In containers\n")[2].partition("\n### ")[0]
    )
    pages = section + (REPOSITORY / "docs/images.md").read_text()
    blocks = "".join(re.findall(r"```bash\n(.*?)```", pages, re.DOTALL))
    return {*blocks.splitlines(), *re.findall(r"`(docker cp [^`]+\.)`", section)}


def test_every_command_is_run_by_a_test() -> None:
    assert commands() == set(RUN_BY)
    for test in RUN_BY.values():
        file, _, name = test.partition("::")
        assert f"def {name}(" in (REPOSITORY / file).read_text(), test
