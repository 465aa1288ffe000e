#!/bin/sh
exec /etc/nomos/scripts/run_nomos.sh validator
