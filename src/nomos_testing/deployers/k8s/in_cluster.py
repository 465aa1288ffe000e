"""Runs a scenario by a Job: the cluster runs the runner, and this machine shows its progress and takes its results.

Order: service account, Job with its files, the pod's log, results, removal of the Job. The runner removes its network
by itself, also if this process is killed.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tarfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from nomos_testing.deployers.k8s import job_manifests, job_program
from nomos_testing.deployers.k8s.api_errors import ApiError
from nomos_testing.deployers.k8s.job_manifests import CONTAINER, JOB_PROGRAM, JobPlan
from nomos_testing.deployers.k8s.kubernetes_api import KubernetesApi
from nomos_testing.deployers.k8s.permissions import GRANT
from nomos_testing.deployers.k8s.plan import SPARE_SECONDS, fresh_release
from nomos_testing.deployers.k8s.planning import placement
from nomos_testing.deployers.k8s.pod_logs import PodLog
from nomos_testing.deployers.k8s.pod_problems import PodProblem, deletion, pod_problem
from nomos_testing.deployers.k8s.pod_streams import exec_in_pod
from nomos_testing.deployers.k8s.preflight import HOST_PATH, check_topology
from nomos_testing.deployers.k8s.refusals import refusal
from nomos_testing.deployers.shared.clock import CLOCK_LIBRARY
from nomos_testing.deployers.shared.errors import (
    DeployError,
    PreflightError,
    Problem,
    described_status,
    shown_lines,
)
from nomos_testing.deployers.shared.fault_preflight import clock_library
from nomos_testing.deployers.shared.reaper_client import RUN_LABEL
from nomos_testing.deployers.shared.stack_assets import find_assets
from nomos_testing.runtime.background import log_failure
from nomos_testing.scenario.scenario import Scenario
from nomos_testing.settings import Settings
from nomos_testing.surroundings import THIS_MACHINE, Surroundings, monotonic
from nomos_testing.waiting.waiting import Seen, WaitTimeout, tell_of_waits, wait_message, wait_until

SERVICE_ACCOUNT: Final = "nomos-testing"
NAMESPACE: Final = "nomos-testing"
RUNNER_LOG: Final = "runner.log"
"""File of the run directory with the log of the Job's pod."""
_FAKETIME_VARIABLE: Final = "NOMOS_TESTS_FAKETIME_LIB"
_POLL_SECONDS: Final = 1.0
_FETCH_SECONDS: Final = 240.0
_END_SECONDS: Final = 150.0
"""Time that a runner gets to remove its network after Ctrl-C."""
_COMMAND_SECONDS: Final = 20.0
_LAST_LINES: Final = 20

Pod = Mapping[str, Any]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JobResult:
    """The results of a runner in the cluster."""

    exit_code: int
    output: str
    """Its standard output: the summary of the run."""
    run_directory: Path | None
    """None: there was no run."""


async def run_in_cluster(
    scenario: Scenario,
    settings: Settings,
    environ: Mapping[str, str],
    *,
    runs_directory: Path,
    say: Callable[[str], None],
    root: Path | None = None,
    surroundings: Surroundings = THIS_MACHINE,
) -> JobResult:
    """Run a scenario by a Job of the cluster. If this task is cancelled, the runner is ended in order.

    Args:
        say: shows a line of progress.
        root: the repository, for the stack's assets; the working directory by default.

    Raises:
        ClusterUnavailable: there is no cluster.
        DeployError: the runner did not run, or its results are lost.
    """
    check_topology(scenario)
    tell_of_waits(lambda word: say(wait_message(word)))
    planned = _planned(scenario, settings, environ, root=root or Path(), surroundings=surroundings)
    api = await KubernetesApi.connect(environ, context=settings.k8s_context)
    try:
        await _check_service_account(api, planned)
        await asyncio.to_thread(runs_directory.mkdir, parents=True, exist_ok=True)
        # Not in the system's place for such directories: a killed process leaves it.
        with TemporaryDirectory(prefix=".job-", dir=runs_directory) as directory:
            running = _RunningJob(api, planned, runs_directory, Path(directory) / RUNNER_LOG, say)
            async with running.submitted(preserve=settings.k8s_preserve):
                return await running.result(start_seconds=settings.k8s_deployment_seconds)
    finally:
        await api.close()


