"""All environment variables that the framework reads: types, defaults and effects. No other module reads them.

A value that does not parse is never fatal and never silent: ``warnings`` names the variable and the value that is used
instead. If a variable has aliases, the first one that parses is taken. The documented name comes first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Generic, NoReturn, TypeVar

from nomos_testing.log_directives import LEVELS, LogDirectives
from nomos_testing.pod_values import label_defect, pairs, quantity_defect

T = TypeVar("T")

DEFAULT_IMAGE: Final = "logos-blockchain-testing:local"
PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_LOG_LEVELS: Final = ("error", "warn", "info", "debug", "trace")
_CREDENTIALS: Final = re.compile(r"(?<=:)//[^/@]*@")
_FILTER_LEVELS: Final = (*_LOG_LEVELS, "off")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """The form of a variable's text: how it is read, and what a user is told whose text has another form."""

    expected: str
    parse: Callable[[str], T]
    left_out: Callable[[str], Sequence[str]] = lambda text: ()
    """Returns the parts of a text that ``parse`` leaves out, for a value of several parts."""


def _check(holds: bool) -> None:
    if not holds:
        raise ValueError


def _refuse() -> NoReturn:
    raise ValueError


def _count(text: str) -> int:
    value = int(text)
    _check(value >= 0)
    return value


def _positive_count(text: str) -> int:
    value = int(text)
    _check(value > 0)
    return value


def _positive_seconds(text: str) -> float:
    value = float(text)
    _check(0 < value < float("inf"))
    return value


def _fraction(text: str) -> float:
    value = float(text)
    _check(0 < value <= 1)
    return value


def _log_level(text: str) -> str:
    level = text.strip().lower()
    _check(level in _LOG_LEVELS)
    return level


def _prover(text: str) -> str:
    prover = text.strip().lower()
    _check(prover in {"development", "groth16"})
    return prover


