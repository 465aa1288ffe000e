from __future__ import annotations

from pathlib import Path

import pytest

from nomos_testing.settings import Settings, documented_variables


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    assert Settings.from_environ({}) == Settings()


def test_the_documented_name_wins_over_its_aliases() -> None:
    environ = {"LOCAL_DEMO_VALIDATORS": "2", "NOMOS_DEMO_VALIDATORS": "3"}
    assert Settings.from_environ(environ).demo_validators == 3


def test_a_value_that_does_not_parse_is_named_and_the_next_alias_is_read() -> None:
    settings = Settings.from_environ({"NOMOS_DEMO_VALIDATORS": "three", "LOCAL_DEMO_VALIDATORS": "4"})
    assert settings.demo_validators == 4
    assert settings.warnings == ("NOMOS_DEMO_VALIDATORS='three' is not a whole number, 0 or more; using 4",)


@pytest.mark.parametrize(
    ("name", "bad", "field", "default"),
    [
        ("NOMOS_DEMO_VALIDATORS", "-1", "demo_validators", 1),
        ("NOMOS_DEMO_RUN_SECS", "0", "demo_run_seconds", 60),
        ("CONSENSUS_SLOT_TIME", "soon", "slot_seconds", 2.0),
        ("CONSENSUS_SLOT_TIME", "nan", "slot_seconds", 2.0),
        ("CONSENSUS_ACTIVE_SLOT_COEFF", "1.5", "active_slot_coeff", 0.9),
    ],
)
def test_bad_values_fall_back_with_a_warning(name: str, bad: str, field: str, default: object) -> None:
    settings = Settings.from_environ({name: bad})
    assert getattr(settings, field) == default
    (warning,) = settings.warnings
    assert warning.startswith(f"{name}={bad!r} is not ")
    assert warning.endswith(f"using {default}")


@pytest.mark.parametrize(
    ("text", "meant"), [("true", True), ("1", True), ("false", False), ("0", False), ("no", False), ("", False)]
)
def test_development_proofs_are_off_only_where_the_text_says_so(text: str, meant: bool) -> None:
    assert Settings.from_environ({"POL_PROOF_DEV_MODE": text}).pol_proof_dev_mode is meant


def test_only_the_word_true_turns_on_tracing_and_slow_environment() -> None:
    on = Settings.from_environ({"NOMOS_TESTS_TRACING": "TRUE", "SLOW_TEST_ENV": "true"})
    off = Settings.from_environ({"NOMOS_TESTS_TRACING": "1", "SLOW_TEST_ENV": "yes"})
    assert (on.tests_tracing, on.slow_environment) == (True, True)
    assert (off.tests_tracing, off.slow_environment) == (False, False)


@pytest.mark.parametrize(
    ("name", "bad", "used"),
    [
        ("NOMOS_LOG_LEVEL", "loud", "info"),
        ("NOMOS_PROVER", "groth", "groth16 where it is installed, else development"),
        ("COMPOSE_NODE_PAIRS", "2y1", "3x1"),
        ("TEST_FRAMEWORK_PROMETHEUS_PORT", "many", "9090 where it is free, else a free port"),
        ("COMPOSE_GRAFANA_PORT", "0", "a free port"),
        ("K8S_NAMESPACE", "Team_A", "a namespace of the run's own"),
        ("K8S_CONTEXT", " ", "the current context"),
        ("NOMOS_KZG_MODE", "disk", "hostPath if the cluster's only machine is this one, else inImage"),
        ("NOMOS_TESTNET_IMAGE_PULL_POLICY", "Sometimes", "IfNotPresent"),
        ("K8S_RUNNER_REQUESTS", "cpu=lots", "the scenario's requests"),
        ("K8S_RUNNER_LIMITS", "memory", "the scenario's limits"),
        ("K8S_RUNNER_NODE_SELECTOR", "-disk=ssd", "the scenario's node selector"),
        ("NOMOS_CFGSYNC_PORT", "70000", "4400"),
    ],
)
def test_a_bad_value_of_a_variable_without_a_default_names_what_is_used(name: str, bad: str, used: str) -> None:
    (warning,) = Settings.from_environ({name: bad, "NOMOS_DEMO_VALIDATORS": "3"}).warnings
    assert warning.startswith(f"{name}={bad!r} is not ")
    assert warning.endswith(f"; using {used}")


@pytest.mark.parametrize("bad", ["", "loud", "-1", "~nobody/x", "=", "a=loud,b"])
def test_no_warning_says_that_none_is_used(bad: str) -> None:
    names = [name for item in documented_variables() for name in item.names]
    warnings = Settings.from_environ(dict.fromkeys(names, bad)).warnings
    assert len(warnings) > 10
    assert not [warning for warning in warnings if "None" in warning]


def test_the_log_filter_keeps_what_names_a_target_and_a_level() -> None:
    text = "consensus=trace, nomos_da=DEBUG,nomos_mempool=loud,nonsense,=info,http=off,"
    settings = Settings.from_environ({"NOMOS_LOG_FILTER": text, "NOMOS_LOG_LEVEL": "warn"})
    assert settings.log_filter == {"consensus": "trace", "nomos_da": "debug", "http": "off"}
    form = "is not of the form target=level, with a level of error, warn, info, debug, trace, off"
    assert settings.warnings == tuple(
        f"NOMOS_LOG_FILTER: {entry!r} {form}; using warn there, the nodes' level"
        for entry in ("nomos_mempool=loud", "nonsense", "=info")
    )


