#!/usr/bin/env bash
# Runs the demo scenario: a network of nodes under transactions, judged and taken down again.
# See usage() for the options; exit 0 = the scenario passed, 1 = it failed or could not run.
set -euo pipefail

CALLED_FROM="$PWD"
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
source scripts/lib/settings.sh
source scripts/lib/programs.sh
source scripts/lib/bundles.sh
source scripts/lib/docker.sh
source scripts/lib/cluster.sh

usage() {
  cat <<'TEXT'
Usage: scripts/run-examples.sh [options] [compose|local|k8s]

Modes:
  compose   Docker Compose (default)
  local     processes on this machine (host is another name for it)
  k8s       pods of the Kubernetes cluster of your kube config

Options:
  -t, --run-seconds N   how long the scenario runs, in seconds (required, above 0)
  -v, --validators N    number of validators (required)
  -e, --executors N     number of executors (required)
  -h, --help            this text

Environment:
  NOMOS_NODE_BIN, NOMOS_EXECUTOR_BIN   the nodes under test; unset: the embedded Python node
  NOMOS_BINARIES_TAR                   a bundle of prebuilt nodes and circuits
  VERSION, NOMOS_NODE_REV              win over versions.env
  NOMOS_PROVER                         development or groth16
  POL_PROOF_DEV_MODE                   true unless set; false needs circuits
  NOMOS_CIRCUITS                       directory of the installed circuits
  NOMOS_KZGRS_PARAMS_PATH              the KZG parameters: a file, or the directory it lies in
  NOMOS_TESTNET_IMAGE                  compose, k8s: the image (logos-blockchain-testing:local)
  NOMOS_SKIP_IMAGE_BUILD=1             compose, k8s: use the image as it is
  BASE_IMAGE, NOMOS_DEBIAN_MIRROR      compose, k8s: what the image is made from
  KUBECONFIG, K8S_CONTEXT              k8s: the cluster

All variables: docs/operations.md
TEXT
}

fail_usage() {
  printf '%s\n' "$1" >&2
  usage >&2
  exit 1
}

is_count() { [[ "$1" =~ ^[0-9]+$ ]]; }

parse_arguments() {
  MODE=compose RUN_SECONDS="" VALIDATORS="" EXECUTORS=""
  local taken
  while (($#)); do
    # An option takes the next argument; where there is none its value stays empty, and is refused below.
    taken=$(($# > 1 ? 2 : 1))
    case "$1" in
      -t | --run-seconds) RUN_SECONDS="${2-}" && shift "$taken" ;;
      --run-seconds=*) RUN_SECONDS="${1#*=}" && shift ;;
      -v | --validators) VALIDATORS="${2-}" && shift "$taken" ;;
      --validators=*) VALIDATORS="${1#*=}" && shift ;;
      -e | --executors) EXECUTORS="${2-}" && shift "$taken" ;;
      --executors=*) EXECUTORS="${1#*=}" && shift ;;
      -h | --help) usage && exit 0 ;;
      compose | local | k8s) MODE="$1" && shift ;;
      host) MODE=local && shift ;;
      *)
        # A bare number is the old spelling of --run-seconds.
        is_count "$1" || fail_usage "Unknown argument: $1"
        RUN_SECONDS="$1" && shift
        ;;
    esac
  done

  is_count "$RUN_SECONDS" && [[ "$RUN_SECONDS" =~ [1-9] ]] ||
    fail_usage "run-seconds must be a positive integer (pass -t/--run-seconds)"
  [[ -n "$VALIDATORS" && -n "$EXECUTORS" ]] ||
    fail_usage "validators and executors must be provided via -v/--validators and -e/--executors"
  is_count "$VALIDATORS" || fail_usage "validators must be a non-negative integer (pass -v/--validators)"
  is_count "$EXECUTORS" || fail_usage "executors must be a non-negative integer (pass -e/--executors)"
}

