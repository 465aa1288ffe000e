#!/usr/bin/env bash
# Installs a release of the circuits, and the KZG parameters that go with it.
# See usage() for the arguments; exit 0 = installed, or the user declined to replace what is there; 1 = it failed.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/setup-nomos-circuits.sh [VERSION] [INSTALL_DIR]

  VERSION       release of the circuits (default: VERSION of versions.env)
  INSTALL_DIR   where they go (default: ~/.nomos-circuits)

The KZG parameters come as INSTALL_DIR/kzgrs_test_params, and to testing-framework/assets/stack/kzgrs_test_params.

Environment:
  NOMOS_CIRCUITS_NONINTERACTIVE=1   replace an earlier installation without asking
  NOMOS_CIRCUITS_PLATFORM           linux-x86_64, linux-aarch64, macos-aarch64, ...: another one than this machine's
  GITHUB_TOKEN                      sent with the downloads
  NOMOS_CIRCUITS_BASE_URL           a mirror of the releases
  NOMOS_KZGRS_BASE_URL              a mirror of the node's repository, by revision
  NOMOS_DOWNLOAD_RETRY_SECONDS      whole seconds between two of six tries (default: 2)

Without internet: `make kzgrs_test_params` makes parameters for tests, and embedded nodes with development proofs need no
circuits at all.
TEXT
}

CONNECTIONLESS="Without internet: \`make kzgrs_test_params\` makes parameters for tests; embedded nodes with development proofs need no circuits."

host_platform() {
  local system machine
  case "$(uname -s)" in
    Linux) system=linux ;;
    Darwin) system=macos ;;
    MINGW* | MSYS* | CYGWIN*) system=windows ;;
    *) fail "ERROR: there are no circuits for $(uname -s); name another platform with NOMOS_CIRCUITS_PLATFORM." ;;
  esac
  case "$(uname -m)" in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
    *) fail "ERROR: there are no circuits for $(uname -m); name another platform with NOMOS_CIRCUITS_PLATFORM." ;;
  esac
  echo "$system-$machine"
}

# What to try, in this order, where a release has nothing for a platform: programs that it can emulate.
platforms_for() {
  echo "$1"
  case "$1" in
    linux-aarch64) echo linux-x86_64 ;;
    macos-x86_64) printf '%s\n' macos-aarch64 linux-x86_64 ;;
    macos-aarch64) echo linux-x86_64 ;;
  esac
}

# The token goes by stdin, where nobody who lists processes sees it.
fetch() { # URL FILE: 0 = there, 1 = the server has no such file, else a message and the end
  local status=0 message
  message=$(printf '%s' "${GITHUB_TOKEN:+header = \"Authorization: Bearer $GITHUB_TOKEN\"}" |
    curl --config - --silent --show-error --fail --location --connect-timeout 20 \
      --retry 5 --retry-connrefused --retry-delay "${NOMOS_DOWNLOAD_RETRY_SECONDS:-2}" --output "$2" "$1" 2>&1) || status=$?
  ((status == 0)) && return
  message=$(tail -n 1 <<<"$message")
  [[ "$message" != *" 404" ]] || return 1
  fail "ERROR: $1 could not be downloaded: $message" "$CONNECTIONLESS"
}

# Downloads the archive for the first platform that the release has one for; sets ARCHIVE_PLATFORM.
fetch_archive() { # FILE
  local platform name tried=()
  for platform in $(platforms_for "$PLATFORM"); do
    name="nomos-circuits-$VERSION-$platform.tar.gz"
    echo "==> Downloading $name"
    if fetch "$RELEASES/$VERSION/$name" "$1"; then
      ARCHIVE_PLATFORM="$platform"
      return
    fi
    tried+=("$platform")
    echo "    the release has none for $platform"
  done
  fail "ERROR: $RELEASES/$VERSION has no circuits for ${tried[*]}; is $VERSION a release?" \
    "Name another release as the first argument, or another platform with NOMOS_CIRCUITS_PLATFORM."
}

unpack() { # ARCHIVE DIRECTORY
  local names file
  names=$(tar -tzf "$1" 2>/dev/null) || fail "ERROR: what was downloaded is not a complete .tar.gz archive; try again."
  ! grep -qE '^/|(^|/)\.\.(/|$)' <<<"$names" ||
    fail "ERROR: the archive holds names that lead out of its directory; it was not unpacked."
  tar -xzf "$1" -C "$2" --strip-components=1 --no-same-owner
  for file in zksign/witness_generator zksign/proving_key.zkey zksign/verification_key.json; do
    [[ -s "$2/$file" ]] || fail "ERROR: the archive lacks $file; it holds no circuits that can be used."
  done
  [[ -x "$2/zksign/witness_generator" ]] || fail "ERROR: the archive's zksign/witness_generator is not executable."
}

fetch_kzg() { # DIRECTORY
  local url="$NODE_FILES/$NOMOS_NODE_REV/tests/kzgrs/kzgrs_test_params"
  if [[ ! -e "$1/kzgrs_test_params" ]]; then
    echo "==> Downloading kzgrs_test_params"
    fetch "$url" "$1/kzgrs_test_params" || fail "ERROR: there is nothing at $url; is NOMOS_NODE_REV a revision of the node?"
  fi
  has_kzg_layout "$1/kzgrs_test_params" || fail "ERROR: what $url gave holds no KZG parameters."
}

