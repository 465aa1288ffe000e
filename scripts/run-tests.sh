#!/usr/bin/env bash
# Runs every check and test of the project on a machine that has only Python 3.11 and pip (or uv). Needs no network but
# the package index, once. Arguments go to pytest: scripts/run-tests.sh -k vector
#
# Skips (and shows with their reason) what needs Docker, a cluster or the real node when they are absent.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/prepare-venv.sh dev
bin=.venv/bin
export POL_PROOF_DEV_MODE="${POL_PROOF_DEV_MODE:-true}"

if (($# == 0)); then
  echo "==> ruff"
  "$bin/ruff" check .
  "$bin/ruff" format --check .
  echo "==> layers"
  "$bin/lint-imports" --no-cache
  echo "==> mypy"
  "$bin/mypy"
fi

echo "==> pytest"
exec "$bin/python" -m pytest "$@"