def test_a_log_filter_of_which_nothing_is_left_is_none() -> None:
    settings = Settings.from_environ({"NOMOS_LOG_FILTER": "nomos_consensus=loud", "NOMOS_TESTS_TRACING": "true"})
    assert settings.log_filter is None
    (warning,) = settings.warnings
    assert warning.endswith("using debug there, the nodes' level")


def test_the_frameworks_log_keeps_the_directives_that_parse() -> None:
    settings = Settings.from_environ({"RUST_LOG": "info, loud,nomos_testing.client=debug"})
    form = "a level or of the form target=level, with a level of off, error, warn, info, debug, trace"
    used = "info,nomos_testing.client=debug"
    assert settings.framework_log == used
    assert settings.warnings == (f"RUST_LOG: 'loud' is not {form}; using {used}",)


@pytest.mark.parametrize(("text", "warnings"), [("", 0), ("debug", 0), ("nomos_node=trace,info", 0), ("loud", 1)])
def test_the_frameworks_log_is_warned_of_only_where_it_does_not_parse(text: str, warnings: int) -> None:
    assert len(Settings.from_environ({"RUST_LOG": text}).warnings) == warnings


def test_paths_may_start_with_the_home_directory() -> None:
    assert Settings.from_environ({"NOMOS_LOG_DIR": "~/logs"}).log_dir == Path.home() / "logs"


def test_no_variable_is_declared_twice_and_each_has_a_sentence() -> None:
    documented = documented_variables()
    names = [name for item in documented for name in item.names]
    assert len(names) == len(set(names))
    assert all(item.effect for item in documented)


def test_the_variables_of_kubernetes_are_read_in_the_form_that_its_api_takes() -> None:
    settings = Settings.from_environ(
        {
            "K8S_RUNNER_NAMESPACE": "team-a",
            "NOMOS_KZG_MODE": "hostpath",
            "NOMOS_TESTNET_IMAGE_PULL_POLICY": "always",
            "K8S_RUNNER_REQUESTS": "cpu=100m, memory=256Mi",
            "K8S_RUNNER_LIMITS": "cpu=1.5,nvidia.com/gpu=1,memory=1e9",
            "K8S_RUNNER_NODE_SELECTOR": "kubernetes.io/hostname=worker-1,disk=",
            "K8S_RUNNER_SPREAD": "false",
        }
    )
    assert settings.warnings == ()
    assert settings.k8s_namespace == "team-a"
    assert (settings.kzg_mode, settings.image_pull_policy) == ("hostPath", "Always")
    assert settings.k8s_requests == {"cpu": "100m", "memory": "256Mi"}
    assert settings.k8s_limits == {"cpu": "1.5", "nvidia.com/gpu": "1", "memory": "1e9"}
    assert settings.k8s_node_selector == {"kubernetes.io/hostname": "worker-1", "disk": ""}
    assert settings.k8s_spread is False


def test_pods_of_kubernetes_and_containers_of_compose_are_kept_each_for_itself() -> None:
    compose = Settings.from_environ({"TESTNET_RUNNER_PRESERVE": "1"})
    k8s = Settings.from_environ({"K8S_RUNNER_PRESERVE": "1"})
    assert (compose.preserve, compose.k8s_preserve) == (True, False)
    assert (k8s.preserve, k8s.k8s_preserve) == (False, True)


def test_changed_values_are_told_as_their_variables_have_them_without_secrets() -> None:
    settings = Settings.from_environ(
        {
            "LOCAL_DEMO_VALIDATORS": "3",
            "NOMOS_DEMO_EXECUTORS": "1",
            "CONSENSUS_SLOT_TIME": "0.5",
            "POL_PROOF_DEV_MODE": "1",
            "NOMOS_TESTS_KEEP_LOGS": "",
            "NOMOS_LOG_DIR": "/logs",
            "NOMOS_LOG_FILTER": "mempool=debug,da=trace",
            "COMPOSE_NODE_PAIRS": "3x2",
            "NOMOS_OTLP_ENDPOINT": "http://user:secret@collector:4317/v1",
            "COMPOSE_GRAFANA_PASSWORD": "secret",
            "UNKNOWN": "secret",
        }
    )
    assert settings.changed() == {
        "NOMOS_DEMO_VALIDATORS": "3",
        "CONSENSUS_SLOT_TIME": "0.5",
        "POL_PROOF_DEV_MODE": "true",
        "NOMOS_TESTS_KEEP_LOGS": "true",
        "NOMOS_LOG_DIR": "/logs",
        "NOMOS_LOG_FILTER": "mempool=debug,da=trace",
        "COMPOSE_NODE_PAIRS": "3x2",
        "NOMOS_OTLP_ENDPOINT": "http://collector:4317/v1",
    }
    assert Settings().changed() == {}
