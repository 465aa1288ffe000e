# shellcheck shell=bash
# What scripts ask of Docker. Sourced, never run; needs settings.sh.

# Why no daemon can be used; nothing if one answers.
docker_defect() {
  local answer
  command -v docker >/dev/null || { echo "there is no program docker on PATH" && return; }
  answer="$(timeout 15 docker info -f '{{.ServerVersion}}' 2>&1)" || echo "${answer##*$'\n'}"
}

require_docker() {
  local defect
  defect="$(docker_defect)"
  [[ -z "$defect" ]] || fail \
    "ERROR: docker does not appear to be available on this host: $defect" \
    "Install it and start the daemon (systemctl start docker, or dockerd as root), or name another: DOCKER_HOST=..."
}

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

image_label() { docker image inspect -f "{{index .Config.Labels \"$2\"}}" "$1" 2>/dev/null || true; } # IMAGE LABEL

image_megabytes() { echo $(($(docker image inspect -f '{{.Size}}' "$1") / 1000000)); }

# The public base where it is there or can be had, else the one made from Debian packages.
find_base_image() { # PYTHON_VERSION
  local public="python:$1-slim-bookworm" own="${NOMOS_BASE_IMAGE:-logos-blockchain-testing:base}"
  if image_exists "$public"; then
    echo "$public"
  elif [[ "$1" == 3.11 ]] && image_exists "$own" && scripts/build-base-image.sh >&2; then
    echo "$own"
  elif echo "==> Pulling $public (five minutes at most)" >&2 && timeout 300 docker pull -q "$public" >/dev/null 2>.tmp/docker-pull.log; then
    echo "$public"
  elif [[ "$1" != 3.11 ]]; then
    fail "ERROR: the base image $public can't be pulled: $(tail -n 1 .tmp/docker-pull.log)" \
      "The base that scripts/build-base-image.sh makes has Python 3.11, and this bundle was made with $1:" \
      "prepare .venv with Python 3.11 (PYTHON_BIN=python3.11), or name a base with Python $1: BASE_IMAGE=..."
  else
    echo "==> $public can't be pulled; making a base from Debian packages" >&2
    scripts/build-base-image.sh >&2
    echo "$own"
  fi
}
