#!/usr/bin/env bash
# Builds the image that compose and k8s runs start their nodes from, unless it is there and nothing has changed.
#
#   testing-framework/assets/stack/scripts/build_test_image.sh
#
#   IMAGE_TAG            its name (default NOMOS_TESTNET_IMAGE, else logos-blockchain-testing:local)
#   NOMOS_BINARIES_TAR   the bundle to take; unset: .tmp/nomos-binaries-linux-<VERSION>.tar.gz, made where it is missing
#                        or stale
#   BASE_IMAGE           an image with the bundle's Python (default python:3.11-slim-bookworm where it is there or can be
#                        pulled, else the one of scripts/build-base-image.sh)
#
# Exit 0 = the image is there, 1 = it is not.
set -euo pipefail

CALLED_FROM="$PWD"
cd "$(dirname "${BASH_SOURCE[0]}")/../../../.."
source scripts/lib/settings.sh
source scripts/lib/programs.sh
source scripts/lib/bundles.sh
source scripts/lib/docker.sh

STACK=testing-framework/assets/stack
CHECKSUM_LABEL=logos-blockchain-testing.context

find_bundle() {
  local defect
  if [[ -n "${NOMOS_BINARIES_TAR:-}" ]]; then
    TAR="$NOMOS_BINARIES_TAR"
    [[ -f "$TAR" ]] || fail "ERROR: Prebuilt binaries missing and bundle tar not found at $TAR" \
      "Build it (scripts/build-bundle.sh --platform linux), or unset NOMOS_BINARIES_TAR."
    return
  fi
  TAR="$(default_bundle linux)"
  defect="$(bundle_defect "$TAR" "$(uname -m)")"
  [[ -z "$defect" ]] || { echo "==> Building the bundle $TAR: $defect" && scripts/build-bundle.sh --platform linux --output "$TAR"; }
}

check_bundle() { # ARTIFACTS
  local program
  check_bundle_revision "$1/nomos-bundle-meta.env" "$TAR"
  [[ -f "$1/nomos-node" && -f "$1/nomos-executor" ]] || fail "ERROR: Bundle $TAR missing binaries under artifacts/"
  [[ -f "$1/circuits/$NOMOS_KZG_FILE" ]] || fail "ERROR: KZG params missing at artifacts/circuits/$NOMOS_KZG_FILE in $TAR" \
    "Build the bundle anew (scripts/build-bundle.sh --platform linux), which makes or takes them."
  for program in "$1/nomos-node" "$1/nomos-executor"; do
    is_for_machine "$program" "$MACHINE" || fail \
      "ERROR: $(basename "$program") in $TAR is not a program for Linux on $MACHINE, where Docker runs; use a bundle built for it."
  done
}

# A bundle from elsewhere has the real node's programs only; the cfgsync programs are this project's.
complete_bundle() { # ARTIFACTS
  local given="$1.given"
  [[ ! -d "$1/python" ]] || return 0
  echo "==> Adding the cfgsync programs"
  scripts/prepare-venv.sh groth16
  mv "$1" "$given"
  .venv/bin/python scripts/make-environment.py "$1" --groth16
  cp -a "$given/." "$1/"
  rm -rf "$given"
}

prepare_context() { # DIRECTORY
  local artifacts="$1/artifacts" program
  tar -xzf "$TAR" -C "$1" || fail "ERROR: $TAR is not a complete .tar.gz archive; build or download it again."
  check_bundle "$artifacts"
  complete_bundle "$artifacts"
  mkdir -p "$artifacts/bin" "$1/scripts"
  for program in nomos-node nomos-executor nomos-cli cfgsync-server cfgsync-client; do
    [[ ! -e "$artifacts/$program" ]] || mv "$artifacts/$program" "$artifacts/bin/"
  done
  cp "$STACK"/scripts/{run_*,ask_cfgsync}.sh "$1/scripts/"
  chmod -R a+rX "$1" # the image's user is not root
}

# BuildKit where it is; the classic builder does as well, and is what Debian's docker.io has.
choose_builder() { docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0; }

build() { # CONTEXT
  local log=.tmp/build-test-image.log
  docker build -f "$STACK/Dockerfile" -t "$IMAGE_TAG" --build-arg BASE_IMAGE="$BASE" \
    --build-arg CONTEXT_CHECKSUM="$checksum" "$1" >"$log" 2>&1 && return
  tail -n 15 "$log" >&2
  if grep -qi 'no space left on device' "$log"; then
    fail "ERROR: docker build of $IMAGE_TAG ran out of disk space; its output: $PWD/$log" \
      "Make room where Docker keeps its images ($(docker info -f '{{.DockerRootDir}}')): docker system df"
  fi
  fail "ERROR: docker build of $IMAGE_TAG failed; its output: $PWD/$log"
}

# Runs go on without metrics where there is no Prometheus, and say so.
make_prometheus() {
  scripts/build-prometheus-image.sh --if-needed || echo "==> There is no image of Prometheus: runs collect no metrics" >&2
}

(($# == 0)) || fail "Unknown argument: $1" "Usage: testing-framework/assets/stack/scripts/build_test_image.sh (variables in its head)"
load_settings
keep_callers_paths "$CALLED_FROM"
IMAGE_TAG="${IMAGE_TAG:-${NOMOS_TESTNET_IMAGE:-logos-blockchain-testing:local}}"
require_docker
mkdir -p .tmp
MACHINE="$(docker info -f '{{.Architecture}}')"
find_bundle
python="$(meta_value python "$(bundle_meta "$TAR")")"
BASE="${BASE_IMAGE:-$(find_base_image "${python:-3.11}")}"
base_id="$(docker image inspect -f '{{.Id}}' "$BASE" 2>/dev/null || echo "$BASE")"
checksum="$({ cksum <"$TAR" && cat "$STACK/Dockerfile" "$STACK"/scripts/*.sh && echo "$base_id"; } | cksum | cut -d' ' -f1)"
if [[ "$(image_label "$IMAGE_TAG" "$CHECKSUM_LABEL")" == "$checksum" ]]; then
  echo "Image $IMAGE_TAG is up to date"
  make_prometheus
  exit 0
fi
context="$(mktemp -d .tmp/image-context.XXXXXX)"
trap 'rm -rf "$context"' EXIT
prepare_context "$context"
echo "==> Building $IMAGE_TAG on $BASE"
choose_builder
build "$context"
echo "Image $IMAGE_TAG: $(image_megabytes "$IMAGE_TAG") MB"
make_prometheus
