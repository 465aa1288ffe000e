from __future__ import annotations

import pytest

from support.repository.repository_copy import Copy

STAND_IN = '#!/bin/sh\necho "$(basename "$0") $*"\n[ "$(basename "$0")" != "$FAILING" ]\n'


@pytest.fixture
def checks(copy: Copy) -> Copy:
    """The copy with a prepared ``.venv`` of stand-ins that show their arguments; ``FAILING`` names one that fails."""
    copy.program("scripts/prepare-venv.sh", '#!/bin/sh\n[ "$1" = dev ]\n')
    for name in ("ruff", "lint-imports", "mypy", "python"):
        copy.program(f".venv/bin/{name}", STAND_IN)
    copy.program("bin/docker", "#!/bin/sh\necho 20.10.24\n")
    copy.program("bin/kubectl", "#!/bin/sh\necho 'Server Version: v1.32.5'\n")
    (copy.root / "home/.kube").mkdir(parents=True)
    (copy.root / "home/.kube/config").touch()
    return copy


def test_every_check_runs_and_is_summed_up(checks: Copy) -> None:
    done = checks.run("run-tests.sh")
    assert done.returncode == 0
    ran = [line.split()[0] for line in done.stdout.split("\n\n")[0].splitlines() if not line.startswith("==>")]
    assert ran == ["ruff", "ruff", "lint-imports", "mypy", "python", "python", "python", "python", "python"]
    summary = done.stdout.rsplit("\n\n", 1)[1].splitlines()
    assert [line[:14].strip() for line in summary] == [
        "style",
        "format",
        "layers",
        "types",
        "tests",
        "python -O",
        "live tests",
        "kubernetes",
    ]
    assert all(line.split()[-3] == "passed" for line in summary)


@pytest.mark.parametrize(
    ("failing", "steps"), [("mypy", {"types"}), ("python", {"tests", "python -O", "live tests", "kubernetes"})]
)
def test_a_failure_stops_nothing_and_is_the_exit_code(checks: Copy, failing: str, steps: set[str]) -> None:
    done = checks.run("run-tests.sh", FAILING=failing)
    assert done.returncode == 1
    summary = done.stdout.rsplit("\n\n", 1)[1].splitlines()
    assert {line[:14].strip() for line in summary if "FAILED" in line} == steps
    assert len(summary) == 8


def test_arguments_go_to_pytest_alone(checks: Copy) -> None:
    done = checks.run("run-tests.sh", "-k", "vector and not slow", "tests/nomos_core")
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    assert line.startswith("python scripts/check-leftovers.py -- python -m pytest ")
    assert line.endswith(" -k vector and not slow tests/nomos_core")
    assert checks.run("run-tests.sh", "-k", "vector", FAILING="python").returncode == 1


def test_docker_and_a_cluster_are_looked_for_only_where_they_are_asked_for(checks: Copy) -> None:
    docker = "==> Docker: the daemon that is running (20.10.24)\n"
    cluster = "==> Kubernetes: the cluster that is configured (v1.32.5)\n"
    assert checks.run("run-tests.sh", "-m", "docker").stdout.startswith(docker)
    assert checks.run("run-tests.sh", "-m", "kubernetes").stdout.startswith(docker + cluster)
    assert "==>" not in checks.run("run-tests.sh", "-k", "vector").stdout
    everything = checks.run("run-tests.sh").stdout
    assert (everything.count(docker), everything.count(cluster)) == (2, 1)
