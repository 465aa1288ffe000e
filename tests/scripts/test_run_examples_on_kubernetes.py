"""``run-examples.sh ... k8s``: where the image comes from, for each kind of cluster.

The tools are scripts that show their call.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.inputs.bundles import EMBEDDED, bundle
from support.repository.repository_copy import Copy

DEMO = ("-t", "60", "-v", "3", "-e", "2", "k8s")
IMAGE = "logos-blockchain-testing:local"
BUILD = "testing-framework/assets/stack/scripts/build_test_image.sh"
COPIES = {
    "kind-nomos": f"kind load docker-image {IMAGE} --name nomos",
    "minikube": f"minikube image load {IMAGE}",
    "nomos-test-cluster": f"test-cluster.sh load {IMAGE}",
    "docker-desktop": None,
}


@pytest.fixture
def machine(copy: Copy) -> Copy:
    """A Docker daemon with every image, the tools of all clusters, and a kube config whose context is ``CONTEXT``."""
    copy.program("scripts/prepare-venv.sh", '#!/bin/sh\necho "packages=$1"\n')
    copy.program(BUILD, '#!/bin/sh\necho "built $IMAGE_TAG"\n')
    copy.program(".venv/bin/python", '#!/bin/sh\necho "$CONTEXT"\n')
    copy.program(".venv/bin/k8s_runner", '#!/bin/sh\nenv\nexit "${RUNNER_EXIT:-0}"\n')
    copy.program(
        "bin/docker",
        '#!/bin/sh\n[ "$1" != info ] || [ -z "$NO_DAEMON" ] || { echo "no daemon" >&2; exit 1; }\n'
        '[ "$1" != image ] || [ -z "$NO_IMAGE" ]\n',
    )
    for tool in ("bin/kind", "bin/minikube", "scripts/test-cluster.sh"):
        copy.program(tool, f'#!/bin/sh\necho "called {Path(tool).name} $*"\nexit "${{COPY_EXIT:-0}}"\n')
    bundle(copy.root / ".tmp/nomos-binaries-linux-v0.3.1.tar.gz", node=EMBEDDED, more_meta="node=embedded\n")
    config = copy.root / "home/.kube/config"
    config.parent.mkdir(parents=True)
    config.write_text("{}")
    return copy


@pytest.mark.parametrize(("context", "call"), COPIES.items())
def test_a_cluster_on_this_machine_gets_the_image_that_is_built_here(
    machine: Copy, context: str, call: str | None
) -> None:
    done = machine.run("run-examples.sh", *DEMO, CONTEXT=context)
    assert done.returncode == 0, done.stderr
    assert f"built {IMAGE}\n" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("called ")] == [f"called {call}"] * bool(call)
    shown = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert (shown["NOMOS_DEMO_VALIDATORS"], shown["NOMOS_DEMO_EXECUTORS"]) == ("3", "2")
    assert (shown["NOMOS_TESTNET_IMAGE"], shown["POL_PROOF_DEV_MODE"]) == (IMAGE, "true")


def test_the_context_that_is_named_wins_over_the_current_one(machine: Copy) -> None:
    done = machine.run("run-examples.sh", *DEMO, CONTEXT="minikube", K8S_CONTEXT="kind-other")
    assert f"called kind load docker-image {IMAGE} --name other" in done.stdout


def test_another_cluster_pulls_the_image_and_the_run_says_so(machine: Copy) -> None:
    done = machine.run("run-examples.sh", *DEMO, CONTEXT="production", NOMOS_TESTNET_IMAGE="registry.example/nomos:1")
    assert done.returncode == 0
    told = "==> The cluster production pulls its images: NOMOS_TESTNET_IMAGE=registry.example/nomos:1 must be in a "
    assert told in done.stdout
    assert "built" not in done.stdout
    assert "called" not in done.stdout


def test_without_a_cluster_nothing_is_prepared_and_the_runner_says_so(machine: Copy) -> None:
    missing = str(machine.root / "missing")
    done = machine.run("run-examples.sh", *DEMO, CONTEXT="kind-nomos", KUBECONFIG=missing)
    assert done.returncode == 0
    assert "built" not in done.stdout
    assert "called" not in done.stdout
    assert "NOMOS_DEMO_VALIDATORS=3" in done.stdout


def test_an_image_as_it_is_only_gets_copied(machine: Copy) -> None:
    done = machine.run("run-examples.sh", *DEMO, CONTEXT="kind-nomos", NOMOS_SKIP_IMAGE_BUILD="1")
    assert "built" not in done.stdout
    assert "called kind load docker-image" in done.stdout


def test_an_image_that_only_the_cluster_has_is_not_copied(machine: Copy) -> None:
    done = machine.run("run-examples.sh", *DEMO, CONTEXT="kind-nomos", NOMOS_SKIP_IMAGE_BUILD="1", NO_IMAGE="1")
    assert done.returncode == 0, done.stderr
    assert "called" not in done.stdout


def test_without_a_docker_daemon_the_cluster_has_to_have_the_image(machine: Copy) -> None:
    done = machine.run("run-examples.sh", *DEMO, CONTEXT="kind-nomos", NO_DAEMON="1")
    assert done.returncode == 0, done.stderr
    expected = f"==> The cluster kind-nomos has to have the image {IMAGE}; it can't be built here: no daemon\n"
    assert expected in done.stdout


def test_a_copy_that_fails_ends_the_run(machine: Copy) -> None:
    done = machine.run("run-examples.sh", *DEMO, CONTEXT="minikube", COPY_EXIT="3")
    assert done.returncode == 1
    assert done.stderr == (
        f"ERROR: the image could not be copied to the cluster minikube: minikube image load {IMAGE}\n"
    )


def test_a_missing_tool_is_named(machine: Copy) -> None:
    (machine.root / "bin/kind").unlink()
    done = machine.run("run-examples.sh", *DEMO, CONTEXT="kind-nomos")
    assert done.returncode == 1
    assert "copying the image to the cluster kind-nomos takes the program kind; install it" in done.stderr


@pytest.mark.parametrize("code", [0, 1, 130])
def test_the_exit_code_is_the_runners(machine: Copy, code: int) -> None:
    assert machine.run("run-examples.sh", *DEMO, CONTEXT="docker-desktop", RUNNER_EXIT=str(code)).returncode == code
