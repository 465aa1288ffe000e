"""Runs a scenario's network in pods of a Kubernetes cluster.

Order: preflight, namespace and what pods need, pods, the way to them, supervisors, relay, nodes, readiness, block feed.
Whatever fails, nothing is left of the run on the cluster, and what explains the failure stays in the run directory;
with ``K8S_RUNNER_PRESERVE`` the pods stay as they are.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Unpack

from nomos_testing.deployers.k8s.export import write_manifests
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.preflight import check_topology, prepare
from nomos_testing.deployers.k8s.start import NetworkStart
from nomos_testing.deployers.k8s.teardown import remove_expired
from nomos_testing.deployers.shared.base import DeployerOptions, ScenarioDeployer
from nomos_testing.deployers.shared.cluster import DeployedCluster
from nomos_testing.deployers.shared.run_environment import nodes_of_image
from nomos_testing.faults.fault import Control
from nomos_testing.journal.events import Notice
from nomos_testing.runtime.runner import Runner
from nomos_testing.scenario.scenario import Scenario


class K8sDeployer(ScenarioDeployer):
    """A ``Deployer``.

    ```python
    async with K8sDeployer().deployed(scenario) as runner:
        verdict = await runner.run()
    ```
    """

    name = "k8s"
    capabilities = frozenset(Control)
    """Every kind of control: of nodes and of links."""

    def __init__(self, *, root: Path | None = None, **options: Unpack[DeployerOptions]) -> None:
        """
        Args:
            root: the repository, for the stack's assets; the working directory by default.
            options: see ``DeployerOptions``.
        """
        super().__init__(**options)
        self._root = Path() if root is None else root

    async def deploy(self, scenario: Scenario) -> Runner:
        """
        Raises:
            ClusterUnavailable: there is no cluster.
            DeployError: it did not come up; the text says why and, once there is one, which directory explains it.
        """
        check_topology(scenario)
        settings = self._settings
        if settings.k8s_debug:
            logging.getLogger(__package__).setLevel(logging.DEBUG)
        async with AsyncExitStack() as opened:
            api = await KubernetesApi.connect(self._environ, context=settings.k8s_context)
            opened.push_async_callback(api.close)
            preflight = prepare(api, scenario, settings, self._environ, root=self._root, capabilities=self.capabilities)
            prepared = await self._checked(preflight, scenario)
            async with self._opened_run(scenario) as run:
                run.resources.push_async_callback(opened.pop_all().aclose)
                run.note_environment(nodes_of_image(scenario, settings), proofs=prepared.prover.name)
                for expired in await remove_expired(api, run.surroundings.utc()):
                    run.journal.write(Notice(f"removing the namespace {expired}, whose run is over"))
                start = NetworkStart.of(run, api, prepared, self._environ)
                with run.phases.phase("configure"):
                    await start.make_objects()
                with run.phases.phase("start"):
                    await run.background.guard(start.make_pods())
                    cluster = DeployedCluster(
                        start.nodes,
                        journal=run.journal,
                        patience=run.patience,
                        watch=run.background.watch,
                        readiness_seconds=settings.k8s_http_seconds,
                    )
                    run.resources.push_async_callback(cluster.close)
                    network = await run.background.guard(start.network(cluster))
                    cluster.control.factory = start.joining(network)
                with run.phases.phase("ready"):
                    start.write_plan()
                    start.keep_configurations(network)
                    feed = await run.ready(cluster, network, membership_check=self._checks_membership(scenario))
                return run.runner(cluster, network, feed, prepared.prover)

    def export(self, scenario: Scenario, directory: Path) -> list[Path]:
        """Write the manifests of the scenario's network as files, for ``kubectl apply -f``. Needs no cluster.

        Returns:
            The files, in the order in which they are applied.

        Raises:
            DeployError: the network cannot run on a cluster, or the files cannot be written.
        """
        check_topology(scenario)
        return write_manifests(
            scenario,
            directory,
            settings=self._settings,
            environ=self._environ,
            root=self._root,
            capabilities=self.capabilities,
            surroundings=self._surroundings,
        )
