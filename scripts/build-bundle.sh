#!/usr/bin/env bash
# Packs the node's programs, with what they need to run, into one archive that hosts and images take them from.
# See usage() for the options. Exit 0 = the bundle is there, 1 = it is not.
set -euo pipefail

CALLED_FROM="$PWD"
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$ROOT"
source scripts/lib/settings.sh
source scripts/lib/programs.sh
source scripts/lib/bundles.sh

usage() {
  cat <<'TEXT'
Usage: scripts/build-bundle.sh [options]

Options:
  -p, --platform host|linux   what it is for (host)
  -o, --output PATH           where to put it (.tmp/nomos-binaries-<platform>-<VERSION>.tar.gz)
  --path DIR                  a checkout of the real node whose programs are built
  --rev REV                   a revision of the real node: its checkout .tmp/nomos-node-<platform>-src has to be built
  --features LIST             what the real node was built with; goes into the bundle's description
  --docker-platform P         linux/amd64 or linux/arm64 (this machine's)
  -h, --help                  this text

The programs, first of: --path, --rev, NOMOS_NODE_BIN and NOMOS_EXECUTOR_BIN where they are real nodes, NOMOS_NODE_PATH of
versions.env; else the embedded Python node, as one relocatable environment that needs only Python there.
TEXT
}

fail_usage() {
  printf '%s\n' "$1" >&2
  usage >&2
  exit 1
}

parse_arguments() {
  PLATFORM=host OUTPUT="" REV="" CHECKOUT="" FEATURES="${NOMOS_EXTRA_FEATURES:-}"
  DOCKER_PLATFORM="${NOMOS_BUNDLE_DOCKER_PLATFORM:-${NOMOS_BIN_PLATFORM:-}}"
  local taken
  while (($#)); do
    taken=$(($# > 1 ? 2 : 1))
    case "$1" in
      -h | --help) usage && exit 0 ;;
      -p | --platform) PLATFORM="${2-}" ;;
      -o | --output) OUTPUT="${2-}" ;;
      --rev) REV="${2-}" ;;
      --path) CHECKOUT="${2-}" ;;
      --features) FEATURES="${2-}" ;;
      --docker-platform) DOCKER_PLATFORM="${2-}" ;;
      *) fail_usage "Unknown argument: $1" ;;
    esac
    [[ "$taken" == 2 ]] || fail_usage "$1 needs a value"
    shift 2
  done
  [[ "$PLATFORM" == host || "$PLATFORM" == linux ]] || fail_usage "--platform must be host or linux"
  [[ -z "$REV" || -z "$CHECKOUT" ]] || fail_usage "Use either --rev or --path, not both"
  case "$DOCKER_PLATFORM" in
    "") MACHINE="$(uname -m)" ;;
    linux/amd64) MACHINE=x86_64 ;;
    linux/arm64 | linux/arm64/v8) MACHINE=aarch64 ;;
    *) fail_usage "--docker-platform must be linux/amd64 or linux/arm64, got $DOCKER_PLATFORM" ;;
  esac
  [[ "$MACHINE" != arm64 ]] || MACHINE=aarch64
}

require_linux() {
  [[ "$PLATFORM" == linux && "$(uname -s)" != Linux ]] || return 0
  command -v docker >/dev/null || fail "Docker is required to build a Linux bundle from non-Linux host"
  fail "ERROR: a Linux bundle is made on Linux; in a container, for example:" \
    "  git clone . .tmp/linux && docker run --rm -v \"\$PWD/.tmp/linux:/repository\" -w /repository python:3.11-bookworm \\" \
    "    scripts/build-bundle.sh --platform linux"
}

how_to_build() { # REV
  fail "ERROR: $2" \
    "This project can't compile the real node. Where its sources and Rust are:" \
    "  git clone https://github.com/logos-co/nomos-node && cd nomos-node && git checkout $1" \
    "  cargo build -p nomos-node -p nomos-executor -p nomos-cli --features nomos-node/testing,pol-dev-mode" \
    "Then scripts/build-bundle.sh --path that-checkout, or NOMOS_NODE_BIN and NOMOS_EXECUTOR_BIN set to the two programs," \
    "or put the checkout to .tmp/nomos-node-$PLATFORM-src. Without all this the embedded node is packed: leave --rev out."
}

