#!/usr/bin/env bash
# Makes .venv from the lock file, once and quietly; a second call only compares a checksum.
#
#   scripts/prepare-venv.sh run   what the programs need
#   scripts/prepare-venv.sh dev   that, and what the tests and checks need
#
# With uv on PATH it is used; else Python's own venv and pip. Needs Python 3.11 or later ($PYTHON_BIN, default python3).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kind="${1:-run}"
case "$kind" in run | dev) ;; *)
  echo "prepare-venv.sh: expected run or dev, got '$kind'" >&2
  exit 2
  ;;
esac

checksum=$(cat uv.lock pyproject.toml hatch_build.py src/nomos_core/_poseidon2.c requirements-"$kind".lock | cksum)
stamp=".venv/.prepared-$kind"
[[ -f "$stamp" && "$(<"$stamp")" == "$checksum" ]] && exit 0

mkdir -p .tmp
exec 9>.tmp/prepare-venv.lock
flock 9 2>/dev/null || true
[[ -f "$stamp" && "$(<"$stamp")" == "$checksum" ]] && exit 0

log=".tmp/prepare-venv.log"
python="${PYTHON_BIN:-python3}"

run_quietly() {
  if ! "$@" >>"$log" 2>&1; then
    echo "prepare-venv.sh: '$*' failed; the end of $log:" >&2
    tail -n 20 "$log" >&2
    exit 1
  fi
}

require_python() {
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "prepare-venv.sh: needs Python 3.11 or later; '$python' is $("$python" --version 2>&1 || echo missing)." >&2
    echo "Install it, or name another one: PYTHON_BIN=/path/to/python3.11 $0" >&2
    exit 1
  fi
}

with_uv() {
  local groups=(--no-dev)
  [[ "$kind" == dev ]] && groups=(--group dev)
  run_quietly uv sync --locked --inexact "${groups[@]}" --reinstall-package logos-blockchain-testing
}

with_pip() {
  require_python
  if ! "$python" -m pip --version >/dev/null 2>&1; then
    echo "prepare-venv.sh: '$python' has no pip (and uv is not on PATH). On Debian: apt-get install python3-pip" >&2
    exit 1
  fi
  [[ -x .venv/bin/python ]] || run_quietly "$python" -m venv --without-pip .venv
  local pip=("$python" -m pip --python .venv/bin/python --disable-pip-version-check --no-input)
  run_quietly "${pip[@]}" install --no-deps --require-hashes -r "requirements-$kind.lock"
  run_quietly "${pip[@]}" install --no-deps --no-build-isolation -e .
}

echo "==> Preparing .venv (once)" >&2
: >"$log"
if command -v uv >/dev/null 2>&1 && [[ -z "${NOMOS_NO_UV:-}" ]]; then with_uv; else with_pip; fi
echo "$checksum" >"$stamp"
