"""The kinds of causes that the diagnosis knows. ``docs/diagnosis.md`` is made from this table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of cause."""

    known: str
    """Its id, which does not change."""
    means: str
    """The cause, in one line."""
    recognised: str
    """How it is recognised, in one line."""
    remedy: str
    """The advice, unless the run tells something better."""


_READ_THE_LOG: Final = "read the last lines of the node's log, which the run directory has"
_LATER: Final = "let the fault end earlier (lasting), heal it in the workload, or ask less of the network meanwhile"

_ALL: Final = (
    Kind(
        "bug-in-workload",
        "the code of a workload raised an error",
        "the journal's `exception_raised` of a workload, if the verdict is *errored*",
        "correct the code of the workload; if it means to fail the run, let it raise Failure",
    ),
    Kind(
        "bug-in-expectation",
        "the code of an expectation raised an error",
        "the journal's `exception_raised` of an expectation, if the verdict is *errored*",
        "correct the code of the expectation; if it means to fail the run, let it raise ExpectationFailed",
    ),
    Kind(
        "bug-in-test",
        "another part of the test raised an error: a healer, or a task beside the workloads",
        "the journal's `exception_raised` of another part of the test",
        "correct the code that the traceback names; if it means to fail the run, let it raise Failure",
    ),
    Kind(
        "bug-in-framework",
        "a part of the framework raised an error, so that the run was no longer observed",
        "the journal's `exception_raised`, if the verdict is *errored (framework)*",
        "report it with the run directory",
    ),
    Kind(
        "node-killed",
        "a node was killed, and not started again or too late",
        "the journal's `node_controlled` (kill) without a start before the end of the run or before a failure "
        "was noticed, or a `node_exited` by "
        "SIGKILL or SIGTERM that the run had not asked for",
        "let the fault end earlier (lasting), or start the node again in the workload",
    ),
    Kind(
        "node-stopped",
        "a node was stopped, and not started again or too late",
        "the journal's `node_controlled` (stop) without a start before the end of the run or before a failure "
        "was noticed",
        "let the fault end earlier (lasting), or start the node again in the workload",
    ),
    Kind(
        "node-frozen",
        "a node was frozen, and not continued or too late",
        "the journal's `node_controlled` (pause) without a resume before the end of the run or before a failure "
        "was noticed",
        "let the fault end earlier (lasting), or resume the node in the workload",
    ),
    Kind(
        "node-restarted",
        "a node was restarted shortly before a failure was noticed",
        "the journal's `node_controlled` (restart), up to 10 slots before an `expectation_broken`",
        "leave the node time to recover, or ask less of the network meanwhile",
    ),
    Kind(
        "node-ended",
        "a node ended by itself",
        "a `node_exited` that the run had not asked for, with another exit code than that of a signal",
        _READ_THE_LOG,
    ),
    Kind(
        "node-silent",
        "a node stopped answering while its process ran",
        "no answer in the last samples, with nothing done to it",
        f"look whether somebody has frozen its process, and {_READ_THE_LOG}",
    ),
    Kind(
        "node-slow",
        "one node is much slower than the others",
        "it was frozen for a fifth of the run or more; or, with nothing done to it, it was silent or 2 blocks behind "
        "for a fifth of the time, and twice as long as any other node",
        "look for what takes its processor or its network, or give it more of them",
    ),
    Kind(
        "out-of-memory",
        "a node needed more memory than there was",
        "exit code 137, *out of memory* or *OOMKilled* in its end or in its log",
        "give the node more memory, or run fewer nodes on the machine",
    ),
    Kind(
        "disk-full",
        "a node could write nothing",
        "the journal's `node_controlled` (fill disk) up to the end of the node or of the run, or when a failure was "
        "noticed; or *No space left on "
        "device*, *database or disk is full* in the node's log",
        "make room on the disk, or let the fault end earlier (lasting)",
    ),
    Kind(
        "clock-skewed",
        "the clock of a node was wrong",
        "the journal's `node_controlled` (put the clock off) up to the end of the run, or when a failure was noticed; "
        "or all blocks in the node's log stand 2 slots or more, always as many, from the moment they were seen",
        "let the fault end earlier (lasting), or shift the clock less than a slot",
    ),
    Kind(
        "partition-kept",
        "links were cut up to the end of the run, or when a failure was noticed",
        "the journal's `network_impaired` (partition) without a `network_restored` before the end of the run, or "
        "before a failure was noticed",
        _LATER,
    ),
    Kind(
        "links-impaired",
        "links were slow or lossy up to the end of the run, or when a failure was noticed",
        "the journal's `network_impaired` without a `network_restored` before the end of the run, or "
        "before a failure was noticed",
        _LATER,
    ),
    Kind(
        "fault-not-recovered",
        "the network did not recover from a fault in time",
        "a `fault_healed` without `fault_recovered`, if `recovers_from_faults` failed",
        "give more time (within, run_for), or read the logs of the nodes that are behind",
    ),
    Kind(
        "fault-not-injected",
        "a fault could not be injected",
        "*could not be injected* in the failure",
        "do what the message says, or leave the fault out",
    ),
    Kind(
        "heal-failed",
        "the effects of a fault could not be undone",
        "*could not be healed*, *was healed, but*, *healing failed* in the failure",
        "read the logs of the nodes that the message names",
    ),
    Kind(
        "run-too-short",
        "the run is too short for the blocks that are asked for",
        "fewer than 10 blocks expected in the run's duration, if `consensus_liveness` or `validator_heights` failed",
        "run longer (run_for): 30 s are enough for a smoke test, 60 s with transactions",
    ),
    Kind(
        "node-isolated",
        "a node had no peers, without a fault that explains it",
        "0 peers in the last samples of one node, while other nodes have some",
        _READ_THE_LOG,
    ),
    Kind(
        "relay-ended",
        "the relay between the nodes ended, so that they no longer reached each other",
        "the journal's `relay_ended`",
        "read relay.log in the run directory, and report it",
    ),
    Kind(
        "machine-overloaded",
        "the machine is too slow for the slots of the network",
        "the journal's `machine_fell_behind`, or the verdict *slow*: too few blocks while processors, a node or the "
        "event loop were at their limit",
        "use longer slots, fewer nodes, or fewer other programs",
    ),
    Kind(
        "wallet-too-small",
        "the accounts have too few tokens, or are too few",
        "the text of the failure, or of the refusal of a transaction",
        "fund more wallets or more tokens (wallets), or lower the rate",
    ),
    Kind(
        "kzg-missing",
        "the KZG parameters are missing or damaged",
        "*missing KZG parameters*, *Failed to load KZG parameters* and the like, in the preflight or in a node's log",
        "make a test set-up with `nomos-testing kzg-params PATH`, or correct or unset NOMOS_KZGRS_PARAMS_PATH",
    ),
    Kind(
        "circuits-missing",
        "proofs are to be real, and the circuits are missing",
        "*real proofs are needed*, *Circuit file not found* and the like, in the preflight or in a node's log",
        "set POL_PROOF_DEV_MODE=true to run with development proofs, or install the circuits",
    ),
    Kind(
        "proof-failed",
        "a proof could not be made or was refused",
        "*Proof verification failed*, *Proof generation timeout* and the like in a node's log or in the failure",
        "set POL_PROOF_DEV_MODE=true for all nodes, or look whether all use the same circuits",
    ),
    Kind(
        "port-taken",
        "another program uses a port of a node",
        "*port in use*, *Address already in use* and the like, in the log of a node that ended",
        "run again; `ss -lntup` shows which process listens",
    ),
    Kind(
        "program-wrong",
        "a program is no node, or the other kind of node",
        "*is no node* and the like in the preflight",
        "point NOMOS_NODE_BIN and NOMOS_EXECUTOR_BIN to node programs, or unset them",
    ),
    Kind(
        "program-missing",
        "a node program, or a package that it needs, is not there",
        "*does not exist*, *was not found*, *are not installed* in the preflight",
        "install this project into the running environment, or name the program by NOMOS_NODE_BIN",
    ),
    Kind(
        "configuration-refused",
        "a node refused its configuration",
        "the log of a node that ended before it was ready",
        "change the scenario, or use a node program of the revision that this version supports",
    ),
    Kind(
        "image-missing",
        "the image of the nodes is not there, or does not fit the machine",
        "*docker image ... is not available* and the like",
        "build it with build_test_image.sh, or set NOMOS_TESTNET_IMAGE",
    ),
    Kind(
        "permission-missing",
        "the account may not do what the run needs",
        "*this account may not*, *is not writable*, *Permission denied*",
        "choose another place or another account; deploy/k8s/rbac.yaml has what a cluster must grant",
    ),
    Kind(
        "control-missing",
        "the deployer or the machine cannot inject a fault of the scenario",
        "a problem of the preflight that names the fault's field",
        "use another deployer, or other faults",
    ),
    Kind(
        "not-ready-in-time",
        "the nodes run and the network did not become ready",
        "a wait for readiness that was given up",
        "read the nodes' logs; set SLOW_TEST_ENV=true on a slow machine",
    ),
    Kind(
        "preflight-problem",
        "something else that the run needs is missing",
        "any other problem of the preflight; its own text says what and what to do",
        "do what the message says",
    ),
)
KINDS: Final[Mapping[str, Kind]] = {kind.known: kind for kind in _ALL}
"""Every kind of cause by its id."""
