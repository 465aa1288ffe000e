"""The steps of a deployment on a cluster: objects, pods, the way to them, supervisors, relay, network of cfgsync."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from nomos_core.config import dump_config
from nomos_testing.cfgsync.network import joining_node
from nomos_testing.cfgsync.settings import CfgsyncConfig
from nomos_testing.cluster.interfaces import NodeControlError
from nomos_testing.cluster.roles import Role
from nomos_testing.deployers.k8s import manifests
from nomos_testing.deployers.k8s.host import PodHost
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.manifests import CFGSYNC, PROMETHEUS, PROMETHEUS_PORT, RELAY
from nomos_testing.deployers.k8s.objects import RunObjects
from nomos_testing.deployers.k8s.plan import NetworkPlan, NodePod, node_name
from nomos_testing.deployers.k8s.planning import NetworkPlanner, cfgsync_text
from nomos_testing.deployers.k8s.pod_logs import POD_LOG, PodLog
from nomos_testing.deployers.k8s.pod_watch import PodEnded, PodWatch
from nomos_testing.deployers.k8s.preflight import Prepared
from nomos_testing.deployers.k8s.relay_pod import is_evidence, pod_relay
from nomos_testing.deployers.k8s.routes import Forwards, Route, RouteFinder, node_port_hosts
from nomos_testing.deployers.k8s.teardown import remove
from nomos_testing.deployers.shared.cfgsync_question import CfgsyncQuestion
from nomos_testing.deployers.shared.cluster import DeployedCluster
from nomos_testing.deployers.shared.container_ports import container_ports
from nomos_testing.deployers.shared.errors import DeployError, LaunchError, PreflightError, shown_lines
from nomos_testing.deployers.shared.fault_preflight import EMBEDDED_ONLY, refused_faults
from nomos_testing.deployers.shared.joining import JoiningNodes
from nomos_testing.deployers.shared.node import DeployedNode
from nomos_testing.deployers.shared.reaper_client import Leftovers
from nomos_testing.deployers.shared.relay_client import RelayClient
from nomos_testing.deployers.shared.relay_setup import RELAY_LOG, start_relay
from nomos_testing.deployers.shared.run_opening import OpenRun
from nomos_testing.deployers.shared.run_owner import run_marks
from nomos_testing.deployers.shared.together import together
from nomos_testing.faults.fault import Control
from nomos_testing.journal.events import Notice
from nomos_testing.relay.proxy_sockets import NodeSockets
from nomos_testing.topology import GeneratedTopology
from nomos_testing.waiting.waiting import WaitTimeout

_REAPER_VARIABLES: Final = (
    "PATH",
    "HOME",
    "KUBECONFIG",
    "K8S_CONTEXT",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
)
_LAST_LINES: Final = 20
_KNOWN_PROGRAM: Final = "/usr/bin/nomos-node"


@dataclass(slots=True, kw_only=True)
class NetworkStart:
    """A network that is coming up on a cluster."""

    run: OpenRun
    api: KubernetesApi
    prepared: Prepared
    planner: NetworkPlanner
    plan: NetworkPlan
    objects: RunObjects
    pods: PodWatch
    logs: dict[str, PodLog]
    """By the pods' names."""
    hosts: dict[str, PodHost]
    """By the nodes' names."""
    nodes: list[DeployedNode]
    cfgsync: CfgsyncConfig | None = None
    route: Route | None = None
    metrics_url: str | None = None
    _forwards: Forwards | None = None

    @classmethod
    def of(cls, run: OpenRun, api: KubernetesApi, prepared: Prepared, environ: Mapping[str, str]) -> NetworkStart:
        """Make the plan of a run's network, and have everything that will be made of it removed at the end."""
        planner = NetworkPlanner(
            scenario=run.scenario,
            settings=run.settings,
            prepared=prepared,
            environ=environ,
            surroundings=run.surroundings,
            kept_seconds=run.kept_seconds,
        )
        marks = run_marks(run.scenario.name, run.run_directory.path)
        plan = planner.plan(run.run_directory.run_id, marks=marks)
        start = cls(
            run=run,
            api=api,
            prepared=prepared,
            planner=planner,
            plan=plan,
            objects=RunObjects(api, plan),
            pods=PodWatch(api, plan.namespace, plan.release, journal=run.journal, watch=run.background.watch),
            logs={},
            hosts={},
            nodes=[],
        )
        start._have_removed(environ)
        return start

    async def make_objects(self) -> None:
        """Make the namespace and what pods need in it.

        Raises:
            DeployError: the API server refuses, and why.
        """
        if self.prepared.kzg is not None and self.prepared.kzg.to_be_made:
            await asyncio.to_thread(self.prepared.kzg.make)
        await self.objects.make_namespace()
        self.run.resources.push_async_callback(self.pods.close)
        self.pods.start()

    async def make_pods(self) -> None:
        """Make the pods and wait until they run and answer.

        Raises:
            DeployError: one of them does not run, and why.
            LaunchError: a supervisor does not answer.
        """
        plan = self.plan
        self.run.resources.push_async_callback(self._close_logs)
        self._follow_logs()
        if plan.relay:  # its address is part of the nodes' configurations
            await self.objects.make(manifests.relay_pod(plan))
        node_pods = [manifests.node_pod(plan, node) for node in plan.nodes]
        await self.objects.make_all(node_pods)
        if plan.relay:
            await self._running([RELAY])
        self.cfgsync = self.planner.cfgsync(plan, relay=self.pods.address(RELAY) if plan.relay else None)
        await self.objects.make(manifests.cfgsync_config_map(plan, cfgsync_text(self.cfgsync)))
        await self.objects.make(manifests.cfgsync_pod(plan))
        if plan.prometheus is not None:
            await self.objects.make(manifests.prometheus_pod(plan))
        await self._running([CFGSYNC, *(node.pod for node in plan.nodes)])
        self.route = await self._find_route()
        self.nodes = [self._node(node) for node in plan.nodes]
        await together(host.connect() for host in self.hosts.values())
        await self._check_disk_faults()

    async def network(self, cluster: DeployedCluster) -> GeneratedTopology:
        """Open the relay, start the nodes, and take the network from cfgsync when all have announced themselves.

        Raises:
            DeployError: a node or cfgsync ended, or nodes were missing when the time was over.
        """
        run, plan = self.run, self.plan
        assert self.cfgsync is not None
        if plan.relay:
            await start_relay(run, cluster, self._relay())
        for node in self.nodes:
            await node.put_files()
        question = CfgsyncQuestion(self.cfgsync, self.prepared.prover, self._check_cfgsync)
        url = await self._plain_url(CFGSYNC, plan.cfgsync_port)
        timeout = run.patience.seconds(run.settings.k8s_http_seconds)
        starting: list[Coroutine[Any, Any, Any]] = [question.network(url, timeout=timeout), cluster.start_all()]
        network: GeneratedTopology = (await together(starting))[0]
        await self._find_prometheus(cluster)
        return network

    def joining(self, network: GeneratedTopology) -> JoiningNodes:
        """Return the maker of nodes that join later. It configures them: cfgsync knows only the hosts of its file."""
        spec = self.run.scenario.topology

        async def make(role: Role, index: int, position: int) -> tuple[DeployedNode, NodeSockets | None]:
            assert self.cfgsync is not None
            planned = NodePod(role=role, index=index, ports=container_ports(position))
            self.plan = self.objects.plan = replace(self.plan, nodes=(*self.plan.nodes, planned))
            self._follow_log(planned.pod, self.run.run_directory.node(planned.name) / POD_LOG)
            try:
                await self.objects.make_node(planned)
                await self._running([planned.pod])
                address = self.pods.address(planned.pod)
            except DeployError as error:
                raise NodeControlError(f"{planned.name} cannot join: {error}") from error
            generated = await asyncio.to_thread(
                joining_node,
                self.cfgsync,
                network,
                role=role,
                index=index,
                ports=planned.ports,
                address=address,
                seed=spec.seed,
            )
            node = self._node(planned, config=dump_config(generated.config))
            try:
                await self.hosts[node.name].connect()
            except LaunchError as error:
                raise NodeControlError(f"{planned.name} cannot join: {error}") from error
            return node, planned.sockets(address)

        return JoiningNodes(spec, make)

    def write_plan(self) -> None:
        """Write the plan, and tell where people can look while the network runs."""
        plan, run = self.plan, self.run
        assert self.route is not None
        run.write_plan(
            image=plan.image,
            cluster=self.api.server,
            context=self.api.context,
            namespace=plan.namespace,
            release=plan.release,
            route=self.route.name,
            prover=self.prepared.prover.name,
            kzg="the image's" if plan.kzg is None else str(plan.kzg.path),
            nodes={
                node.name: {
                    "pod": self.hosts[node.name].pod,
                    "machine": self.pods.pod(self.hosts[node.name].pod)["spec"].get("nodeName"),
                    "url": node.url,
                    "testing_url": node.client.testing_url,
                }
                for node in self.nodes
            },
        )
        run.journal.write(Notice(f"namespace {plan.namespace} of {self.api.server}, by {self.route.name}"))
        if self.metrics_url is not None:
            run.journal.write(Notice(f"Prometheus: {self.metrics_url}"))
        elif plan.prometheus is None:
            text = "the machines of the cluster have no image of Prometheus: metrics are not collected"
            run.journal.write(Notice(f"{text}; scripts/build-prometheus-image.sh makes one"))

    def keep_configurations(self, network: GeneratedTopology) -> None:
        """Keep the configurations that cfgsync sent, as evidence."""
        configs = {generated.name: generated.config for generated in network.nodes}
        for node in self.nodes:
            node.keep_config(dump_config(configs[node.name]))

    def _have_removed(self, environ: Mapping[str, str]) -> None:
        run, plan = self.run, self.plan
        if run.settings.k8s_preserve:
            run.resources.push_async_callback(self._leave)
            return
        ownership = "own" if plan.owns_namespace else "shared"
        sweep = (sys.executable, "-m", "nomos_testing.deployers.k8s.sweep")
        scope = (plan.release, plan.namespace, ownership)
        what = "namespaces" if plan.owns_namespace else "objects of the cluster"
        named = {name: environ[name] for name in _REAPER_VARIABLES if name in environ}
        if run.settings.k8s_context is not None:
            named["K8S_CONTEXT"] = run.settings.k8s_context
        run.reaper.remove_listed(Leftovers(what, (*sweep, "list", *scope), (*sweep, "remove", *scope)), named)
        run.resources.push_async_callback(self._remove)

    async def _remove(self) -> None:
        plan = self.plan
        try:
            await remove(self.api, plan.namespace, plan.release, owns_namespace=plan.owns_namespace)
        except (DeployError, WaitTimeout) as error:
            text = f"something of {plan.release} may be left: {error}; remove it with: {plan.removal}"
            self.run.journal.write(Notice(text, "warning"))

    async def _leave(self) -> None:
        self.run.journal.write(Notice(f"the pods stay as they are; remove them with: {self.plan.removal}"))

    async def _running(self, names: list[str]) -> None:
        seconds = self.run.patience.seconds(self.run.settings.k8s_deployment_seconds)
        try:
            await self.pods.running(names, timeout=seconds)
        except PodEnded as error:
            shown = [await self._last_lines(name) for name in names if self.pods.has_ended(name)]
            raise PodEnded("".join([str(error), *shown])) from error

    async def _last_lines(self, pod: str) -> str:
        lines = await self.logs[pod].tail(_LAST_LINES)
        return f"\nthe last lines of {node_name(pod)}:{shown_lines(lines)}"

    def _follow_logs(self) -> None:
        directory = self.run.run_directory
        self._follow_log(CFGSYNC, directory.path / "cfgsync.log")
        if self.plan.relay:
            self._follow_log(RELAY, directory.path / RELAY_LOG, keep=is_evidence)
        for node in self.plan.nodes:
            self._follow_log(node.pod, directory.node(node.name) / POD_LOG)

    def _follow_log(self, pod: str, file: Path, *, keep: Callable[[str], bool] | None = None) -> None:
        log = PodLog(self.api, self.plan.namespace, pod, file, watch=self.run.background.watch, keep=keep)
        self.logs[pod] = log
        self.pods.call_at_start(pod, log.start)

    async def _close_logs(self) -> None:
        await asyncio.gather(*(log.close() for log in self.logs.values()))

    async def _find_route(self) -> Route:
        settings = self.run.settings
        hosts = node_port_hosts(self.api, self.pods.pod(CFGSYNC), settings.k8s_node_host)
        finder = RouteFinder(self.api, self.plan.namespace, hosts)
        timeout = self.run.patience.seconds(settings.k8s_http_probe_seconds)
        port = self.plan.cfgsync_port
        route = await finder.find(
            CFGSYNC,
            self.pods.address(CFGSYNC),
            port,
            self._node_port(CFGSYNC, port),
            timeout=timeout,
            poll=settings.k8s_http_poll_seconds,
        )
        self.run.resources.push_async_callback(route.close)
        return route

    def _node_port(self, service: str, port: int) -> int:
        return self.objects.node_ports[service].get(port, port)

    async def _url(self, pod: str, port: int) -> str:
        """Return the URL of a server for a client with the transport of the route."""
        assert self.route is not None
        return await self.route.url(pod, self.pods.address(pod), port, self._node_port(pod, port))

    async def _plain_url(self, pod: str, port: int) -> str:
        """Return the URL of a server for plain HTTP. Those of the API server's proxy take its credentials."""
        assert self.route is not None
        if self.route.transport() is None:
            return await self._url(pod, port)
        if self._forwards is None:
            self._forwards = Forwards(self.api, self.plan.namespace)
            self.run.resources.push_async_callback(self._forwards.close)
        return await self._forwards.url(pod, self.pods.address(pod), port, port)

    def _node(self, planned: NodePod, *, config: str | None = None) -> DeployedNode:
        assert self.route is not None
        plan, run = self.plan, self.run
        self.hosts[planned.name] = host = PodHost(
            self.api,
            namespace=plan.namespace,
            pod=planned.pod,
            image=plan.image,
            log=self.logs[planned.pod],
            urls=partial(self._node_urls, planned),
            clock=plan.clock_library is not None,
            log_directory=plan.log_directory,
            patience=run.patience,
            watch=run.background.watch,
        )
        run.resources.push_async_callback(host.close)
        self.pods.call_at_end(planned.pod, host.lose)
        return DeployedNode.at(
            host,
            role=planned.role,
            index=planned.index,
            network_port=planned.ports.network,
            directory=run.run_directory.node(planned.name),
            config=config,
            transport=self.route.transport(),
            unix_time=run.surroundings.unix_time,
        )

    async def _node_urls(self, node: NodePod) -> tuple[str, str]:
        return await self._url(node.pod, node.ports.api), await self._url(node.pod, node.ports.testing_http)

    def _relay(self) -> RelayClient:
        return pod_relay(
            {node.name: node.sockets(self.pods.address(node.pod)) for node in self.plan.nodes},
            api=self.api,
            namespace=self.plan.namespace,
            pods=self.pods,
            hosts=self.hosts,
            evidence=self.run.run_directory.path / RELAY_LOG,
            seed=self.run.scenario.seed,
            rng=self.run.surroundings.rng,
        )

    async def _check_cfgsync(self) -> None:
        """
        Raises:
            PodEnded: the server has ended; its last lines are in the text.
        """
        if (reason := self.pods.gone(CFGSYNC)) is not None:
            port, shown = self.plan.cfgsync_port, await self._last_lines(CFGSYNC)
            raise PodEnded(f"failed to start cfgsync server on port {port}: {reason}{shown}")

    async def _check_disk_faults(self) -> None:
        """Refuse full disks where the image's nodes are not the embedded ones.

        Raises:
            PreflightError: the scenario has such faults.
        """
        faults = self.run.scenario.faults
        if not faults.needing(Control.DISK):
            return
        first = next(iter(self.hosts.values()))
        if await first.exec("head", "-c", "2", _KNOWN_PROGRAM) == "#!":
            return
        raise PreflightError(
            refused_faults(
                faults,
                enabled=frozenset(),
                deployer="k8s",
                capabilities=frozenset(Control),
                obstacles={Control.DISK: EMBEDDED_ONLY},
            )
        )

    async def _find_prometheus(self, cluster: DeployedCluster) -> None:
        if self.plan.prometheus is None:
            return
        seconds = self.run.patience.seconds(self.run.settings.k8s_http_probe_seconds)
        if (reason := await self.pods.optional(PROMETHEUS, timeout=seconds)) is not None:
            self.run.journal.write(Notice(f"metrics are not collected: {reason}", "warning"))
            return
        url = await self._plain_url(PROMETHEUS, PROMETHEUS_PORT)
        self.metrics_url = cluster.metrics_url = url
