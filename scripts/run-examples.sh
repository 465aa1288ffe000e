#!/usr/bin/env bash
# Runs the demo scenario: a network of nodes under transactions, judged and taken down again.
# See usage() for the options; exit 0 = the scenario passed, 1 = it failed or could not run.
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

usage() {
  cat <<'EOF'
Usage: scripts/run-examples.sh [options] [compose|host|k8s]

Modes:
  compose   Docker Compose (default)
  host      processes on this machine
  k8s       a Kubernetes cluster

Options:
  -t, --run-seconds N   how long the scenario runs, in seconds (required, > 0)
  -v, --validators N    number of validators (required)
  -e, --executors N     number of executors (required)
  -h, --help            this text

Environment:
  NOMOS_NODE_BIN, NOMOS_EXECUTOR_BIN   the nodes under test; unset: the embedded Python node
  NOMOS_BINARIES_TAR                   a bundle of prebuilt nodes and circuits
  VERSION, NOMOS_NODE_REV              override versions.env
  POL_PROOF_DEV_MODE                   true unless set; false needs circuits (NOMOS_CIRCUITS)
  NOMOS_SKIP_IMAGE_BUILD=1             compose, k8s: use the image as it is
EOF
}

fail_usage() {
  echo "$1" >&2
  usage >&2
  exit 1
}

fail() {
  echo "$1" >&2
  exit 1
}

is_count() { [[ "$1" =~ ^[0-9]+$ ]]; }

parse_arguments() {
  MODE="" RUN_SECONDS="" VALIDATORS="" EXECUTORS=""
  while (($#)); do
    case "$1" in
      -t | --run-seconds) RUN_SECONDS="${2-}"; shift $(($# > 1 ? 2 : 1)) ;;
      --run-seconds=*) RUN_SECONDS="${1#*=}"; shift ;;
      -v | --validators) VALIDATORS="${2-}"; shift $(($# > 1 ? 2 : 1)) ;;
      --validators=*) VALIDATORS="${1#*=}"; shift ;;
      -e | --executors) EXECUTORS="${2-}"; shift $(($# > 1 ? 2 : 1)) ;;
      --executors=*) EXECUTORS="${1#*=}"; shift ;;
      -h | --help) usage; exit 0 ;;
      compose | host | k8s) MODE="$1"; shift ;;
      *)
        # A bare number is the old spelling of --run-seconds.
        is_count "$1" && [[ -z "$RUN_SECONDS" ]] || fail_usage "Unknown argument: $1"
        RUN_SECONDS="$1"
        shift
        ;;
    esac
  done
  MODE="${MODE:-compose}"

  is_count "$RUN_SECONDS" && ((10#$RUN_SECONDS > 0)) ||
    fail_usage "run-seconds must be a positive integer (pass -t/--run-seconds)"
  [[ -n "$VALIDATORS" && -n "$EXECUTORS" ]] ||
    fail_usage "validators and executors must be provided via -v/--validators and -e/--executors"
  is_count "$VALIDATORS" || fail_usage "validators must be a non-negative integer (pass -v/--validators)"
  is_count "$EXECUTORS" || fail_usage "executors must be a non-negative integer (pass -e/--executors)"
}

load_settings() {
  [[ -f versions.env ]] || fail "ERROR: versions.env missing; run from repo root or restore the file."
  # shellcheck source=../versions.env
  source versions.env
  # shellcheck source=../paths.env
  source paths.env
  [[ -n "${VERSION:-}" && -n "${NOMOS_NODE_REV:-}" && -n "${NOMOS_BUNDLE_VERSION:-}" ]] ||
    fail "ERROR: versions.env must define VERSION, NOMOS_NODE_REV and NOMOS_BUNDLE_VERSION."
}

programs_given() { [[ -x "${NOMOS_NODE_BIN:-}" && -x "${NOMOS_EXECUTOR_BIN:-}" ]]; }

# The bundle is unpacked to .tmp/nomos-binaries and its programs become the nodes under test.
restore_bundle() {
  local tar="$NOMOS_BINARIES_TAR" stage=".tmp/nomos-binaries"
  [[ -f "$tar" ]] || fail "NOMOS_BINARIES_TAR is set but missing: $tar"
  echo "==> Restoring binaries from $tar"
  rm -rf "$stage"
  mkdir -p "$stage"
  tar -xzf "$tar" -C "$stage" || fail "ERROR: $tar is not a gzipped tar archive."
  local artifacts="$stage/artifacts"
  [[ -x "$artifacts/nomos-node" && -x "$artifacts/nomos-executor" ]] ||
    fail "ERROR: Bundle $tar missing binaries under artifacts/"
  check_bundle_revision "$artifacts/nomos-bundle-meta.env" "$tar"
  export NOMOS_NODE_BIN="$ROOT/$artifacts/nomos-node" NOMOS_EXECUTOR_BIN="$ROOT/$artifacts/nomos-executor"
  check_architecture "$NOMOS_NODE_BIN"
  if [[ -d "$artifacts/circuits" ]]; then
    mkdir -p "$NOMOS_KZG_DIR_REL"
    cp -a "$artifacts/circuits/." "$NOMOS_KZG_DIR_REL/"
  fi
}

check_bundle_revision() {
  local meta="$1" tar="$2" revision head
  [[ -f "$meta" ]] || fail "ERROR: $tar has no artifacts/nomos-bundle-meta.env; build it anew for NOMOS_NODE_REV=$NOMOS_NODE_REV."
  revision=$(sed -n 's/^nomos_node_rev=//p' "$meta")
  head=$(sed -n 's/^nomos_node_git_head=//p' "$meta")
  [[ "$revision" == "$NOMOS_NODE_REV" && "$head" == "$NOMOS_NODE_REV" ]] || fail \
    "ERROR: $tar was built from '${revision:-unknown}' (head '${head:-unknown}'), not NOMOS_NODE_REV=$NOMOS_NODE_REV. Build it anew, or set NOMOS_NODE_REV."
}

# Bytes 18-19 of an ELF file name its machine: 0x3e x86-64, 0xb7 aarch64. Scripts have none and run anywhere.
check_architecture() {
  local magic machine expected
  magic=$(od -An -tx1 -N4 "$1" | tr -d ' \n')
  [[ "$magic" == 7f454c46 ]] || { [[ "$(head -c 2 "$1")" == '#!' ]] && return 0; fail \
    "ERROR: Restored executables do not match host architecture; $1 is neither an ELF program nor a script."; }
  machine=$(od -An -tx1 -j18 -N1 "$1" | tr -d ' \n')
  case "$(uname -m)" in x86_64) expected=3e ;; aarch64 | arm64) expected=b7 ;; *) return 0 ;; esac
  [[ "$machine" == "$expected" ]] || fail \
    "ERROR: Restored executables do not match host architecture; $1 is not for $(uname -m)."
}

