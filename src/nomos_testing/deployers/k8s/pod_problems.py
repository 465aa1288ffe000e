"""Reasons why a pod does not run, each with its remedy.

Everything here is a pure function of a pod and its events. The first lines of a failure are made from it, and so is the
text of a wait for a pod.

``PodProblem.final`` says whether a longer wait can help. These are the rules:

- An image that may not be pulled (``ErrImageNeverPull``) or whose name is invalid: final at once.
- A pull: final at once if the registry has answered that the image does not exist or may not be read. Any other failure
  may be a slow or restarting registry. It is final at the third failed pull, or at the second one after
  ``PULL_PATIENCE`` seconds: the kubelet waits 10 s, 20 s, 40 s between its pulls.
- A volume: a hostPath of the wrong type is final when the check has failed twice. A missing ConfigMap or Secret is
  final at the fourth failure, after some 4 s, because the kubelet may learn of new objects late. Other mounts may
  succeed later.
- A container's configuration (``CreateContainerConfigError`` and the like): final at the third failure.
- A pod without a machine: final after ``SCHEDULER_PATIENCE`` seconds, the time in which pods of the last run give back
  their share of a machine.
- A machine that does not take up its pod: final after ``MACHINE_PATIENCE`` seconds, the time in which a restarted
  kubelet answers.
- Where an autoscaler has promised a machine, no time makes a problem final: the pod begins to start when the machine
  has come.
- A pod that has ended, that was evicted or that is being deleted: final. A pod with ``restartPolicy: Never`` does not
  come back. With another policy, its third restart is final.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nomos_testing.deployers.shared.errors import Problem, described_status

PULL_PATIENCE: Final = 30.0
SCHEDULER_PATIENCE: Final = 20.0
MACHINE_PATIENCE: Final = 60.0
"""Seconds."""

IMAGE_REMEDY: Final = (
    "load it: scripts/test-cluster.sh load {image}, kind load docker-image {image}, minikube image load {image}, "
    "or push it and set NOMOS_TESTNET_IMAGE"
)

_Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PodProblem:
    """The reason why a pod does not run.

    Attributes:
        pod: the pod's name.
        what: a sentence that goes on after the name of the node: ``its pod nomos-validator-0 cannot start: ...``.
        final: waiting longer is of no use.
    """

    pod: str
    what: str
    remedy: str
    final: bool

    def of(self, node: str) -> Problem:
        """Return the same for people: ``validator-0: its pod nomos-validator-0 cannot start: ...``."""
        return Problem(f"{node}: {self.what}", self.remedy)


def pod_problem(
    pod: _Json, events: Sequence[_Json], *, image_remedy: str = IMAGE_REMEDY, waited: float = 0.0
) -> PodProblem | None:
    """Return what keeps a pod from running; None if nothing is known to.

    Args:
        pod: a ``v1.Pod``.
        events: ``v1.Event`` objects. Those of other pods are passed over.
        image_remedy: how an image gets into this cluster; ``{image}`` stands for its name.
        waited: seconds since the caller began to wait for this pod, by its own clock: that of the cluster may differ.
    """
    return _Diagnosis(pod, events, image_remedy, waited).problem()


def deletion(pod: _Json) -> PodProblem:
    """Return the problem of a pod that is being deleted or is gone, although the run did not ask for that."""
    return _Diagnosis(pod, (), IMAGE_REMEDY, 0.0).deleted()


_DELETED_BY: Final = {
    "DeletionByTaintManager": (
        "is deleted because its machine {machine} is lost: it does not answer",
        "see `kubectl describe node {machine}`, and bring the machine back or remove it",
    ),
    "DeletionByPodGC": (
        "is deleted because its machine {machine} is lost: it is no longer part of the cluster",
        "see `kubectl get nodes`; add a machine, or run again on those that are left",
    ),
    "EvictionByEvictionAPI": (
        "is evicted on request: somebody drains the machine {machine}, or an autoscaler removes it",
        "run again when the machine is back (`kubectl uncordon {machine}`), or on other machines",
    ),
    "PreemptionByScheduler": (
        "is deleted to make room for a pod of a higher priority on the machine {machine}",
        "add machines, ask for less with `k8s: {{resources}}`, or run when the cluster has room",
    ),
}

_FAILED_FOR: Final = {
    "Evicted": (
        "was evicted from the machine {machine}: {message}",
        "free memory or disk on the machine, or raise the limit that the message names (`k8s: {{resources}}`)",
    ),
    "DeadlineExceeded": (
        "was ended because it ran longer than its activeDeadlineSeconds ({deadline} s)",
        "the deadline bounds what a lost runner leaves behind; choose a shorter run",
    ),
    "NodeLost": (
        "is lost with its machine {machine}, which does not answer",
        "see `kubectl describe node {machine}`, and bring the machine back or remove it",
    ),
    "Terminated": (
        "was ended because its machine {machine} is being shut down",
        "run again on machines that stay up",
    ),
    "Preempting": (
        "was ended to make room for a critical pod on the machine {machine}",
        "add machines, or ask for less with `k8s: {{resources}}`",
    ),
}
_FAILED_FOR_THE_SAME: Final = {"NodeShutdown": "Terminated", "Shutdown": "Terminated"}

_MANY: Final = 3
_OF_THE_IMAGE: Final = frozenset(
    {
        "InvalidImageName",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_STARTS_NOT: Final = frozenset({"StartError", "ContainerCannotRun", "RunContainerError"})
_WRONG_CONFIGURATION: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_BEING_MADE: Final = frozenset({"ContainerCreating", "PodInitializing"})
_AFTER_MOUNTING: Final = frozenset({"Pulling", "Pulled", "Created", "Started"})
_MACHINE_COMES: Final = frozenset({"TriggeredScaleUp", "Nominated"})
"""Events of the cluster autoscaler and of Karpenter."""

_REFUSED_PULL: Final = re.compile(
    r"unauthorized|denied|forbidden|authorization failed|authentication required|\b40[13]\b", re.I
)
_ABSENT_IMAGE: Final = re.compile(r"not found|manifest unknown|does not exist|no match for platform", re.I)
_MISSING_OBJECT: Final = re.compile(r'(?P<kind>configmap|secret) "(?P<name>[^"]+)" not found')
_WRONG_HOST_PATH: Final = re.compile(
    r'volume "(?P<volume>[^"]+)".*hostPath type check failed: (?P<path>\S+) (?P<fault>is not .*)', re.S
)


class _Diagnosis:
    """One pod with its events."""

    def __init__(self, pod: _Json, events: Sequence[_Json], image_remedy: str, waited: float) -> None:
        metadata = pod.get("metadata", {})
        self._name: str = metadata.get("name", "")
        self._namespace: str = metadata.get("namespace", "default")
        self._metadata, self._spec, self._status = metadata, pod.get("spec", {}), pod.get("status", {})
        self._machine: str = self._spec.get("nodeName") or "that it ran on"
        uid = metadata.get("uid")
        own = (event for event in events if event.get("involvedObject", {}).get("uid", uid) == uid)
        self._events = sorted(own, key=_last_seen)
        self._image_remedy, self._waited = image_remedy, waited

    def problem(self) -> PodProblem | None:
        if self._metadata.get("deletionTimestamp"):
            return self.deleted()
        return (
            self._ended_by_its_machine()
            or self._of_containers()
            or self._of_its_machine()
            or self._not_placed()
            or self._ended_without_reason()
        )

    def deleted(self) -> PodProblem:
        condition = self._condition("DisruptionTarget")
        texts = _DELETED_BY.get(condition.get("reason", "")) if condition.get("status") == "True" else None
        if texts:
            return self._says(self._filled(texts[0]), self._filled(texts[1]), final=True)
        return self._says(
            "was deleted by somebody outside of this run",
            f"run again; if it happens again, look for who deletes pods of {self._namespace}: a clean-up job, "
            "another runner, a person (the API server's audit log names them)",
            final=True,
        )

    # -- The pod as a whole

    def _ended_by_its_machine(self) -> PodProblem | None:
        phase, reason = self._status.get("phase"), self._status.get("reason", "")
        if phase == "Unknown" or reason == "NodeLost":
            reason = "NodeLost"
        elif phase != "Failed" or not reason:
            return None
        texts = _FAILED_FOR.get(_FAILED_FOR_THE_SAME.get(reason, reason))
        if texts:
            return self._says(self._filled(texts[0]), self._filled(texts[1]), final=True)
        return self._says(
            f"was ended by the machine {self._machine} ({reason}): {self._status.get('message', 'no message')}",
            f"see `kubectl describe node {self._machine}`",
            final=True,
        )

    def _ended_without_reason(self) -> PodProblem | None:
        if self._status.get("phase") not in {"Failed", "Succeeded"}:
            return None
        return self._says(
            f"ended ({self._status['phase']}); the cluster does not say why", self._describe(), final=True
        )

    def _of_its_machine(self) -> PodProblem | None:
        """Return the problem of a pod that has a machine, where its containers say nothing."""
        if not self._spec.get("nodeName"):
            return None
        see = f"see `kubectl describe node {self._machine}`: its kubelet must run and reach the API server"
        ready = self._condition("Ready")
        if self._count("NodeNotReady") and ready.get("status") != "True" and self._status.get("phase") == "Running":
            return self._says(
                f"runs on the machine {self._machine}, which does not answer (NodeNotReady)", see, final=False
            )
        if not self._status.get("containerStatuses") and self._status.get("phase") == "Pending":
            return self._of_volumes() or self._says(
                f"waits for the machine {self._machine} to take it up",
                see,
                final=self._late(MACHINE_PATIENCE),
            )
        return None

    def _not_placed(self) -> PodProblem | None:
        if self._spec.get("nodeName") or self._status.get("phase") not in {"Pending", None}:
            return None
        scheduled = self._condition("PodScheduled")
        late = self._late(SCHEDULER_PATIENCE)
        if scheduled.get("reason") == "SchedulingGated":
            gates = ", ".join(gate["name"] for gate in self._spec.get("schedulingGates", ()))
            return self._says(
                f"cannot start: a scheduling gate holds it ({gates})",
                "the program that set the gate must remove it; see the admission webhooks of the cluster",
                final=False,
            )
        if scheduled.get("status") != "False":
            if not late:
                return None
            return self._says(
                "cannot start: no scheduler has looked at it",
                "see whether kube-scheduler runs: `kubectl get pods -n kube-system`",
                final=True,
            )
        words = _scheduler_words(scheduled.get("message", "no machine fits"))
        if coming := self._promised_machines():
            what = f"waits for a new machine: {coming[-1].get('message', '')} (until now: {words})"
            return self._says(what, "wait: the autoscaler adds machines", final=False)
        return self._says(f"cannot start: no machine fits: {words}", self._scheduling_remedy(words), final=late)

    def _scheduling_remedy(self, words: str) -> str:
        remedies = [
            remedy.format(selector=_labels(self._spec.get("nodeSelector", {})), requests=self._requests())
            for pattern, remedy in _SCHEDULING_REMEDIES
            if re.search(pattern, words)
        ]
        return "; ".join(remedies) or f"see `kubectl describe pod -n {self._namespace} {self._name}`"

    # -- Containers

    def _of_containers(self) -> PodProblem | None:
        for status in self._status.get("initContainerStatuses", ()):
            if found := self._of_container(status, initial=True):
                return found
        for status in self._status.get("containerStatuses", ()):
            if found := self._of_container(status, initial=False):
                return found
        return None

    def _of_container(self, status: _Json, *, initial: bool) -> PodProblem | None:
        state = status.get("state", {})
        if ended := state.get("terminated"):
            return None if initial and ended.get("exitCode") == 0 else self._ended(status, ended)
        if waiting := state.get("waiting"):
            return self._waits(status, waiting)
        return None

    def _ended(self, status: _Json, ended: _Json) -> PodProblem:
        restarts: int = status.get("restartCount", 0)
        final = self._spec.get("restartPolicy") == "Never" or restarts >= _MANY
        again = f" ({_restarted(restarts)})" if restarts else ""
        container = "" if self._is_only(status) else f"has the container {status.get('name')}, which "
        if ended.get("reason") == "OOMKilled":
            limit = self._container(status).get("resources", {}).get("limits", {}).get("memory")
            allowed = f"its limit of {limit}" if limit else "what the machine has"
            return self._says(
                f"{container}was killed because it needed more memory than {allowed} (OOMKilled){again}",
                "raise the memory of `k8s: {resources: {limits}}`, or run fewer nodes on a machine",
                final=final,
            )
        if ended.get("reason") in _STARTS_NOT:
            return self._command_fails(status, ended["reason"], ended.get("message", ""), final=final)
        return self._says(
            f"{container}ended: {_exit_status(ended.get('exitCode'))}{again}", self._read_log(again), final=final
        )

    def _waits(self, status: _Json, waiting: _Json) -> PodProblem | None:
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        image = self._container(status).get("image") or status.get("image", "")
        if reason in _OF_THE_IMAGE:
            return self._lacks_image(image, reason, message)
        if reason == "CrashLoopBackOff":
            return self._crash_loop(status)
        if reason in _STARTS_NOT:
            return self._command_fails(status, reason, message, final=status.get("restartCount", 0) >= _MANY)
        if reason in _BEING_MADE:
            return self._of_volumes() or self._of_sandbox() or self._is_pulling(image)
        return self._not_created(reason, message)

    def _lacks_image(self, image: str, reason: str, message: str) -> PodProblem:
        if reason == "InvalidImageName":
            return self._says(
                f'cannot start: "{image}" is no name of an image ({reason})',
                "set NOMOS_TESTNET_IMAGE to a name such as logos-blockchain-testing:local",
                final=True,
            )
        if reason == "ErrImageNeverPull":
            return self._says(
                f"cannot start: the image {image} is not in the cluster ({reason})", self._load(image), final=True
            )
        return self._not_pulled(image, reason, message)

    def _crash_loop(self, status: _Json) -> PodProblem:
        last = status.get("lastState", {}).get("terminated", {})
        if last.get("reason") in {"OOMKilled", *_STARTS_NOT}:
            return self._ended(status, last)
        restarts: int = status.get("restartCount", 0)
        return self._says(
            f"ends again and again: {_exit_status(last.get('exitCode'))} (CrashLoopBackOff, {_restarted(restarts)})",
            self._read_log("again"),
            final=restarts >= _MANY,
        )

    def _not_pulled(self, image: str, reason: str, message: str) -> PodProblem:
        load = self._load(image)
        failures = [event for event in self._events if event.get("message", "").startswith("Failed to pull image")]
        cause = _pull_cause(message if "failed to" in message or not failures else failures[-1]["message"])
        if _ABSENT_IMAGE.search(cause):
            return self._says(
                f"cannot start: the image {image} is not in the cluster, and its registry has none ({reason}): {cause}",
                load,
                final=True,
            )
        if _REFUSED_PULL.search(cause):
            return self._says(
                f"cannot start: the registry does not let this cluster read the image {image} ({reason}): {cause}",
                f"{load}, or give the service account of the namespace {self._namespace} an imagePullSecret",
                final=True,
            )
        pulls = sum(map(_times, failures))
        return self._says(
            f"cannot start: the image {image} is not in the cluster and cannot be pulled ({reason}): {cause}",
            load,
            final=pulls >= _MANY or (pulls > 1 and self._late(PULL_PATIENCE)),
        )

    def _is_pulling(self, image: str) -> PodProblem | None:
        pulling = [event for event in self._events if event.get("reason") == "Pulling"]
        if not pulling or self._count("Pulled"):
            return None
        return self._says(
            f"waits for the image {image}, which the machine {self._machine} is pulling",
            f"wait, or {self._load(image)}",
            final=False,
        )

    def _not_created(self, reason: str, message: str) -> PodProblem:
        if missing := _MISSING_OBJECT.search(message):
            remedy = _missing_object_remedy(missing, self._namespace)
        elif "runAsNonRoot" in message:
            remedy = (
                "the image must run as a user other than root: rebuild it, or set NOMOS_TESTNET_IMAGE to another one"
            )
        else:
            remedy = self._describe()
        return self._says(
            f"cannot start: {message or 'no message'} ({reason})",
            remedy,
            # A reason that is not known here is left to the deadline of the caller.
            final=reason in _WRONG_CONFIGURATION and self._count("Failed") >= _MANY,
        )

    def _command_fails(self, status: _Json, reason: str, message: str, *, final: bool) -> PodProblem:
        command = self._container(status).get("command") or ["the image's entry point"]
        return self._says(
            f"cannot start: its command {command[0]} cannot run ({reason}): {_runtime_cause(message)}",
            "the image is not one of this framework, or is damaged: build it again with scripts/build_test_image.sh, "
            "load it, or set NOMOS_TESTNET_IMAGE",
            final=final,
        )

    # -- What a container needs before it starts

    def _of_volumes(self) -> PodProblem | None:
        failures = [event for event in self._events if event.get("reason") in {"FailedMount", "FailedAttachVolume"}]
        if not failures or any(event.get("reason") in _AFTER_MOUNTING for event in self._events):
            return None
        for event in reversed(failures):
            if wrong := _WRONG_HOST_PATH.search(event.get("message", "")):
                return self._wrong_host_path(wrong, final=_times(event) > 1)
            if missing := _MISSING_OBJECT.search(event.get("message", "")):
                return self._says(
                    f"cannot start: its volume lacks the {missing['kind']} {missing['name']} (FailedMount)",
                    _missing_object_remedy(missing, self._namespace),
                    final=_times(event) > _MANY,
                )
        last = failures[-1]
        return self._says(f"cannot start: {last.get('message', '')} ({last['reason']})", self._describe(), final=False)

    def _wrong_host_path(self, wrong: re.Match[str], *, final: bool) -> PodProblem:
        path, fault = wrong["path"], wrong["fault"]
        if "kzg" in wrong["volume"]:
            return self._says(
                f"cannot start: the KZG parameters are not on the machine {self._machine}: "
                f"{path} {fault} (FailedMount)",
                f"set NOMOS_KZG_MODE=inImage, or copy the parameters to {path} on the machine {self._machine}",
                final=final,
            )
        return self._says(
            f"cannot start: {path} of the machine {self._machine} {fault} (FailedMount)",
            f"make {path} on the machine {self._machine}",
            final=final,
        )

    def _of_sandbox(self) -> PodProblem | None:
        failures = [event for event in self._events if event.get("reason") == "FailedCreatePodSandBox"]
        if not failures or any(event.get("reason") in _AFTER_MOUNTING for event in self._events):
            return None
        return self._says(
            f"cannot start: the machine {self._machine} cannot make its network (FailedCreatePodSandBox): "
            f"{failures[-1].get('message', '')}",
            "see whether the cluster's network plugin runs: `kubectl get pods -n kube-system`",
            final=False,
        )

    # -- Words

    def _says(self, predicate: str, remedy: str, *, final: bool) -> PodProblem:
        return PodProblem(self._name, f"its pod {self._name} {predicate}", remedy, final)

    def _filled(self, text: str) -> str:
        message = self._status.get("message", "no message").strip().rstrip(".")
        deadline = self._spec.get("activeDeadlineSeconds")
        return text.format(machine=self._machine, message=message, deadline=deadline)

    def _read_log(self, again: str) -> str:
        previous = " --previous" if again else ""
        return f"read its log: in the run directory, or `kubectl logs{previous} -n {self._namespace} {self._name}`"

    def _load(self, image: str) -> str:
        return self._image_remedy.replace("{image}", image)

    def _describe(self) -> str:
        return f"see `kubectl describe pod -n {self._namespace} {self._name}`"

    def _requests(self) -> str:
        return ", ".join(
            f"{resource} {amount}"
            for container in self._spec.get("containers", ())
            for resource, amount in container.get("resources", {}).get("requests", {}).items()
        )

    # -- Time

    def _late(self, patience: float) -> bool:
        return self._waited >= patience and not self._promised_machines()

    def _promised_machines(self) -> list[_Json]:
        return [event for event in self._events if event.get("reason") in _MACHINE_COMES]

    # -- Parts of the pod

    def _condition(self, kind: str) -> _Json:
        return next((each for each in self._status.get("conditions", ()) if each.get("type") == kind), {})

    def _containers(self) -> Iterator[_Json]:
        yield from self._spec.get("initContainers", ())
        yield from self._spec.get("containers", ())

    def _container(self, status: _Json) -> _Json:
        return next((each for each in self._containers() if each.get("name") == status.get("name")), {})

    def _is_only(self, status: _Json) -> bool:
        return [each.get("name") for each in self._containers()] == [status.get("name")]

    def _count(self, reason: str) -> int:
        return sum(_times(event) for event in self._events if event.get("reason") == reason)


_SCHEDULING_REMEDIES: Final = (
    (
        r"Insufficient (cpu|memory|ephemeral-storage)",
        "ask for less than {requests} with `k8s: {{resources: {{requests}}}}`, run fewer nodes, or add machines",
    ),
    (r"Too many pods", "run fewer nodes, or add machines"),
    (
        r"were unschedulable",
        "allow pods on the cordoned machine again: `kubectl uncordon MACHINE` "
        "(`kubectl get nodes` shows SchedulingDisabled)",
    ),
    (
        r"didn't match Pod's node affinity/selector",
        "label a machine with {selector}, or change `k8s: {{node_selector}}` (`kubectl get nodes --show-labels`)",
    ),
    (
        r"untolerated taint",
        "remove the taint, or choose other machines with `k8s: {{node_selector}}` "
        "(`kubectl describe nodes` shows taints)",
    ),
    (
        r"topology spread|anti-affinity",
        "allow several nodes on a machine with `k8s: {{spread: false}}`, or add machines",
    ),
    (r"free ports", "end the pod that uses the same host port"),
    (r"persistentvolumeclaim|PersistentVolume", "make the volume claim that the message names"),
    (r"no nodes available", "add a machine to the cluster: `kubectl get nodes` shows none"),
)


def _scheduler_words(message: str) -> str:
    """Return the scheduler's reasons without those of its preemption, which repeat them."""
    return message.partition(" preemption:")[0].strip().rstrip(".")


