# shellcheck shell=bash
# The settings that scripts share: versions.env, paths.env, and what the caller has set. Sourced, never run.

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Takes NAME=value lines; a variable that the caller has set keeps the caller's value.
load_defaults() {
  local name value
  while IFS='=' read -r name value; do
    [[ "$name" =~ ^[A-Z][A-Z0-9_]*$ ]] || continue
    [[ -n "${!name:-}" ]] || printf -v "$name" '%s' "$value"
  done <"$1"
}

load_settings() {
  local name
  [[ -f versions.env ]] || fail "ERROR: versions.env missing; run from repo root or restore the file."
  [[ -f paths.env ]] || fail "ERROR: paths.env missing; restore the file (git checkout paths.env)."
  load_defaults versions.env
  load_defaults paths.env
  for name in VERSION NOMOS_NODE_REV NOMOS_BUNDLE_VERSION; do
    [[ -n "${!name:-}" ]] || fail "ERROR: versions.env does not define $name; add a line $name=..."
  done
}

# What the caller named relatively is meant from where the caller stood.
keep_callers_paths() { # DIRECTORY_OF_THE_CALLER
  local name path
  [[ "$1" != "$PWD" ]] || return 0
  for name in NOMOS_BINARIES_TAR NOMOS_NODE_BIN NOMOS_EXECUTOR_BIN NOMOS_CIRCUITS NOMOS_KZGRS_PARAMS_PATH NOMOS_LOG_DIR; do
    path="${!name:-}"
    [[ -z "$path" || "$path" == [/~]* ]] || export "$name=$1/$path"
  done
}

is_off() { case "${1,,}" in "" | 0 | false | no | off) return 0 ;; *) return 1 ;; esac; }
