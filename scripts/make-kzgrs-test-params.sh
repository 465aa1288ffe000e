#!/usr/bin/env bash
# Makes KZG parameters for tests where the manual wants them, unless they are there. Their secret is known to everybody: they
# serve networks of one's own, and nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source scripts/lib/settings.sh
load_settings
scripts/prepare-venv.sh run
exec .venv/bin/python -m nomos_core.da.kzg_generator "$NOMOS_KZG_DIR_REL/$NOMOS_KZG_FILE"
