#!/usr/bin/env bash
# Runs a command where a Kubernetes cluster can be used: with the one that kubectl reaches, else with a disposable one
# (scripts/test-cluster.sh), which ends with the command and leaves nothing. Where neither can be had the command runs all the
# same, and a line says why there is none. The exit code is the command's.
#
#   scripts/with-cluster.sh COMMAND [ARGUMENT...]
#
# A disposable cluster takes its images from a Docker daemon: scripts/with-docker.sh scripts/with-cluster.sh COMMAND
set -uo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
source "$ROOT/scripts/lib/settings.sh"
source "$ROOT/scripts/test-cluster/settings.sh"
source "$ROOT/scripts/test-cluster/build.sh"

(($#)) || fail "Usage: scripts/with-cluster.sh COMMAND [ARGUMENT...]"

# kubectl of PATH, else the one that a disposable cluster was built with.
find_kubectl() {
  if type -P kubectl >/dev/null; then
    echo kubectl
  elif programs_are_built; then
    echo "$KUBE kubectl"
  fi
}

configured() { [[ -n "${KUBECONFIG:-}" || -f "${HOME:-}/.kube/config" ]]; }

# The version of the cluster that is configured; fails if none answers.
answers() {
  local program
  configured || return
  read -ra program <<<"$(find_kubectl)"
  ((${#program[@]})) || return
  timeout 20 "${program[@]}" version --request-timeout=10s 2>/dev/null | sed -n 's/^Server Version: //p' | grep .
}

# The disposable cluster brings a kubectl for the command, if there is none.
use_own() {
  export KUBECONFIG PATH="$PATH:$STATE/bin"
}

# The disposable cluster, where it is up.
find_own() { "$ROOT/scripts/test-cluster.sh" status 2>/dev/null | sed -n 's/^export KUBECONFIG=//p' | grep .; }

start_own() {
  local errors
  errors="$(mktemp)"
  "$ROOT/scripts/test-cluster.sh" up 2>"$errors" | sed '/^export /d' || reason="$(<"$errors")"
  rm -f "$errors"
  [[ -z "$reason" ]] && KUBECONFIG="$(find_own)"
}

if version="$(answers)"; then
  echo "==> Kubernetes: the cluster that is configured ($version)"
  exec "$@"
fi
reason=""
if [[ -n "${KUBECONFIG:-}" && -z "$(find_kubectl)" ]]; then
  reason="there is no kubectl on PATH to ask the cluster of KUBECONFIG=$KUBECONFIG with"
elif [[ -n "${KUBECONFIG:-}" ]]; then
  reason="KUBECONFIG=$KUBECONFIG names no cluster that answers"
elif KUBECONFIG="$(find_own)"; then
  use_own
  echo "==> Kubernetes: the disposable cluster that is up"
  exec "$@"
else
  trap 'trap "" INT TERM HUP; "$ROOT/scripts/test-cluster.sh" down >/dev/null' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  if start_own; then
    use_own
    echo "==> Kubernetes: a disposable cluster, until this ends"
    "$@"
    exit
  fi
  trap - EXIT INT TERM HUP
  unset KUBECONFIG
fi
echo "==> Kubernetes: none, what needs it is skipped: $reason"
exec "$@"
