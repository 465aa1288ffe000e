#!/usr/bin/env bash
# Resolves the dependencies anew and writes all three lock files: uv.lock, and its exports for plain pip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
uv lock "$@"
export_lock() { uv export --quiet --locked --no-emit-project --no-header --no-annotate --format requirements-txt "$@"; }
export_lock --no-dev --group build -o requirements-run.lock >/dev/null
export_lock --group dev -o requirements-dev.lock >/dev/null
