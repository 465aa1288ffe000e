# shellcheck shell=bash
# What kind of program a file is. Sourced, never run.

file_bytes() { od -An -tx1 -j"$2" -N"$3" "$1" | tr -d ' \n'; } # FILE OFFSET COUNT

# Asks a program what it is, as src/nomos_testing/deployers/local/program_probe.py does: prints embedded, real or none.
# A program of another machine can't be asked. It is taken for a real node, because the embedded one is a script.
program_kind() {
  local answer status=0
  [[ -f "${1:-}" && -x "$1" ]] || { echo none && return; }
  is_for_machine "$1" "$(uname -m)" || { echo real && return; }
  answer="$(NOMOS_PROBE=1 timeout 20 "$1" --version </dev/null 2>&1 | tr -d '\0')" || status=$?
  if ((status == 0)) && [[ "$answer" =~ ^nomos-(node|executor)\ . ]]; then
    if [[ "$answer" == *"(embedded node of logos-blockchain-testing)"* ]]; then echo embedded; else echo real; fi
    return
  fi
  status=0
  answer="$(timeout 20 "$1" --check-config </dev/null 2>&1 | tr -d '\0')" || status=$?
  if ((status == 2)) && grep -q '^error: .*required argument' <<<"$answer"; then echo real; else echo none; fi
}

is_real_node() { [[ "$(program_kind "${1:-}")" == real ]]; }

first_that_is_no_node() { # of the programs given; nothing if both are nodes
  local program
  for program in "$NOMOS_NODE_BIN" "$NOMOS_EXECUTOR_BIN"; do
    [[ "$(program_kind "$program")" != none ]] || { echo "$program" && return; }
  done
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
