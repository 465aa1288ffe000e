#!/bin/sh
# Asks cfgsync until there is a configuration: run_nomos.sh's, which sets what cfgsync-client reads.
set -eu

try=1
until [ -s "$CFG_FILE_PATH" ] || cfgsync-client; do
  if [ "$try" -ge 30 ]; then
    echo "run_nomos.sh: no configuration from $CFG_SERVER_ADDR after $try tries" >&2
    exit 1
  fi
  try=$((try + 1))
  sleep 3
done
