#!/usr/bin/env bash
# Checks the workflows by actionlint: the one on PATH, else one built from its Go module (seconds, once). Exit 0 = nothing
# wrong, 1 = findings, 2 = there is no actionlint.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VERSION=v1.7.12
program="$(command -v actionlint || true)"
if [[ -z "$program" ]]; then
  directory="$PWD/.tmp/actionlint-$VERSION"
  program="$directory/actionlint"
  if [[ ! -x "$program" ]]; then
    command -v go >/dev/null || { echo "neither actionlint nor Go, to build it, is on PATH" >&2 && exit 2; }
    mkdir -p .tmp
    GOBIN="$directory" GOFLAGS=-mod=mod go install "github.com/rhysd/actionlint/cmd/actionlint@$VERSION" >.tmp/actionlint.log 2>&1 ||
      { echo "actionlint could not be built: $(tail -n 1 .tmp/actionlint.log)" >&2 && exit 2; }
  fi
fi
PATH="$PWD/.venv/bin:$PATH" exec "$program" "$@"
