#!/usr/bin/env bash
# Runs a command where Docker can be used: with the daemon that answers, else with one of its own, which ends with the
# command and leaves nothing: no container, no data, no rule of the firewall. Where neither can be had the command runs all
# the same, and a line says why there is none. The exit code is the command's.
#
#   scripts/with-docker.sh COMMAND [ARGUMENT...]
#
# A daemon of our own needs root, and the programs dockerd, containerd, iptables and ip (Debian: docker.io, iptables, iproute2). Base
# images that it made are kept as files in .tmp/docker-images, because they take a minute.
#   NOMOS_DOCKER_DATA=DIRECTORY   where it keeps its data, which then stay (default: below .tmp, and deleted)
set -uo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
source "$ROOT/scripts/lib/settings.sh"
source "$ROOT/scripts/lib/docker.sh"

KEPT_IMAGES=(logos-blockchain-testing:base logos-blockchain-testing:prometheus)
KEPT_IN="$ROOT/.tmp/docker-images"
START_SECONDS=40 STOP_SECONDS=20
PATH="$PATH:/usr/sbin:/sbin"

(($#)) || fail "Usage: scripts/with-docker.sh COMMAND [ARGUMENT...]"

# Why no daemon of our own can be started; nothing if it can.
obstacle() {
  local program
  if [[ -n "${DOCKER_HOST:-}" ]]; then
    echo "DOCKER_HOST=$DOCKER_HOST does not answer" && return
  fi
  for program in docker dockerd containerd iptables ip; do
    command -v "$program" >/dev/null || { echo "there is no program $program (Debian: docker.io, iptables, iproute2)" && return; }
  done
  [[ "$(id -u)" == 0 ]] || echo "no daemon answers, and only root may start one"
}

answers() { timeout 10 docker version -f '{{.Server.Version}}' 2>/dev/null; }

start_daemon() {
  mkdir -p "$ROOT/.tmp"
  run="$(mktemp -d /tmp/nomos-docker.XXXXXX)" # short: the path of a socket is at most 108 bytes
  data="${NOMOS_DOCKER_DATA:-$(mktemp -d "$ROOT/.tmp/docker-data.XXXXXX")}"
  firewall="$(iptables-save 2>/dev/null)"
  forwarding="$(cat /proc/sys/net/ipv4/ip_forward 2>/dev/null)"
  had_bridge="$(ip link show docker0 2>/dev/null)"
  export DOCKER_HOST="unix://$run/docker.sock"
  # In a session of its own: an interrupt is the command's, which may still need it.
  setsid dockerd --host "$DOCKER_HOST" --data-root "$data" --exec-root "$run/exec" --pidfile "$run/pid" \
    >"$run/log" 2>&1 &
  daemon=$!
  local deadline=$((SECONDS + START_SECONDS))
  until version="$(answers)"; do
    if ! kill -0 "$daemon" 2>/dev/null || ((SECONDS > deadline)); then
      reason="dockerd did not start: $(grep -iE 'fatal|error|failed' "$run/log" | tail -n 1)"
      return 1
    fi
    sleep 0.2
  done
}

load_images() {
  local file
  for file in "$KEPT_IN"/*.tar; do
    [[ ! -f "$file" ]] || docker load -qi "$file" >/dev/null || rm -f "$file"
  done
}

keep_images() {
  local image file
  mkdir -p "$KEPT_IN"
  for image in "${KEPT_IMAGES[@]}"; do
    file="$KEPT_IN/${image//[:\/]/_}.tar"
    image_exists "$image" || continue
    [[ -f "$file" && "$(cat "$file.id" 2>/dev/null)" == "$(image_id "$image")" ]] && continue
    docker save -o "$file.new" "$image" && mv "$file.new" "$file" && image_id "$image" >"$file.id"
  done
}

image_id() { docker image inspect -f '{{.Id}}' "$1"; }

stop_daemon() {
  local containers deadline=$((SECONDS + STOP_SECONDS))
  mapfile -t containers < <(docker ps -aq 2>/dev/null)
  ((${#containers[@]} == 0)) || docker rm -f "${containers[@]}" >/dev/null
  kill -TERM "$daemon" 2>/dev/null
  while kill -0 "$daemon" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.1; done
  # Should it hang, its containerd goes with it.
  kill -KILL "$daemon" "$(cat "$run/exec/containerd/containerd.pid" 2>/dev/null)" 2>/dev/null
  wait "$daemon" 2>/dev/null
  [[ -n "$had_bridge" ]] || ip link delete docker0 2>/dev/null
  restore_firewall
  [[ -z "$forwarding" ]] || echo "$forwarding" >/proc/sys/net/ipv4/ip_forward
  local left
  while read -r left; do umount -l "$left"; done < <(awk '{print $2}' /proc/mounts | grep -F -e "$run/" -e "$data/" || true)
  rm -rf --one-file-system "$run"
  [[ -n "${NOMOS_DOCKER_DATA:-}" ]] || rm -rf --one-file-system "$data"
}

# What was there before; tables that nobody had used are not in what was saved, so all are emptied first.
restore_firewall() {
  local table
  for table in filter nat; do iptables -t "$table" -F && iptables -t "$table" -X; done
  iptables -P FORWARD ACCEPT
  [[ -z "$firewall" ]] || iptables-restore <<<"$firewall"
}

if version="$(answers)"; then
  echo "==> Docker: the daemon that is running ($version)"
  exec "$@"
fi
reason="$(obstacle)"
if [[ -z "$reason" ]]; then
  trap 'trap "" INT TERM HUP; stop_daemon' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  if start_daemon; then
    echo "==> Docker: a daemon of our own ($version), until this ends"
    load_images
    "$@"
    code=$?
    keep_images
    exit "$code"
  fi
  stop_daemon
  trap - EXIT INT TERM HUP
  unset DOCKER_HOST
fi
echo "==> Docker: none, what needs it is skipped: $reason"
exec "$@"
