#!/usr/bin/env bash
# Runs every check and test of the project on a machine that has only Python 3.11 and pip (or uv). Needs no network but
# the package index, once. With arguments it runs pytest alone, with them: scripts/run-tests.sh -k vector
#
# Tests skip, with their reason in the summary, where Docker, a cluster or the real node is absent; a Docker daemon is
# started for them where none runs and that can be done (scripts/with-docker.sh), and so is a cluster
# (scripts/with-cluster.sh). Exit 0 = all passed and no process or temporary file is left.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

scripts/prepare-venv.sh dev || exit
export PATH="$PWD/.venv/bin:$PATH" POL_PROOF_DEV_MODE="${POL_PROOF_DEV_MODE:-true}"

pytest_alone() { python scripts/check-leftovers.py -- python -m pytest -o tmp_path_retention_policy=failed "$@"; }

pytest_with_docker() { scripts/with-docker.sh python scripts/check-leftovers.py -- python -m pytest -o tmp_path_retention_policy=failed "$@"; }

# The cluster is the inner one: it takes its images from the daemon, and its firewall goes before the daemon's.
pytest_with_cluster() {
  scripts/with-docker.sh scripts/with-cluster.sh \
    python scripts/check-leftovers.py -- python -m pytest -o tmp_path_retention_policy=failed "$@"
}

# `python -O` leaves out the asserts of the sources, and nothing may hang on one. Those of the tests stay: pytest rewrites
# them. Programs that the tests start are optimised too.
# shellcheck disable=SC2329 # `step` calls it
optimised() {
  local -x PYTHONOPTIMIZE=1
  local asserts_stay=(-W "ignore:assertions not in test modules")
  pytest_alone -n 2 "${asserts_stay[@]}" -m 'not network and not docker and not kubernetes and not slow' \
    tests/nomos_testing/{blocks,cli,client,cluster,deployers,expectations,journal,report,runtime,workloads} \
    tests/nomos_core/ledger tests/nomos_node/{chain,mempool} &&
    pytest_alone "${asserts_stay[@]}" tests/integration/test_one_scenario_twice.py
}

if (($#)); then
  if [[ "$*" == *kubernetes* ]]; then pytest_with_cluster "$@"; elif [[ "$*" == *docker* ]]; then pytest_with_docker "$@"; else pytest_alone "$@"; fi
  exit
fi

summary=() failed=0
step() { # NAME COMMAND...
  local name="$1" started=$SECONDS outcome=passed
  shift
  echo "==> $name"
  "$@" || outcome=FAILED failed=1
  summary+=("$(printf '%-14s %-7s %4d s' "$name" "$outcome" $((SECONDS - started)))")
}

step "style" ruff check .
step "format" ruff format --check .
step "layers" lint-imports --no-cache
step "types" mypy
step "tests" pytest_alone -n 2 -m 'not network and not docker and not kubernetes'
step "python -O" optimised
# Networks of real processes mostly wait for their slots: three at a time. What needs Docker goes to one worker, one after
# the other, with the daemon that runs, or one of their own.
step "live tests" pytest_with_docker -n 3 -m '(network or docker) and not kubernetes and not nightly'
step "kubernetes" pytest_with_cluster -n 2 -m 'kubernetes and not nightly'

printf '%s\n' "" "${summary[@]}"
exit "$failed"
