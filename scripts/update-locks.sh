#!/usr/bin/env bash
# Resolves the dependencies anew and writes every lock file: uv.lock, and its exports that prepare-venv.sh installs.
# Arguments go to uv lock: scripts/update-locks.sh --upgrade-package aiohttp
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv lock "$@"
export_lock() {
  local name="$1"
  shift
  uv export --quiet --locked --no-emit-project --no-header --no-annotate --format requirements-txt \
    "$@" -o "requirements-$name.lock" >/dev/null
}
export_lock build --only-group build
export_lock run --no-dev --extra node --extra k8s --extra traces
export_lock groth16 --only-group groth16
export_lock dev --group dev --extra node --extra k8s --extra traces