def _planned(
    scenario: Scenario, settings: Settings, environ: Mapping[str, str], *, root: Path, surroundings: Surroundings
) -> JobPlan:
    """
    Raises:
        DeployError: the scenario cannot run in the cluster.
    """
    if settings.kzg_mode == HOST_PATH:
        what = f"NOMOS_KZG_MODE={HOST_PATH}: a runner in the cluster does not see the files of its machines"
        raise PreflightError([Problem(what, "set NOMOS_KZG_MODE=inImage, or run without --in-cluster")])
    files = job_manifests.stack_files(find_assets(root)) | job_manifests.scenario_files(scenario)
    environment = job_manifests.job_environment(settings, environ)
    library = clock_library(scenario.faults, settings)
    if isinstance(library, Problem):
        raise PreflightError([library])
    if library is not None:
        files[CLOCK_LIBRARY] = library.read_bytes()
        environment[_FAKETIME_VARIABLE] = f"{job_manifests.MOUNTED}/{CLOCK_LIBRARY}"
    lifetime = int(2 * scenario.duration + SPARE_SECONDS + job_program.FETCH_SECONDS)
    return JobPlan(
        release=fresh_release(surroundings.rng),
        namespace=settings.k8s_namespace or NAMESPACE,
        service_account=settings.k8s_service_account or SERVICE_ACCOUNT,
        image=settings.image,
        pull_policy=settings.image_pull_policy,
        environment=environment,
        files=files,
        node_selector=placement(scenario, settings).node_selector,
        lifetime=lifetime,
        expires=surroundings.utc() + timedelta(seconds=lifetime),
    )


async def _check_service_account(api: KubernetesApi, plan: JobPlan) -> None:
    """
    Raises:
        PreflightError: it does not exist.
    """
    try:
        found = await api.find(f"/api/v1/namespaces/{plan.namespace}/serviceaccounts/{plan.service_account}")
    except ApiError as error:
        if error.status is None:
            raise
        _log.debug("the service account %s cannot be looked at: %s", plan.service_account, error)
        return
    if found is None:
        what = f"the namespace {plan.namespace} of the cluster {api.server} has no service account"
        remedy = f"make it and grant it what a runner needs: {GRANT}; or name others in K8S_NAMESPACE and "
        remedy += "K8S_RUNNER_SERVICE_ACCOUNT"
        raise PreflightError([Problem(f"{what} {plan.service_account}", remedy)])


