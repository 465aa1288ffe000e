"""Every command that the manual tells to run for Kubernetes is run by a test, which is named here."""

from __future__ import annotations

import re

import yaml

from nomos_testing.scenario.file.loader import parse_scenario
from nomos_testing.settings import documented_variables
from support.repository.repository_copy import REPOSITORY

RUNNER = "tests/integration/test_k8s_runner.py"
IMAGE = "tests/scripts/test_image.py::test_the_manuals_commands_make_the_image"
SCRIPT = (
    "tests/scripts/test_run_examples_on_kubernetes.py::test_a_cluster_on_this_machine_gets_the_image_that_is_built_here"
)
DEMO = f"{RUNNER}::test_the_demo_passes_and_leaves_nothing"
LOGS = f"{RUNNER}::test_every_command_of_the_manual_shows_the_logs_of_a_run"
FILE = f"{RUNNER}::test_earlier_lives_of_a_node_are_in_the_log_of_its_pod_and_a_replay_is_the_same_run"
MANIFESTS = f"{RUNNER}::test_exported_manifests_are_a_network_for_kubectl"
JOB = "tests/integration/test_run_in_cluster.py::test_a_run_that_passes_has_its_progress_summary_and_directory_here"
CLUSTER = "tests/scripts/test_real_test_cluster.py::cluster"
RUN_BY = {
    "scripts/build-bundle.sh --platform linux": IMAGE,
    "export NOMOS_BINARIES_TAR=.tmp/nomos-binaries-linux-v0.3.1.tar.gz": IMAGE,
    "testing-framework/assets/stack/scripts/build_test_image.sh": IMAGE,
    # By the script, with programs that show their call: one cluster is here, and it is of one kind.
    "kind load docker-image logos-blockchain-testing:local": SCRIPT,
    "minikube image load logos-blockchain-testing:local": SCRIPT,
    "scripts/test-cluster.sh load logos-blockchain-testing:local": SCRIPT,
    "export NOMOS_TESTNET_IMAGE=logos-blockchain-testing:local": DEMO,
    "export POL_PROOF_DEV_MODE=true": DEMO,
    ".venv/bin/k8s_runner": DEMO,
    "scripts/run-examples.sh -t 60 -v 3 -e 2 k8s": "tests/scripts/test_k8s_workflow.py::test_the_k8s_job",
    # The run is shorter and smaller there.
    "NOMOS_TESTNET_IMAGE=logos-blockchain-testing:local K8S_DEMO_VALIDATORS=3 K8S_DEMO_EXECUTORS=2 "
    ".venv/bin/k8s_runner": DEMO,
    ".venv/bin/nomos-testing run examples/faults.yaml --on k8s": FILE,
    ".venv/bin/nomos-testing run examples/demo.yaml --on k8s --export manifests": MANIFESTS,
    "kubectl apply -f manifests": MANIFESTS,
    "kubectl delete -f manifests": MANIFESTS,
    "kubectl apply -f deploy/k8s/rbac.yaml": JOB,
    ".venv/bin/nomos-testing run examples/demo.yaml --on k8s --in-cluster": JOB,
    "sudo scripts/test-cluster.sh up": CLUSTER,
    "export KUBECONFIG=/var/lib/nomos-test-cluster/kubeconfig": CLUSTER,
    "sudo scripts/test-cluster.sh load logos-blockchain-testing:local": CLUSTER,
}
NOT_RUN = {"docker push your-registry/logos-blockchain-testing:local"}
"""Takes a registry."""

OPERATIONS = (REPOSITORY / "docs/operations.md").read_text()
PAGE = (REPOSITORY / "docs/kubernetes.md").read_text()


def section(title: str) -> str:
    return OPERATIONS.partition(f"\n### {title}\n")[2].partition("\n## ")[0].partition("\n### ")[0]


def commands(text: str) -> set[str]:
    blocks = "".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL))
    lines = (line.partition("  #")[0].strip() for line in blocks.splitlines())
    return {line for line in lines if line and not line.startswith("#")}


def test_every_command_is_run_by_a_test() -> None:
    assert commands(section("On Kubernetes") + PAGE) - NOT_RUN == set(RUN_BY)
    # These are read from the page by the test itself.
    assert len(commands(section("Logs on Kubernetes"))) == 9
    for test in (*RUN_BY.values(), LOGS):
        file, _, name = test.partition("::")
        assert f"def {name}(" in (REPOSITORY / file).read_text(), test


def test_the_section_of_a_scenario_file_is_one() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    placement = parse_scenario(f"run_for: 60\n{example}", "page.yaml").k8s
    assert placement.to_json() == yaml.safe_load(example)["k8s"]


def test_the_page_names_variables_that_exist() -> None:
    known = {name for row in documented_variables() for name in row.names}
    named = set(re.findall(r"`((?:K8S|NOMOS)_[A-Z0-9_]+)(?:=[^`]*)?`", PAGE))
    assert named - known == {"NOMOS_SKIP_IMAGE_BUILD"}, "the scripts read that one"
    assert len(named) > 10
