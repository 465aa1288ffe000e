#!/usr/bin/env bash
# Starts the API server and the controllers, and both again after a stop that was asked for. A process of the cluster does that, so that it is not
# the child of whoever asks for the start: a test, whose children are ended with it.
set -uo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
source "$ROOT/scripts/lib/settings.sh"
source "$ROOT/scripts/test-cluster/settings.sh"
source "$ROOT/scripts/test-cluster/build.sh"
source "$ROOT/scripts/test-cluster/processes.sh"
source "$ROOT/scripts/test-cluster/components.sh"

while :; do
  start_api_server
  while is_running kube-apiserver && ! kubectl get --raw /readyz >/dev/null 2>&1; do sleep 0.1; done
  # The kubelet that waited for it goes on waiting, for up to a minute. Pods run on without one.
  if is_running kubelet; then kill_component kubelet && start_kubelet; fi
  start_controllers
  wait "$(component_pid kube-apiserver)"
  # A crash is for people to look at.
  [[ -e "$API_SERVER_STOPPED" ]] || exit 1
  while [[ -e "$API_SERVER_STOPPED" ]]; do sleep 0.1; done
done
