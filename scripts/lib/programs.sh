# shellcheck shell=bash
# What kind of program a file is. Sourced, never run.

file_bytes() { od -An -tx1 -j"$2" -N"$3" "$1" | tr -d ' \n'; } # FILE OFFSET COUNT

# A program that is not this project's own node.
is_real_node() {
  [[ -x "${1:-}" ]] || return 1
  ! { [[ "$(file_bytes "$1" 0 2)" == 2321 ]] && grep -q nomos_node "$1"; }
}

programs_given() { [[ -x "${NOMOS_NODE_BIN:-}" && -x "${NOMOS_EXECUTOR_BIN:-}" ]]; }

# An ELF file's byte 18 names its machine: 0x3e x86-64, 0xb7 aarch64. A script has none and runs anywhere.
is_for_machine() { # PROGRAM MACHINE
  local expected
  [[ "$(file_bytes "$1" 0 2)" != 2321 ]] || return 0
  case "$2" in
    x86_64) expected=3e ;;
    aarch64 | arm64) expected=b7 ;;
    *) return 0 ;;
  esac
  [[ "$(file_bytes "$1" 0 4)" == 7f454c46 && "$(file_bytes "$1" 18 1)" == "$expected" ]]
}

# The installed circuits: those that NOMOS_CIRCUITS names, else restored ones, else where they are installed to.
find_circuits() {
  local directory
  for directory in ${NOMOS_CIRCUITS:+"$NOMOS_CIRCUITS"} "$PWD/$NOMOS_KZG_DIR_REL" "$HOME/.nomos-circuits"; do
    if [[ -x "$directory/zksign/witness_generator" ]]; then
      echo "$directory"
      return
    fi
    [[ -z "${NOMOS_CIRCUITS:-}" ]] || return 0
  done
}
