#!/usr/bin/env bash
# Builds an OpenTelemetry Collector from its Go modules, for the tests of traces: .tmp/test-collector/test-collector.
# It takes about two minutes with Go 1.25, once.
#
#   scripts/test-collector.sh            build it, unless it is there
#   scripts/test-collector.sh --force    build it again
#   -h, --help   this
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib/settings.sh

PROGRAM="$PWD/.tmp/test-collector/test-collector"

usage() { sed -n '/^# *scripts/,/^#   -h/s/^# \{0,3\}//p' "${BASH_SOURCE[0]}"; }

case "${1:-}" in
  "") ;;
  --force) rm -f "$PROGRAM" ;;
  -h | --help) usage && exit ;;
  *) fail "Unknown argument: $1" "$(usage)" ;;
esac

if [[ ! -x "$PROGRAM" ]]; then
  command -v go >/dev/null || fail "ERROR: go is missing: install Go 1.25 or later."
  mkdir -p "$(dirname "$PROGRAM")"
  echo "==> Building the OpenTelemetry Collector from its Go modules (about two minutes, once)"
  log="$(dirname "$PROGRAM")/build.log"
  (cd scripts/test-collector && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$PROGRAM.new" . >"$log" 2>&1) || {
    tail -n 15 "$log" >&2
    fail "ERROR: building the collector failed; its output: $log"
  }
  mv "$PROGRAM.new" "$PROGRAM"
fi
echo "$PROGRAM"