@dataclass(slots=True)
class _RunningJob:
    api: KubernetesApi
    plan: JobPlan
    runs_directory: Path
    log_file: Path
    say: Callable[[str], None]
    pod: str = ""
    log: PodLog | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """The runner has said that it ended."""
    deleted: str = ""
    """Why the pod is being deleted."""
    away: bool = False
    """The API server does not answer."""

    @asynccontextmanager
    async def submitted(self, *, preserve: bool) -> AsyncIterator[None]:
        """Have the Job on the cluster for the block.

        Raises:
            DeployError: the cluster refuses it.
        """
        namespace, release = self.plan.namespace, self.plan.release
        jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
        try:
            # The Job comes first: whatever happens then, its deadline ends it, and its ConfigMap is removed with it.
            made = await self._create(jobs, job_manifests.job(self.plan))
            maps = f"/api/v1/namespaces/{namespace}/configmaps"
            await self._create(maps, job_manifests.config_map(self.plan, owner=made))
            self.say(f"Job {release} in the namespace {namespace} of {self.api.server}")
            yield
        finally:
            if self.log is not None:
                await self.log.close()
            if preserve:
                self.say(f"Job {release} stays in the namespace {namespace}")
            else:
                await self._remove()

    async def result(self, *, start_seconds: float) -> JobResult:
        """Wait for the end of the runner, and fetch its results.

        Raises:
            DeployError: the pod does not run, or its results are lost.
        """
        await self._started(start_seconds)
        try:
            await self._until_ended()
            result = await self._fetched()
        except asyncio.CancelledError:
            await self._end()
            raise
        if self.deleted:
            failure = DeployError(self.deleted)
            failure.run_directory = result.run_directory
            raise failure
        return result

    async def _create(self, path: str, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return await self.api.create(path, manifest)
        except ApiError as error:
            what = f"{manifest['kind']} {manifest['metadata']['name']}"
            raise DeployError(str(refusal(error, creating=what))) from error

    async def _remove(self) -> None:
        """Remove the Job, its ConfigMap and its pod. A runner that has not ended gets the time to end in order."""
        namespace, release = self.plan.namespace, self.plan.release
        pods, selector = f"/api/v1/namespaces/{namespace}/pods", f"{RUN_LABEL}={release}"
        try:
            await self.api.delete(f"/apis/batch/v1/namespaces/{namespace}/jobs/{release}")
            await self.api.delete_all(pods, label_selector=selector, grace=0 if self.ended.is_set() else None)
        except ApiError as error:
            self.say(f"warning: the Job is not removed now ({error.message}); the cluster removes it after its end")

    async def _started(self, seconds: float) -> None:
        """Wait until the pod runs, and follow its log.

        Raises:
            DeployError: it does not run.
        """
        since = monotonic()
        told = ""

        async def look() -> Seen:
            nonlocal told
            pod = await self._look()
            if pod is None:
                return Seen(False, "the Job has no pod yet")
            self.pod = pod["metadata"]["name"]
            if pod["status"].get("phase") == "Running":
                return Seen(True, "it runs")
            problem = await self._problem(pod, waited=monotonic() - since)
            if problem is not None:
                told = _told(problem)
                if problem.final:
                    raise DeployError(told)
            return Seen(False, pod["status"].get("phase", "no phase") if problem is None else problem.what)

        try:
            await wait_until("the pod of the runner", look, timeout=seconds, poll=_POLL_SECONDS)
        except WaitTimeout as error:
            text = f"the pod of the runner did not run within {seconds:g} s"
            raise DeployError(f"{text}: {told or error.last_seen}") from None
        namespace, pod = self.plan.namespace, self.pod
        self.log = PodLog(self.api, namespace, pod, self.log_file, watch=log_failure, listener=self._show)
        self.log.start()

    async def _look(self) -> Pod | None:
        """Return the pod of the Job; None while there is none."""
        path = f"/api/v1/namespaces/{self.plan.namespace}/pods"
        found = await self.api.get(path, labelSelector=f"{RUN_LABEL}={self.plan.release}")
        return next(iter(found["items"]), None)

    async def _problem(self, pod: Pod, *, waited: float = 0.0) -> PodProblem | None:
        try:
            events = await self.api.get(f"/api/v1/namespaces/{self.plan.namespace}/events")
        except ApiError as error:
            _log.debug("no events of the namespace %s: %s", self.plan.namespace, error)
            return pod_problem(pod, (), waited=waited)
        return pod_problem(pod, events["items"], waited=waited)

    def _show(self, line: str) -> None:
        if line.startswith(job_program.ENDED):
            self.ended.set()
        elif not self.ended.is_set():
            self.say(self._local(line))

    def _local(self, text: str) -> str:
        """Name the directories of this machine instead of those of the pod."""
        return text.replace(job_program.RUNS, str(self.runs_directory.absolute()))

    async def _until_ended(self) -> None:
        """Wait until the runner says that it has ended.

        Raises:
            DeployError: the pod is gone, or has ended without saying so.
        """
        while not self.ended.is_set():
            try:
                pod = await self._look()
            except ApiError as error:
                if _is_answer(error):
                    raise
                self._note_outage(error.message)
            else:
                self._note_outage(None)
                await self._check(pod)
            try:
                async with asyncio.timeout(_POLL_SECONDS):
                    await self.ended.wait()
            except TimeoutError:
                continue

    async def _check(self, pod: Pod | None) -> None:
        """
        Raises:
            DeployError: the pod is gone, or has ended.
        """
        if pod is None:
            raise await self._lost(self.deleted or f"the pod {self.pod} of the runner is gone")
        if "deletionTimestamp" in pod["metadata"] and not self.deleted:
            self.deleted = _told(await self._problem(pod) or deletion(pod))
            self.say(f"warning: {self.deleted}")
        if pod["status"].get("phase") in {"Failed", "Succeeded"}:
            assert self.log is not None
            await self.log.catch_up()  # it may have said so in its last lines
            if not self.ended.is_set():
                problem = await self._problem(pod)
                text = f"the pod {self.pod} of the runner ended" if problem is None else _told(problem)
                raise await self._lost(self.deleted or text)

    async def _lost(self, text: str) -> DeployError:
        """Return the error of a pod whose results can't be had. Its log stays in the runs directory."""
        assert self.log is not None
        lines = await self.log.tail(_LAST_LINES)
        directory = self.runs_directory.absolute() / self.plan.release
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.log_file, directory / RUNNER_LOG)
        failure = DeployError(f"{text}\nthe last lines of the runner:{shown_lines(lines)}")
        failure.run_directory = directory
        return failure

    def _note_outage(self, reason: str | None) -> None:
        if reason is not None and not self.away:
            self.say(f"warning: the API server does not answer ({reason}); the run goes on in the cluster")
        if reason is None and self.away:
            self.say("the API server answers again")
        self.away = reason is not None

    async def _end(self) -> None:
        """End the runner in order, and fetch its evidence."""
        self.say("ending the run in the cluster")
        try:
            await self._command("end", seconds=_END_SECONDS)
            async with asyncio.timeout(_END_SECONDS):
                await self._until_ended()
            result = await self._fetched()
        except (ApiError, DeployError, TimeoutError) as error:
            self.say(f"warning: the evidence is not fetched: {error or 'the runner did not end in time'}")
            return
        if result.run_directory is not None:
            self.say(f"evidence: {result.run_directory}")

    async def _fetched(self) -> JobResult:
        """Take the results into the runs directory, and let the pod end.

        Raises:
            DeployError: they can't be taken.
        """
        try:
            archive = await self._command("archive", seconds=_FETCH_SECONDS)
            assert self.log is not None
            await self.log.close()
            result = await asyncio.to_thread(self._unpacked, archive)
        except (ApiError, tarfile.TarError, OSError) as error:
            raise await self._lost(f"the results of the runner in pod {self.pod} cannot be fetched: {error}") from error
        try:
            await self._command("fetched", seconds=_COMMAND_SECONDS)
        except ApiError as error:  # the pod ends with its Job
            _log.debug("pod %s does not know that its results were fetched: %s", self.pod, error)
        return result

    async def _command(self, name: str, *, seconds: float) -> bytes:
        """Run a command of the pod's program. Repeat it while the API server is away.

        Raises:
            ApiError: it does not succeed.
        """
        deadline = monotonic() + seconds
        while True:
            try:
                done = await exec_in_pod(
                    self.api,
                    self.plan.namespace,
                    self.pod,
                    (*JOB_PROGRAM, name),
                    container=CONTAINER,
                    timeout=max(deadline - monotonic(), _POLL_SECONDS),
                )
            except ApiError as error:
                if _is_answer(error) or monotonic() > deadline:
                    raise
                _log.debug("%s in pod %s is tried again: %s", name, self.pod, error)
                await asyncio.sleep(_POLL_SECONDS)
                continue
            if done.exit_code != 0:
                words = done.stderr.decode(errors="replace").strip()
                raise ApiError(f"{name} in pod {self.pod} failed: {described_status(done.exit_code)}: {words}")
            return done.stdout

    def _unpacked(self, archive: bytes) -> JobResult:
        results = self.log_file.parent / "results"
        with tarfile.open(fileobj=BytesIO(archive), mode="r:gz") as opened:
            opened.extractall(results, filter="data")
        exit_code = int((results / Path(job_program.EXIT_CODE).name).read_text(encoding="ascii"))
        output = (results / Path(job_program.OUTPUT).name).read_text(encoding="utf-8", errors="replace")
        directory = None
        self.runs_directory.mkdir(parents=True, exist_ok=True)
        for made in (results / Path(job_program.RUNS).name).iterdir():  # one, or none where no run began
            directory = self.runs_directory.absolute() / made.name
            shutil.move(made, directory)
            shutil.copy(self.log_file, directory / RUNNER_LOG)
        return JobResult(exit_code, self._local(output), directory)


def _is_answer(error: ApiError) -> bool:
    """Tell whether the server has refused a request, and would do so again."""
    return error.status is not None and error.status < HTTPStatus.INTERNAL_SERVER_ERROR


def _told(problem: PodProblem) -> str:
    return str(Problem(f"the run in the cluster: {problem.what}", problem.remedy))
