#!/bin/sh
# The entry point of a node's container: asks cfgsync for the configuration, then becomes the node.
#
#   run_nomos.sh validator|executor
#
# A container that is started again takes the configuration it has. Exit codes: 126 the program is not for this machine,
# 2 wrong usage, 1 no configuration came; else the node's own.
set -eu

role="${1:-}"
case "$role" in
  validator) program=nomos-node ;;
  executor) program=nomos-executor ;;
  *)
    echo "run_nomos.sh: unknown role '$role'; expected validator or executor" >&2
    exit 2
    ;;
esac

bytes() { od -An -tx1 -j"$2" -N"$3" "$1" | tr -d ' \n'; } # FILE OFFSET COUNT

# A script runs anywhere. Else byte 18 of an ELF file names its machine: 3e is x86-64, b7 aarch64.
require_fitting_program() { # PATH
  case "$(bytes "$1" 0 4)" in
    2321*) return 0 ;;
    7f454c46) found="$(bytes "$1" 18 1)" ;;
    cffaedfe | cefaedfe | cafebabe | feedfacf) found="a macOS program" ;;
    *) found="no ELF program" ;;
  esac
  case "$(uname -m)" in
    x86_64) wanted=3e ;;
    aarch64) wanted=b7 ;;
    *) return 0 ;;
  esac
  if [ "$found" != "$wanted" ]; then
    echo "run_nomos.sh: $1 is not for Linux on $(uname -m) (found: $found); build the image from a bundle for it" >&2
    exit 126
  fi
}

path="$(command -v "$program")" || {
  echo "run_nomos.sh: $program is not in this image" >&2
  exit 126
}
require_fitting_program "$path"

export CFG_FILE_PATH="${CFG_FILE_PATH:-${PWD%/}/config.yaml}"
export CFG_SERVER_ADDR="${CFG_SERVER_ADDR:-http://cfgsync:${NOMOS_CFGSYNC_PORT:-4400}}"
export CFG_HOST_KIND="${CFG_HOST_KIND:-$role}"
export CFG_HOST_IDENTIFIER="${CFG_HOST_IDENTIFIER:-$role-0}"
export NOMOS_KZGRS_PARAMS_PATH="${NOMOS_KZGRS_PARAMS_PATH:-${NOMOS_KZG_CONTAINER_PATH:-/kzgrs_test_params/kzgrs_test_params}}"
export NOMOS_TIME_BACKEND="${NOMOS_TIME_BACKEND:-monotonic}"
export POL_PROOF_DEV_MODE="${POL_PROOF_DEV_MODE:-true}"
if [ -z "${CFG_HOST_IP:-}" ]; then
  # In several networks a container has several addresses; cfgsync takes one.
  CFG_HOST_IP="$(hostname -i | cut -d' ' -f1)"
  export CFG_HOST_IP
fi

# The nodes know LOG_*; what the manual's variables ask for is put into these.
if [ -z "${LOG_LEVEL:-}" ]; then
  case "${NOMOS_LOG_LEVEL:-}" in
    [Dd][Ee][Bb][Uu][Gg]) export LOG_LEVEL=DEBUG ;;
    [Ii][Nn][Ff][Oo]) export LOG_LEVEL=INFO ;;
    [Ww][Aa][Rr][Nn]) export LOG_LEVEL=WARN ;;
    [Ee][Rr][Rr][Oo][Rr]) export LOG_LEVEL=ERROR ;;
  esac
fi
if [ -n "${NOMOS_LOG_DIR:-}" ]; then
  mkdir -p "$NOMOS_LOG_DIR"
  export LOG_BACKEND=file LOG_DIR="$NOMOS_LOG_DIR" LOG_PATH="$program-${CFG_HOST_IDENTIFIER##*-}"
fi

mkdir -p recovery

project="${PYTHONPATH:-}"
ask="$(dirname "$0")/ask_cfgsync.sh"
# The embedded node's modules take a second to load: as well while the others announce themselves.
if [ ! -s "$CFG_FILE_PATH" ] && [ -f "${project%%:*}/nomos_node/start_when_configured.py" ] && [ "$(bytes "$path" 0 2)" = 2321 ]; then
  exec python3 -m nomos_node.start_when_configured "$program" "$CFG_FILE_PATH" "$ask"
fi
"$ask"
exec "$program" "$CFG_FILE_PATH"