# Unpacks the bundle to .tmp/nomos-binaries and its circuits to where programs look for them.
restore_bundle() { # TAR
  local stage=".tmp/nomos-binaries"
  ARTIFACTS="$stage/artifacts"
  echo "==> Restoring binaries from $1"
  rm -rf "$stage"
  mkdir -p "$stage"
  tar -xzf "$1" -C "$stage" || fail "ERROR: $1 is not a complete .tar.gz archive; build or download it again."
  [[ -x "$ARTIFACTS/nomos-node" && -x "$ARTIFACTS/nomos-executor" ]] ||
    fail "ERROR: Bundle $1 missing binaries under artifacts/"
  check_bundle_revision "$ARTIFACTS/nomos-bundle-meta.env" "$1"
  check_architecture "$ARTIFACTS/nomos-node"
  check_architecture "$ARTIFACTS/nomos-executor"
  [[ -e "$ARTIFACTS/circuits/$NOMOS_KZG_FILE" ]] ||
    fail "ERROR: Bundle $1 missing artifacts/circuits/$NOMOS_KZG_FILE"
  mkdir -p "$NOMOS_KZG_DIR_REL"
  cp -a "$ARTIFACTS/circuits/." "$NOMOS_KZG_DIR_REL/"
}

require_given_bundle() {
  [[ -f "$NOMOS_BINARIES_TAR" ]] || fail_usage "NOMOS_BINARIES_TAR is set but missing: $NOMOS_BINARIES_TAR"
}

check_architecture() {
  is_for_machine "$1" "$(uname -m)" || fail \
    "ERROR: Restored executables do not match host architecture; $1 is not a program for Linux on $(uname -m). Use a bundle built for it."
}

# The directory that NOMOS_CIRCUITS names; where it is unset the restored one, then the place they are installed to.
require_circuits() {
  local circuits="${NOMOS_CIRCUITS:-}" restored="$ROOT/$NOMOS_KZG_DIR_REL"
  if [[ -z "$circuits" ]]; then
    circuits="$restored"
    [[ -x "$restored/zksign/witness_generator" || ! -d "$HOME/.nomos-circuits" ]] || circuits="$HOME/.nomos-circuits"
  fi
  [[ -x "$circuits/zksign/witness_generator" ]] || fail \
    "ERROR: Missing zksign/witness_generator in $circuits; $1 needs the circuits ($VERSION)." \
    "Set NOMOS_CIRCUITS to the directory they are installed in, or NOMOS_BINARIES_TAR to a bundle that holds them."
  export NOMOS_CIRCUITS="$circuits"
}

# Embedded and real nodes alike take a test set-up. The runner makes the same one, but says less while it does.
require_kzg() {
  local kzg="${NOMOS_KZGRS_PARAMS_PATH:-$ROOT/$NOMOS_KZG_DIR_REL/$NOMOS_KZG_FILE}"
  if [[ ! -e "$kzg" && -z "${NOMOS_KZGRS_PARAMS_PATH:-}" ]]; then
    echo "==> Making KZG parameters for tests, once; scripts/setup-nomos-circuits.sh downloads the real node's"
    scripts/make-kzgrs-test-params.sh
  fi
  [[ -e "$kzg" ]] || fail "ERROR: KZG params missing at $kzg" \
    "Correct NOMOS_KZGRS_PARAMS_PATH or unset it: \`make kzgrs_test_params\` makes a test set-up where it is looked for."
  export NOMOS_KZGRS_PARAMS_PATH="$kzg"
}

