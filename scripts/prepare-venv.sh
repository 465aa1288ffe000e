#!/usr/bin/env bash
# Makes .venv from the lock files, once and quietly; a later call only compares a checksum.
#
#   scripts/prepare-venv.sh run       what the programs need
#   scripts/prepare-venv.sh groth16   that, and the GPL-3 package for real proofs
#   scripts/prepare-venv.sh dev       that, and what the tests and checks need
#
# Uses uv where it is on PATH, else Python's own venv and pip; both install the same locked, hashed packages.
#   PYTHON_BIN=/path/to/python   the interpreter (default: the first of python3, python3.13, ... that is 3.11 to 3.13)
#   NOMOS_NO_UV=1                pip even where uv is there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kind="${1:-run}"
case "$kind" in
  run) provides=(run) ;;
  groth16) provides=(run groth16) ;;
  dev) provides=(run groth16 dev) ;;
  *)
    echo "prepare-venv.sh: expected run, groth16 or dev, got '$kind'" >&2
    exit 1
    ;;
esac

# Whatever changes what is installed is part of the checksum; so is the place, because a copied .venv points to its origin.
wanted="$(cat pyproject.toml requirements-*.lock hatch_build.py src/nomos_core/_poseidon2.c | cksum) $PWD"
stamp=".venv/.prepared-$kind"
is_prepared() { [[ -x .venv/bin/python && -f "$stamp" && "$(<"$stamp")" == "$wanted" ]]; }
is_prepared && exit 0

fail() {
  printf 'prepare-venv.sh: %s\n' "$@" >&2
  exit 1
}

mkdir -p .tmp
log=".tmp/prepare-venv.log"
# Of several first starts at once one prepares and the others wait for it.
exec 9>.tmp/prepare-venv.lock
if command -v flock >/dev/null; then flock 9; fi
is_prepared && exit 0

quietly() {
  "$@" >>"$log" 2>&1 && return
  echo "prepare-venv.sh: this failed: $*" >&2
  echo "The end of $PWD/$log:" >&2
  tail -n 20 "$log" >&2
  exit 1
}

version_within() { # PYTHON FROM BEFORE: is FROM <= its minor version of Python 3 < BEFORE
  "$1" -c 'import sys; sys.exit(not (3, int(sys.argv[1])) <= sys.version_info < (3, int(sys.argv[2])))' "$2" "$3" \
    2>/dev/null
}

find_python() {
  local candidate
  if [[ -n "${PYTHON_BIN:-}" ]]; then
    version_within "$PYTHON_BIN" 11 100 ||
      fail "needs Python 3.11 or later; PYTHON_BIN=$PYTHON_BIN is $("$PYTHON_BIN" --version 2>&1 || echo 'no Python')."
    echo "$PYTHON_BIN"
    return
  fi
  for candidate in python3 python3.13 python3.12 python3.11; do
    if version_within "$candidate" 11 14; then
      echo "$candidate"
      return
    fi
  done
  # Newer than what the locked packages have wheels for: they will have to be compiled.
  version_within python3 11 100 ||
    fail "needs Python 3.11 or later; python3 is $(python3 --version 2>&1 || echo missing)." \
      "Install it (Debian: apt-get install python3.11 python3-pip), or name one: PYTHON_BIN=/path/to/python3.11"
  echo python3
}

# A set-up that did not get to its end, a copied .venv and one whose Python is gone are made anew.
discard_unusable_venv() {
  local origin
  [[ -e .venv || -L .venv ]] || return 0
  for origin in .venv/.prepared-*; do
    [[ ! -f "$origin" || "$(<"$origin")" == *" $PWD" ]] || rm -rf .venv
  done
  if [[ -e .venv/.preparing ]] || ! version_within .venv/bin/python 11 100; then rm -rf .venv; fi
}

lock_files() {
  case "$kind" in
    run) echo requirements-run.lock ;;
    groth16) echo requirements-run.lock requirements-groth16.lock ;;
    dev) echo requirements-dev.lock ;;
  esac
}

with_uv() {
  # Who set up a mirror for pip means it for uv too.
  if [[ -n "${PIP_INDEX_URL:-}" && -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]]; then
    export UV_DEFAULT_INDEX="$PIP_INDEX_URL"
  fi
  [[ -d .venv ]] || quietly uv venv --python "${PYTHON_BIN:-">=3.11,<3.14"}" .venv
  : >.venv/.preparing
  install=(uv pip install --python .venv/bin/python --compile-bytecode --no-deps --no-build-isolation)
}

with_pip() {
  local python pip
  if [[ ! -d .venv ]]; then
    python=$(find_python)
    quietly "$python" -m venv --without-pip .venv
  fi
  : >.venv/.preparing
  # The base interpreter's pip installs into .venv: saves installing one there. Run from there by its path it would take
  # the base's own packages for installed, so it is told the interpreter.
  python=$(.venv/bin/python -c 'import sys; print(sys._base_executable)')
  if "$python" -m pip --python .venv/bin/python --version >/dev/null 2>&1; then
    pip=("$python" -m pip --python .venv/bin/python)
  else
    .venv/bin/python -m ensurepip >>"$log" 2>&1 ||
      fail "neither uv nor pip 22.3 or later is there for $python." \
        "Debian: apt-get install python3-pip python3-venv; elsewhere: $python -m ensurepip --user"
    pip=(.venv/bin/python -m pip)
  fi
  install=("${pip[@]}" --disable-pip-version-check --no-input install --no-deps --no-build-isolation --use-pep517)
}

echo "==> Preparing .venv (once)" >&2
: >"$log"
discard_unusable_venv
if [[ -z "${NOMOS_NO_UV:-}" ]] && uv --version >/dev/null 2>&1; then with_uv; else with_pip; fi
requirements=()
for file in $(lock_files); do requirements+=(-r "$file"); done
# What comes as source is built by locked tools too: they are installed first, and nothing fetches others.
quietly "${install[@]}" --require-hashes -r requirements-build.lock
quietly "${install[@]}" --require-hashes "${requirements[@]}"
quietly "${install[@]}" -e .
for each in "${provides[@]}"; do echo "$wanted" >".venv/.prepared-$each"; done
rm .venv/.preparing