# Circuits matter only to real nodes and to the Groth16 prover; the embedded node's development proofs need no file.
require_circuits() {
  local circuits="$ROOT/$NOMOS_KZG_DIR_REL"
  [[ -x "${NOMOS_CIRCUITS:-}/zksign/witness_generator" ]] && circuits="$NOMOS_CIRCUITS"
  [[ -x "$circuits/zksign/witness_generator" ]] || fail \
    "ERROR: Missing zksign/witness_generator in $circuits; install the circuits or set NOMOS_CIRCUITS to their directory."
  export NOMOS_CIRCUITS="$circuits"
}

require_kzg() {
  local kzg="${NOMOS_KZGRS_PARAMS_PATH:-$ROOT/$NOMOS_KZG_DIR_REL/$NOMOS_KZG_FILE}"
  [[ -e "$kzg" ]] || fail "ERROR: KZG params missing at $kzg"
  export NOMOS_KZGRS_PARAMS_PATH="$kzg"
}

is_true() { case "${1,,}" in false | 0 | no | "") return 1 ;; *) return 0 ;; esac; }

prepare_nodes() {
  if [[ -n "${NOMOS_BINARIES_TAR:-}" ]] && ! programs_given; then restore_bundle; fi
  export POL_PROOF_DEV_MODE="${POL_PROOF_DEV_MODE-true}"
  if programs_given && ! embedded_programs; then
    require_circuits
    require_kzg
  elif [[ "${NOMOS_PROVER:-}" == groth16 ]] || ! is_true "$POL_PROOF_DEV_MODE"; then
    require_circuits
  fi
}

embedded_programs() { [[ "$(head -c 2 "$NOMOS_NODE_BIN")" == '#!' ]] && grep -q nomos_node "$NOMOS_NODE_BIN"; }

run_host() {
  prepare_nodes
  scripts/prepare-venv.sh run
  export NOMOS_DEMO_VALIDATORS="$VALIDATORS" NOMOS_DEMO_EXECUTORS="$EXECUTORS" NOMOS_DEMO_RUN_SECS="$RUN_SECONDS"
  exec .venv/bin/local_runner
}

cd "$ROOT"
parse_arguments "$@"
load_settings
case "$MODE" in
  host) run_host ;;
  *) fail "ERROR: mode '$MODE' is not available in this version; use: scripts/run-examples.sh -t $RUN_SECONDS -v $VALIDATORS -e $EXECUTORS host" ;;
esac