# Sets NODE, EXECUTOR and CLI to real programs, or NODE to nothing.
choose_programs() {
  local program
  NODE="" EXECUTOR="" CLI="" SOURCE_PATH="" HEAD="$NOMOS_NODE_REV"
  if [[ -n "$CHECKOUT" ]]; then
    take_checkout "$CHECKOUT"
  elif [[ -n "$REV" ]]; then
    local built=".tmp/nomos-node-$PLATFORM-src"
    [[ -d "$built" && "$(checkout_head "$built")" == "$REV" ]] ||
      how_to_build "$REV" "no built checkout of the node at revision $REV is at $built."
    take_checkout "$built"
  elif programs_given && program="$(first_that_is_no_node)" && [[ -n "$program" ]]; then
    fail "ERROR: $program is no node: point NOMOS_NODE_BIN and NOMOS_EXECUTOR_BIN to nomos-node and nomos-executor, or unset both."
  elif is_real_node "${NOMOS_NODE_BIN:-}" || is_real_node "${NOMOS_EXECUTOR_BIN:-}"; then
    programs_given || fail "ERROR: NOMOS_NODE_BIN and NOMOS_EXECUTOR_BIN go together; set both to programs, or neither."
    NODE="$NOMOS_NODE_BIN" EXECUTOR="$NOMOS_EXECUTOR_BIN" CLI="$(dirname "$NODE")/nomos-cli"
  elif [[ -n "${NOMOS_NODE_PATH:-}" ]]; then
    take_checkout "$NOMOS_NODE_PATH"
  fi
}

checkout_head() { git -C "$1" rev-parse HEAD 2>/dev/null || true; }

take_checkout() {
  local directory
  [[ -d "$1" ]] || fail "ERROR: there is no checkout of the node at $1"
  SOURCE_PATH="$(cd "$1" && pwd)"
  HEAD="$(checkout_head "$SOURCE_PATH")"
  for directory in "$SOURCE_PATH/target/release" "$SOURCE_PATH/target/debug"; do
    if [[ -x "$directory/nomos-node" && -x "$directory/nomos-executor" ]]; then
      NODE="$directory/nomos-node" EXECUTOR="$directory/nomos-executor" CLI="$directory/nomos-cli"
      return
    fi
  done
  how_to_build "${REV:-$NOMOS_NODE_REV}" "$1 holds no built node (looked for target/release and target/debug)."
}

check_machine() {
  local program
  for program in ${NODE:+"$NODE"} ${EXECUTOR:+"$EXECUTOR"}; do
    is_for_machine "$program" "$MACHINE" || fail "ERROR: $program is not a program for Linux on $MACHINE."
  done
  [[ "$MACHINE" == "$(uname -m | sed s/arm64/aarch64/)" ]] || fail \
    "ERROR: a bundle for $MACHINE can't be made on $(uname -m): the Python packages in it are those of the machine." \
    "Run this on a $MACHINE machine, without --docker-platform."
}

pack_circuits() { # DESTINATION
  local circuits kzg
  mkdir -p "$1"
  circuits="$(find_circuits)"
  if [[ -n "$circuits" ]]; then
    cp -a "$circuits/." "$1/"
  elif [[ -n "$NODE" || "${NOMOS_PROVER:-}" == groth16 ]]; then
    fail "ERROR: Missing zksign/witness_generator; $([[ -n "$NODE" ]] && echo "a real node" || echo "NOMOS_PROVER=groth16") needs the circuits ($VERSION)." \
      "Set NOMOS_CIRCUITS to the directory they are installed in."
  fi
  kzg="${NOMOS_KZGRS_PARAMS_PATH:-}"
  [[ -z "$kzg" || -e "$kzg" ]] || fail "ERROR: KZG params missing at $kzg" "Correct NOMOS_KZGRS_PARAMS_PATH or unset it."
  [[ ! -d "$kzg" ]] || kzg="$kzg/$NOMOS_KZG_FILE"
  if [[ -z "$kzg" ]]; then
    kzg="$NOMOS_KZG_DIR_REL/$NOMOS_KZG_FILE"
    [[ -f "$kzg" ]] || scripts/make-kzgrs-test-params.sh
  fi
  cp -fL "$kzg" "$1/$NOMOS_KZG_FILE"
}