# The demo disperses blobs where there is an executor; a real node needs the file to start.
needs_kzg() { ((10#$EXECUTORS > 0 && 10#$VALIDATORS + 10#$EXECUTORS > 1)) || [[ -n "$REAL_NODES" ]]; }

# Real nodes and the Groth16 prover need circuits; the embedded node with development proofs needs none.
prepare_nodes() {
  if [[ -n "${NOMOS_BINARIES_TAR:-}" ]] && ! programs_given; then
    require_given_bundle
    restore_bundle "$NOMOS_BINARIES_TAR"
    # The programs become the nodes under test.
    export NOMOS_NODE_BIN="$ROOT/$ARTIFACTS/nomos-node" NOMOS_EXECUTOR_BIN="$ROOT/$ARTIFACTS/nomos-executor"
  fi
  require_proof_files
  REAL_NODES=""
  if is_real_node "${NOMOS_NODE_BIN:-}" || is_real_node "${NOMOS_EXECUTOR_BIN:-}"; then
    REAL_NODES=1
    require_circuits "a real node"
    # Real nodes check the genesis that the framework signs.
    [[ "${NOMOS_PROVER:-}" == development ]] || PACKAGES=groth16
  fi
}

# Sets PACKAGES to what .venv has to hold.
require_proof_files() {
  export POL_PROOF_DEV_MODE="${POL_PROOF_DEV_MODE-true}"
  PACKAGES=run
  if [[ "${NOMOS_PROVER:-}" == groth16 ]]; then
    require_circuits "NOMOS_PROVER=groth16"
    PACKAGES=groth16
  elif is_off "$POL_PROOF_DEV_MODE"; then
    require_circuits "POL_PROOF_DEV_MODE=$POL_PROOF_DEV_MODE"
    PACKAGES=groth16
  fi
}

size_demo() {
  export NOMOS_DEMO_VALIDATORS="$VALIDATORS" NOMOS_DEMO_EXECUTORS="$EXECUTORS" NOMOS_DEMO_RUN_SECS="$RUN_SECONDS"
}

run_local() {
  prepare_nodes
  scripts/prepare-venv.sh "$PACKAGES"
  ! needs_kzg || require_kzg
  size_demo
  exec .venv/bin/local_runner
}

# Where the image's nodes are real ones the framework signs with the circuits that they have.
prepare_image() {
  local tar="${NOMOS_BINARIES_TAR:-$(default_bundle linux)}"
  IMAGE_TAG="$NOMOS_TESTNET_IMAGE" testing-framework/assets/stack/scripts/build_test_image.sh
  [[ "$(meta_value node "$(bundle_meta "$tar")")" != embedded ]] || return 0
  restore_bundle "$tar"
  require_circuits "a real node"
  PACKAGES=groth16
}

run_compose() {
  export NOMOS_TESTNET_IMAGE="${NOMOS_TESTNET_IMAGE:-logos-blockchain-testing:local}"
  [[ -z "${NOMOS_BINARIES_TAR:-}" ]] || require_given_bundle
  require_proof_files
  # Without a daemon there is nothing to prepare; the runner says so.
  if is_off "${NOMOS_SKIP_IMAGE_BUILD:-}" && [[ -z "$(docker_defect)" ]]; then
    prepare_image
  fi
  scripts/prepare-venv.sh "$PACKAGES"
  size_demo
  exec .venv/bin/compose_runner
}

# A cluster that takes images of this machine gets the one that is built here. Another one pulls it.
bring_image() { # CONTEXT
  if ! takes_local_images "$1"; then
    echo "==> The cluster $1 pulls its images: NOMOS_TESTNET_IMAGE=$NOMOS_TESTNET_IMAGE must be in a registry that it reaches"
    return
  fi
  local defect
  defect="$(docker_defect)"
  if [[ -n "$defect" ]]; then
    echo "==> The cluster $1 has to have the image $NOMOS_TESTNET_IMAGE; it can't be built here: $defect"
    return
  fi
  ! is_off "${NOMOS_SKIP_IMAGE_BUILD:-}" || prepare_image
  ! image_exists "$NOMOS_TESTNET_IMAGE" || load_into_cluster "$1" "$NOMOS_TESTNET_IMAGE"
}

run_k8s() {
  export NOMOS_TESTNET_IMAGE="${NOMOS_TESTNET_IMAGE:-logos-blockchain-testing:local}"
  [[ -z "${NOMOS_BINARIES_TAR:-}" ]] || require_given_bundle
  require_proof_files
  scripts/prepare-venv.sh "$PACKAGES"
  local context
  context="$(cluster_context)"
  # Without a cluster there is nothing to prepare; the runner says so.
  if [[ -n "$context" ]]; then
    bring_image "$context"
    scripts/prepare-venv.sh "$PACKAGES"
  fi
  size_demo
  exec .venv/bin/k8s_runner
}

parse_arguments "$@"
load_settings
keep_callers_paths "$CALLED_FROM"
case "$MODE" in
  local) run_local ;;
  compose) run_compose ;;
  k8s) run_k8s ;;
esac