def _labels(selector: _Json) -> str:
    return ", ".join(f"{key}={value}" for key, value in selector.items()) or "what the pod asks for"


def _pull_cause(message: str) -> str:
    """Return the end of a chain of causes: ``... failed to resolve reference "X": connection refused``."""
    cause = re.split(r'(?:image|reference) "[^"]*": ', message)[-1]
    return re.sub(r"^\S+: (?=not found)", "", cause) or "no message"


def _runtime_cause(message: str) -> str:
    return message.rpartition("unable to start container process: ")[2].removesuffix(": unknown") or "no message"


def _exit_status(code: int | None) -> str:
    """Return an exit code in words. One of a container that a signal ended is 128 + signal; there are 64 signals."""
    return described_status(128 - code if code is not None and 128 < code <= 192 else code)


def _restarted(times: int) -> str:
    return f"restarted {times} times" if times > 1 else "restarted once"


def _last_seen(event: _Json) -> str:
    series, made = event.get("series") or {}, event.get("metadata", {}).get("creationTimestamp")
    return str(series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime") or made or "")


def _times(event: _Json) -> int:
    """Return how often an event happened. Old events have a count, those of the newer API a series."""
    return (event.get("series") or {}).get("count") or event.get("count") or 1


def _missing_object_remedy(missing: re.Match[str], namespace: str) -> str:
    return (
        f"run again; if it happens again, look for who deletes the {missing['kind']} {missing['name']} in {namespace}"
    )
