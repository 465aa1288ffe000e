#!/usr/bin/env bash
# Makes the base of the nodes' image from Debian packages, for machines that reach no container registry: a minimal
# Debian 12 with Python 3.11 and the libraries that the real nodes' programs and circuits want. Needs root, for debootstrap.
#
#   scripts/build-base-image.sh            does nothing if the image is there already, made by this very script
#   scripts/build-base-image.sh --force    makes it anew
#
#   NOMOS_BASE_IMAGE      its name (default logos-blockchain-testing:base)
#   NOMOS_DEBIAN_MIRROR   where the packages come from (default http://deb.debian.org/debian)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib/settings.sh
source scripts/lib/docker.sh

IMAGE="${NOMOS_BASE_IMAGE:-logos-blockchain-testing:base}"
MIRROR="${NOMOS_DEBIAN_MIRROR:-http://deb.debian.org/debian}"
SUITE=bookworm
PACKAGES=python3.11,ca-certificates,libgmp10,libgomp1,libstdc++6
RECIPE=1 # to be counted up with what is done to it below
RECIPE_LABEL=logos-blockchain-testing.recipe

case "${1:-}" in
  "") force="" ;;
  --force) force=1 ;;
  *) fail "Unknown argument: $1" "Usage: scripts/build-base-image.sh [--force]" ;;
esac

require_docker

recipe="debian $SUITE $PACKAGES; $RECIPE"
if [[ -z "$force" && "$(image_label "$IMAGE" "$RECIPE_LABEL")" == "$recipe" ]]; then
  echo "Base image $IMAGE is there already"
  exit 0
fi

[[ "$(id -u)" == 0 ]] ||
  fail "ERROR: debootstrap needs root to make the base image $IMAGE." \
    "Run it once as root (sudo scripts/build-base-image.sh), or name a base that is there: BASE_IMAGE=..."
if ! command -v debootstrap >/dev/null; then
  command -v apt-get >/dev/null || fail "ERROR: debootstrap is missing; install it with your system's package manager."
  echo "==> Installing debootstrap"
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends debootstrap debian-archive-keyring \
    >/dev/null 2>&1 || fail "ERROR: debootstrap is missing, and this failed: apt-get install debootstrap debian-archive-keyring"
fi

mkdir -p .tmp
root="$(mktemp -d .tmp/base-image.XXXXXX)"
log=.tmp/build-base-image.log
trap 'rm -rf "$root"' EXIT

echo "==> Unpacking Debian $SUITE with Python 3.11"
if ! debootstrap --variant=minbase --include="$PACKAGES" "$SUITE" "$root" "$MIRROR" >"$log" 2>&1; then
  cp -f "$root/debootstrap/debootstrap.log" "$log.packages" 2>/dev/null || true
  tail -n 15 "$log" >&2
  fail "ERROR: debootstrap failed; its output: $PWD/$log" "Is $MIRROR reachable? NOMOS_DEBIAN_MIRROR names another mirror."
fi

# What nobody reads in a container: two thirds of the size.
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,info,locale}/* "$root"/var/log/*.log
ln -sf python3.11 "$root/usr/bin/python3"
ln -sf python3.11 "$root/usr/bin/python"

echo "==> Importing it as $IMAGE"
replaced="$(docker image inspect -f '{{.Id}}' "$IMAGE" 2>/dev/null || true)"
tar -C "$root" --one-file-system -c . |
  docker import --change "LABEL $RECIPE_LABEL=\"$recipe\"" --change 'CMD ["/bin/sh"]' --change 'ENV LANG=C.UTF-8' - "$IMAGE" >/dev/null ||
  fail "ERROR: docker import failed; is there room where Docker keeps its images? df -h \"$(docker info -f '{{.DockerRootDir}}')\""
# What images stand on stays.
[[ -z "$replaced" ]] || docker rmi "$replaced" >/dev/null 2>&1 || true
echo "Base image $IMAGE: $(image_megabytes "$IMAGE") MB"