pack_programs() { # DESTINATION
  local with=()
  [[ "$PACKAGES" == run ]] || with=(--groth16)
  # The cfgsync programs are ours, whichever the node is; so the environment is in every bundle.
  .venv/bin/python scripts/make-environment.py "$1" "${with[@]}"
  [[ -n "$NODE" ]] || return 0
  install -m 755 "$NODE" "$1/nomos-node"
  install -m 755 "$EXECUTOR" "$1/nomos-executor"
  rm -f "$1/nomos-cli"
  [[ ! -x "$CLI" ]] || install -m 755 "$CLI" "$1/nomos-cli"
}

write_meta() { # FILE
  cat >"$1" <<META
nomos_node_path=$SOURCE_PATH
nomos_node_rev=${REV:-$HEAD}
nomos_node_git_head=$HEAD
platform=$PLATFORM
features=${FEATURES:-${NODE:+unknown}}
node=$([[ -n "$NODE" ]] && echo real || echo embedded)
machine=$MACHINE
python=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
bundle_version=$NOMOS_BUNDLE_VERSION
sources=$SOURCES
META
}

pack() { # STAGE
  local compress="gzip -1n" fresh="$OUTPUT.$$"
  ! command -v pigz >/dev/null || compress="pigz -1n"
  mkdir -p "$(dirname "$OUTPUT")"
  # The same programs give the same archive, so that the image of it stays as it is.
  tar -C "$1" -I "$compress" --owner=0 --group=0 --sort=name --mtime=@1577836800 -cf "$fresh" artifacts/nomos-bundle-meta.env \
    --exclude=artifacts/nomos-bundle-meta.env artifacts ||
    { rm -f "$fresh" && fail "ERROR: the bundle could not be written to $OUTPUT; is there room? (df -h $(dirname "$OUTPUT"))"; }
  mv -f "$fresh" "$OUTPUT"
}

parse_arguments "$@"
load_settings
keep_callers_paths "$CALLED_FROM"
[[ -n "$REV$CHECKOUT$NOMOS_NODE_REV${NOMOS_NODE_PATH:-}" ]] ||
  fail "Provide --rev, --path, or set NOMOS_NODE_REV/NOMOS_NODE_PATH in versions.env"
[[ -z "$CHECKOUT" || "$CHECKOUT" == /* || "$CALLED_FROM" == "$ROOT" ]] || CHECKOUT="$CALLED_FROM/$CHECKOUT"
OUTPUT="${OUTPUT:-$(default_bundle "$PLATFORM")}"
require_linux
choose_programs
check_machine
SOURCES="$(if [[ -n "$NODE" ]]; then NOMOS_NODE_BIN="$NODE" NOMOS_EXECUTOR_BIN="$EXECUTOR" given_programs; else embedded_sources; fi)"
PACKAGES=run
if [[ -n "$NODE" || "${NOMOS_PROVER:-}" == groth16 || -n "$(find_circuits)" ]]; then PACKAGES=groth16; fi

echo "Bundle output: $OUTPUT"
scripts/prepare-venv.sh "$PACKAGES"
mkdir -p .tmp
stage="$(mktemp -d .tmp/bundle.XXXXXX)"
trap 'rm -rf "$stage"' EXIT
echo "==> Preparing circuits"
pack_circuits "$stage/artifacts/circuits"
echo "==> Building binaries"
pack_programs "$stage/artifacts"
echo "==> Packaging bundle"
write_meta "$stage/artifacts/nomos-bundle-meta.env"
pack "$stage"
echo "Bundle created at $OUTPUT ($(($(stat -c %s "$OUTPUT") / 1000000)) MB)"