# n points of 96 bytes, m with their keys, two of 192, k of 192 with their keys; each number in 8 bytes before its points.
# Whether they are on the curve is looked at by the node that loads them.
has_kzg_layout() { # FILE
  local powers gammas negatives end
  powers=$(number_at "$1" 0)
  end=$((8 + powers * 96))
  gammas=$(number_at "$1" "$end")
  end=$((end + 8 + gammas * 104 + 384))
  negatives=$(number_at "$1" "$end")
  end=$((end + 8 + negatives * 200))
  ((powers >= 2 && gammas >= 1 && $(wc -c <"$1") == end))
}

number_at() { # FILE OFFSET: the eight bytes there, little-endian; a file that is too short gives a number that is too large
  local digits
  digits=$(od -An -v -tx1 -j"$2" -N8 "$1" 2>/dev/null | awk '{ for (i = NF; i > 0; i--) printf "%s", $i }')
  [[ "$digits" =~ ^0{8}[0-9a-f]{8}$ ]] || digits=7fffffff
  echo "$((16#$digits))"
}

# Whether an earlier installation may be replaced; asks a person. A directory with other things in it is never touched.
may_replace() {
  local answer
  [[ -e "$INSTALL_DIR" ]] || return 0
  [[ -d "$INSTALL_DIR" ]] || fail "ERROR: $INSTALL_DIR is a file; name a directory."
  [[ -n "$(ls -A "$INSTALL_DIR")" ]] || return 0
  [[ -e "$INSTALL_DIR/VERSION" || -e "$INSTALL_DIR/zksign" || -e "$INSTALL_DIR/kzgrs_test_params" ]] ||
    fail "ERROR: $INSTALL_DIR holds other things than circuits, and installing would delete them; name another directory."
  [[ "${NOMOS_CIRCUITS_NONINTERACTIVE:-0}" != 1 ]] || return 0
  printf 'Circuits are installed in %s. Replace them? [y/N] ' "$INSTALL_DIR"
  read -r answer ||
    fail "" "ERROR: nobody answered; NOMOS_CIRCUITS_NONINTERACTIVE=1 replaces them without asking."
  [[ "$answer" == [yY]* ]]
}

install_to() { # STAGED
  mkdir -p "$(dirname "$INSTALL_DIR")"
  rm -rf "$INSTALL_DIR"
  mv "$1" "$INSTALL_DIR"
  mkdir -p "$NOMOS_KZG_DIR_REL"
  [[ "$INSTALL_DIR" -ef "$NOMOS_KZG_DIR_REL" ]] ||
    cp "$INSTALL_DIR/kzgrs_test_params" "$NOMOS_KZG_DIR_REL/$NOMOS_KZG_FILE"
}

report() {
  local generator
  echo "Installed circuits $VERSION ($ARCHIVE_PLATFORM) in $INSTALL_DIR:"
  for generator in "$INSTALL_DIR"/*/witness_generator; do
    echo "  $(basename "$(dirname "$generator")")"
  done
  echo "KZG parameters: $NOMOS_KZG_DIR_REL/$NOMOS_KZG_FILE"
  [[ "$ARCHIVE_PLATFORM" == "$PLATFORM" ]] || echo \
    "WARNING: these are programs for $ARCHIVE_PLATFORM: $PLATFORM needs an emulator, or prover and verifier built from rapidsnark." >&2
  [[ "$INSTALL_DIR" == "$HOME/.nomos-circuits" ]] || echo "Use them with: export NOMOS_CIRCUITS=$INSTALL_DIR"
}

case "${1:-}" in -h | --help) usage && exit 0 ;; esac
if (($# > 2)) || [[ "${1:-}" == -* || "${2:-}" == -* ]]; then
  printf 'Unknown argument: %s\n' "${3:-${1:-} ${2:-}}" >&2
  usage >&2
  exit 1
fi
INSTALL_DIR="${2:-$HOME/.nomos-circuits}"
[[ "$INSTALL_DIR" == /* ]] || INSTALL_DIR="$PWD/$INSTALL_DIR"
INSTALL_DIR="${INSTALL_DIR%/}"
[[ -z "${1:-}" ]] || VERSION="$1"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib/settings.sh
load_settings
[[ "$VERSION" == v* ]] || fail "ERROR: '$VERSION' is no release of the circuits, they are called like v0.3.1."
command -v curl >/dev/null || fail "ERROR: curl is needed for the downloads (Debian: apt-get install curl)."
RELEASES="${NOMOS_CIRCUITS_BASE_URL:-https://github.com/logos-co/nomos-circuits/releases/download}"
NODE_FILES="${NOMOS_KZGRS_BASE_URL:-https://raw.githubusercontent.com/logos-co/nomos-node}"
PLATFORM="${NOMOS_CIRCUITS_PLATFORM:-$(host_platform)}"

if ! may_replace; then
  echo "Nothing was changed."
  exit 0
fi
mkdir -p "$(dirname "$INSTALL_DIR")"
# Beside the target, so that a finished installation takes its place in one step.
STAGE=$(mktemp -d "$INSTALL_DIR.XXXXXX")
trap 'rm -rf "$STAGE"' EXIT
mkdir "$STAGE/circuits"
fetch_archive "$STAGE/archive.tar.gz"
unpack "$STAGE/archive.tar.gz" "$STAGE/circuits"
fetch_kzg "$STAGE/circuits"
install_to "$STAGE/circuits"
report