def _filter_entries(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each entry as it is written, its target and its level."""
    for entry in filter(None, (part.strip() for part in text.split(","))):
        target, _, level = entry.partition("=")
        yield entry, target.strip(), level.strip().lower()


def _log_filter(text: str) -> Mapping[str, str] | None:
    # If nothing is left there is no filter: to the real node an empty one means "errors only".
    levels = {target: level for _, target, level in _filter_entries(text) if target and level in _FILTER_LEVELS}
    return levels or None


def _left_out_of_filter(text: str) -> Sequence[str]:
    return [
        f"{entry!r} is not of the form target=level, with a level of {', '.join(_FILTER_LEVELS)}"
        for entry, target, level in _filter_entries(text)
        if not target or level not in _FILTER_LEVELS
    ]


def _log_directives(text: str) -> str:
    entries = [entry for entry in map(str.strip, text.split(",")) if entry]
    understood = [entry for entry in entries if not LogDirectives.parse(entry).refused]
    _check(bool(understood) or not entries)
    return ",".join(understood)


def _left_out_of_directives(text: str) -> Sequence[str]:
    return [
        f"{entry!r} is not a level or of the form target=level, with a level of {', '.join(LEVELS)}"
        for entry in LogDirectives.parse(text).refused
    ]


def _node_pairs(text: str) -> tuple[int, int]:
    validators, separator, executors = text.strip().lower().replace("\u00d7", "x").partition("x")
    _check(bool(separator))
    return _count(validators), _count(executors)


def _namespace(text: str) -> str:
    _check(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text) is not None)
    return text


def _named(text: str) -> str:
    _check(bool(text.strip()))
    return text.strip()


def _kzg_mode(text: str) -> str:
    return {"hostpath": "hostPath", "inimage": "inImage"}.get(text.strip().lower()) or _refuse()


def _pull_policy(text: str) -> str:
    policies = {policy.lower(): policy for policy in PULL_POLICIES}
    return policies.get(text.strip().lower()) or _refuse()


def _quantities(text: str) -> Mapping[str, str]:
    read = pairs(text)
    _check(bool(read) and not any(quantity_defect(resource, quantity) for resource, quantity in read.items()))
    return read


def _labels(text: str) -> Mapping[str, str]:
    read = pairs(text)
    _check(bool(read) and not any(label_defect(key, value) for key, value in read.items()))
    return read


def _port(text: str) -> int:
    port = int(text)
    _check(0 < port < 1 << 16)
    return port


COUNT = Kind("a whole number, 0 or more", _count)
POSITIVE_COUNT = Kind("a whole number above 0", _positive_count)
POSITIVE_SECONDS = Kind("a number of seconds above 0", _positive_seconds)
FRACTION = Kind("a number above 0 and at most 1", _fraction)
LOG_LEVEL = Kind(f"one of {', '.join(_LOG_LEVELS)}", _log_level)
LOG_FILTER = Kind("of the form target=level,target=level", _log_filter, _left_out_of_filter)
LOG_DIRECTIVES = Kind(
    f"a level ({', '.join(LEVELS)}) or of the form target=level,target=level", _log_directives, _left_out_of_directives
)
PROVER = Kind("development or groth16", _prover)
TEXT = Kind("text", str)
NODE_PAIRS = Kind("of the form VALIDATORSxEXECUTORS, like 3x2", _node_pairs)
PORT = Kind("a port from 1 to 65535", _port)
NAMESPACE = Kind("the name of a namespace: at most 63 lower-case letters, digits and '-'", _namespace)
NAME = Kind("a name", _named)
KZG_MODE = Kind("hostPath or inImage", _kzg_mode)
PULL_POLICY = Kind(f"one of {', '.join(PULL_POLICIES)}", _pull_policy)
QUANTITIES = Kind("of the form resource=quantity, like cpu=100m,memory=256Mi", _quantities)
LABELS = Kind("of the form key=value,key=value, with keys and values that labels can have", _labels)
PATH = Kind("a path", lambda text: Path(os.path.expanduser(text)))  # Path.expanduser fails on unknown users
IS_TRUE = Kind("true or false", lambda text: text.lower() == "true")
IS_SET = Kind("set or unset", lambda text: True)
IS_ON = Kind("true or false", lambda text: text.strip().lower() not in {"", "0", "false", "no", "off"})


def variable(
    name: str,
    kind: Kind[Any],
    default: Any,
    effect: str,
    *,
    aliases: tuple[str, ...] = (),
    instead: Callable[[Mapping[str, Any]], str] | None = None,
    secret: bool = False,
) -> Any:
    """Declare one field of ``Settings`` by its variable.

    Args:
        instead: for a variable without a default: says, from the values of all fields, what is used in place of a value
            that does not parse.
        secret: ``repr`` leaves the value out.
    """
    metadata = {"names": (name, *aliases), "kind": kind, "effect": effect, "instead": instead}
    return field(default=default, metadata=metadata, repr=not secret)


def _node_log_level(values: Mapping[str, Any]) -> str:
    level: str | None = values["log_level"]
    return level or ("debug" if values["tests_tracing"] else "info")


def _demo_nodes(values: Mapping[str, Any]) -> str:
    return f"{values['demo_validators']}x{values['demo_executors']}"


def _demo_aliases(suffix: str) -> tuple[str, ...]:
    return tuple(f"{runner}_DEMO_{suffix}" for runner in ("LOCAL", "COMPOSE", "K8S"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values of all variables in the caller's environment."""

    # The demo scenario
    demo_validators: int = variable(
        "NOMOS_DEMO_VALIDATORS", COUNT, 1, "validators of the demo", aliases=_demo_aliases("VALIDATORS")
    )
    demo_executors: int = variable(
        "NOMOS_DEMO_EXECUTORS", COUNT, 1, "executors of the demo", aliases=_demo_aliases("EXECUTORS")
    )
    demo_run_seconds: int = variable(
        "NOMOS_DEMO_RUN_SECS", POSITIVE_COUNT, 60, "how long the demo runs", aliases=_demo_aliases("RUN_SECS")
    )

    # The nodes under test
    node_program: Path | None = variable("NOMOS_NODE_BIN", PATH, None, "the validator program")
    executor_program: Path | None = variable("NOMOS_EXECUTOR_BIN", PATH, None, "the executor program")
    pol_proof_dev_mode: bool | None = variable(
        "POL_PROOF_DEV_MODE", IS_ON, None, "development leader proofs; false, 0 and no mean off and need circuits"
    )
    prover: str | None = variable(
        "NOMOS_PROVER",
        PROVER,
        None,
        "development or groth16: who makes the proofs",
        instead=lambda values: "groth16 where it is installed, else development",
    )
    faketime_library: Path | None = variable(
        "NOMOS_TESTS_FAKETIME_LIB", PATH, None, "libfaketime.so.1, for faults of clocks; the system's by default"
    )
    circuits: Path | None = variable("NOMOS_CIRCUITS", PATH, None, "directory of the installed circuits")

    # Timing
    slot_seconds: float = variable(
        "CONSENSUS_SLOT_TIME", POSITIVE_SECONDS, 2.0, "seconds a slot lasts; below 1 for embedded nodes only"
    )
    active_slot_coeff: float = variable(
        "CONSENSUS_ACTIVE_SLOT_COEFF", FRACTION, 0.9, "active slot coefficient of generated configs"
    )
    slow_environment: bool = variable("SLOW_TEST_ENV", IS_TRUE, False, "true doubles every timeout")
    grace_period_seconds: int = variable("NOMOS_GRACE_PERIOD_SECS", COUNT, 1200, "offline grace period of nodes")

    # Logs and evidence
    tests_tracing: bool = variable(
        "NOMOS_TESTS_TRACING", IS_TRUE, False, "true: node logs persist under NOMOS_LOG_DIR, debug by default"
    )
    keep_logs: bool = variable("NOMOS_TESTS_KEEP_LOGS", IS_SET, False, "set: node directories stay after success")
    log_dir: Path | None = variable("NOMOS_LOG_DIR", PATH, None, "directory of per-node log files")
    log_level: str | None = variable(
        "NOMOS_LOG_LEVEL", LOG_LEVEL, None, "level of the nodes' logs", instead=_node_log_level
    )
    log_filter: Mapping[str, str] | None = variable(
        "NOMOS_LOG_FILTER",
        LOG_FILTER,
        None,
        "target=level,...: levels by target prefix",
        instead=lambda values: f"{_node_log_level(values)} there, the nodes' level",
    )
    framework_log: str = variable(
        "RUST_LOG", LOG_DIRECTIVES, "warn", "level of the framework's own log; target=level,... for parts of it"
    )
    otlp_endpoint: str | None = variable(
        "NOMOS_OTLP_ENDPOINT", TEXT, None, "Collector of the traces of nodes and of runs (OTLP)"
    )
    otlp_metrics_endpoint: str | None = variable("NOMOS_OTLP_METRICS_ENDPOINT", TEXT, None, "OTLP endpoint for metrics")
    metrics_query_url: str | None = variable(
        "NOMOS_METRICS_QUERY_URL", TEXT, None, "a Prometheus server that has the nodes' metrics, for ctx.telemetry()"
    )

    # Network
    use_autonat: bool = variable("NOMOS_USE_AUTONAT", IS_SET, False, "set: nodes find out their own address")

    # Data availability
    kzg_params: Path | None = variable(
        "NOMOS_KZGRS_PARAMS_PATH", PATH, None, "KZG parameters: the file, or the directory it lies in"
    )
    dispersal_timeout_seconds: int = variable(
        "NOMOS_DISPERSAL_TIMEOUT_SECS", POSITIVE_COUNT, 20, "executor: one dispersal"
    )
    retry_cooldown_seconds: int = variable(
        "NOMOS_RETRY_COOLDOWN_SECS", POSITIVE_COUNT, 3, "executor: between two tries"
    )
    share_duration_seconds: int = variable("NOMOS_SHARE_DURATION_SECS", POSITIVE_COUNT, 5, "verifier: wait for shares")
    prune_duration_seconds: int = variable(
        "NOMOS_PRUNE_DURATION_SECS", POSITIVE_COUNT, 30, "verifier: forget a blob after"
    )
    prune_interval_seconds: int = variable(
        "NOMOS_PRUNE_INTERVAL_SECS", POSITIVE_COUNT, 5, "verifier: look for old blobs"
    )
    commitments_wait_seconds: int = variable("NOMOS_COMMITMENTS_WAIT_SECS", COUNT, 1, "sampling: wait for commitments")
    sampling_delay_seconds: int | None = variable(
        "NOMOS_SDP_TRIGGER_DELAY_SECS",
        COUNT,
        None,
        "sampling: from a blob's transaction to its first sample; else 2, or 5 with the original's parameters",
        instead=lambda values: "2, or 5 with the original's parameters",
    )

    # Containers
    image: str = variable("NOMOS_TESTNET_IMAGE", TEXT, DEFAULT_IMAGE, "image of the nodes' containers")
    node_pairs: tuple[int, int] | None = variable(
        "COMPOSE_NODE_PAIRS",
        NODE_PAIRS,
        None,
        "validators and executors of compose_runner's demo, like 3x2",
        instead=_demo_nodes,
    )
    prometheus_port: int | None = variable(
        "TEST_FRAMEWORK_PROMETHEUS_PORT",
        PORT,
        None,
        "port of Prometheus on the host; 9090 by default, else a free one",
        instead=lambda values: "9090 where it is free, else a free port",
    )
    grafana_port: int | None = variable(
        "COMPOSE_GRAFANA_PORT", PORT, None, "port of Grafana on the host", instead=lambda values: "a free port"
    )
    grafana_password: str | None = variable(
        "COMPOSE_GRAFANA_PASSWORD",
        TEXT,
        None,
        "password of Grafana's user admin; else admin on loopback, and a random one that the run prints beyond it",
        secret=True,
    )
    container_host: str = variable("COMPOSE_RUNNER_HOST", TEXT, "127.0.0.1", "where containers' ports are reached")
    host_gateway: str | None = variable(
        "COMPOSE_RUNNER_HOST_GATEWAY", TEXT, None, "entry in the containers' hosts; disable or empty for none"
    )
    docker_host_gateway: str | None = variable(
        "DOCKER_HOST_GATEWAY", TEXT, None, "address of host.docker.internal in containers"
    )
    preserve: bool = variable(
        "COMPOSE_RUNNER_PRESERVE",
        IS_SET,
        False,
        "set: containers and their workspace stay after the run",
        aliases=("TESTNET_RUNNER_PRESERVE",),
    )

    # Kubernetes
    k8s_context: str | None = variable(
        "K8S_CONTEXT",
        NAME,
        None,
        "context of the kube config; the current one by default",
        instead=lambda values: "the current context",
    )
    k8s_namespace: str | None = variable(
        "K8S_NAMESPACE",
        NAMESPACE,
        None,
        "a namespace that exists; by default one is made for each run, and removed after it",
        aliases=("K8S_RUNNER_NAMESPACE",),
        instead=lambda values: "a namespace of the run's own",
    )
    k8s_node_host: str | None = variable(
        "K8S_RUNNER_NODE_HOST",
        NAME,
        None,
        "where NodePorts are reached; by default 127.0.0.1, the machines or the API server's host",
        instead=lambda values: "127.0.0.1, the machines or the API server's host",
    )
    k8s_preserve: bool = variable(
        "K8S_RUNNER_PRESERVE", IS_SET, False, "set: pods and all else on the cluster stay after the run"
    )
    k8s_debug: bool = variable("K8S_RUNNER_DEBUG", IS_SET, False, "set: log every request to the API server")
    kzg_mode: str | None = variable(
        "NOMOS_KZG_MODE",
        KZG_MODE,
        None,
        "hostPath: pods mount the KZG parameters of their machine; inImage: those of the image; by default hostPath if "
        "the cluster's only machine is this one",
        instead=lambda values: "hostPath if the cluster's only machine is this one, else inImage",
    )
    image_pull_policy: str = variable(
        "NOMOS_TESTNET_IMAGE_PULL_POLICY", PULL_POLICY, "IfNotPresent", "Always, IfNotPresent or Never"
    )
    k8s_deployment_seconds: float = variable(
        "K8S_RUNNER_DEPLOYMENT_TIMEOUT_SECS", POSITIVE_SECONDS, 180.0, "how long pods may take until they run"
    )
    k8s_http_seconds: float = variable(
        "K8S_RUNNER_HTTP_TIMEOUT_SECS", POSITIVE_SECONDS, 240.0, "how long nodes may take until they answer"
    )
    k8s_http_probe_seconds: float = variable(
        "K8S_RUNNER_HTTP_PROBE_TIMEOUT_SECS",
        POSITIVE_SECONDS,
        30.0,
        "how long one way to the pods is tried, before the next",
    )
    k8s_http_poll_seconds: float = variable(
        "K8S_RUNNER_HTTP_POLL_INTERVAL_SECS", POSITIVE_SECONDS, 1.0, "time between two tries"
    )
    k8s_requests: Mapping[str, str] | None = variable(
        "K8S_RUNNER_REQUESTS",
        QUANTITIES,
        None,
        "resources that each node's pod asks for, like cpu=100m,memory=256Mi; wins over the scenario file",
        instead=lambda values: "the scenario's requests",
    )
    k8s_limits: Mapping[str, str] | None = variable(
        "K8S_RUNNER_LIMITS",
        QUANTITIES,
        None,
        "most that each node's pod gets, like memory=1Gi; wins over the scenario file",
        instead=lambda values: "the scenario's limits",
    )
    k8s_node_selector: Mapping[str, str] | None = variable(
        "K8S_RUNNER_NODE_SELECTOR",
        LABELS,
        None,
        "key=value,...: labels of the machines that pods may run on; wins over the scenario file",
        instead=lambda values: "the scenario's node selector",
    )
    k8s_spread: bool | None = variable(
        "K8S_RUNNER_SPREAD",
        IS_ON,
        None,
        "nodes on different machines where there are several; true unless the scenario file says otherwise",
    )
    k8s_service_account: str | None = variable(
        "K8S_RUNNER_SERVICE_ACCOUNT",
        NAME,
        None,
        "service account of the pods; the namespace's default by default",
        instead=lambda values: "the namespace's default account",
    )
    cfgsync_port: int | None = variable(
        "NOMOS_CFGSYNC_PORT",
        PORT,
        None,
        "port of cfgsync on Kubernetes; 4400 by default",
        instead=lambda values: "4400",
    )

    given: frozenset[str] = frozenset()
    """The fields whose variables are set."""
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment, ``os.environ`` by default. ``warnings`` names values that do not parse."""
        source = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        refusals: dict[str, list[str]] = {}
        for item in _variables():
            values[item.name], refusals[item.name] = _read(item, source)
        warnings = tuple(
            f"{refusal}; using {_used(item, values)}" for item in _variables() for refusal in refusals[item.name]
        )
        given = frozenset(item.name for item in _variables() if any(name in source for name in item.metadata["names"]))
        return cls(**values, given=given, warnings=warnings)

    @classmethod
    def portable_variables(cls, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of ``environ`` that also mean something on another machine: no paths, no secrets."""
        known = (item.metadata["names"] for item in _variables() if item.metadata["kind"] is not PATH and item.repr)
        return {name: environ[name] for names in known for name in names if name in environ}

    def changed(self) -> dict[str, str]:
        """Return the values that differ from their defaults, by the documented variable: no secrets."""
        values = {item: getattr(self, item.name) for item in _variables() if item.repr}
        return {item.metadata["names"][0]: _shown(value) for item, value in values.items() if value != item.default}


def _shown(value: Any) -> str:
    """Return a value as its variable has it. A password in a URL is left out."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ",".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return _CREDENTIALS.sub("//", str(value))


def _variables() -> Iterator[Field[Any]]:
    return (item for item in fields(Settings) if "names" in item.metadata)


def _read(item: Field[Any], environ: Mapping[str, str]) -> tuple[Any, list[str]]:
    """Return the value of a field, and a text for each value that was refused before it."""
    kind: Kind[Any] = item.metadata["kind"]
    refused: list[str] = []
    for name in item.metadata["names"]:
        if name not in environ:
            continue
        text = environ[name]
        try:
            value = kind.parse(text)
        except ValueError:
            refused.append(f"{name}={text!r} is not {kind.expected}")
            continue
        return value, [*refused, *(f"{name}: {part}" for part in kind.left_out(text))]
    return item.default, refused


def _used(item: Field[Any], values: Mapping[str, Any]) -> str:
    instead: Callable[[Mapping[str, Any]], str] | None = item.metadata["instead"]
    value = values[item.name]
    return str(value) if instead is None else instead(values)


@dataclass(frozen=True, slots=True)
class VariableHelp:
    """One row of the manual's table of variables."""

    names: tuple[str, ...]
    default: str
    effect: str


def documented_variables() -> list[VariableHelp]:
    """Return the rows of the manual's table of variables."""
    return [
        VariableHelp(
            item.metadata["names"], "unset" if item.default is None else str(item.default), item.metadata["effect"]
        )
        for item in _variables()
    ]
