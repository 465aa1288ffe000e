#!/usr/bin/env bash
# Starts the API server, and again after a stop that was asked for. A process of the cluster does that, so that it is not
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
  wait
  # A crash is for people to look at.
  [[ -e "$API_SERVER_STOPPED" ]] || exit 1
  while [[ -e "$API_SERVER_STOPPED" ]]; do sleep 0.1; done
done
