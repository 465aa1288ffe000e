"""The view that ``run --live`` starts in its terminal: ``python -m nomos_testing.live RUN_DIR PID_OF_RUNNER``."""

import sys
from pathlib import Path

from nomos_testing.live.program import watch

watch(Path(sys.argv[1]), runner=int(sys.argv[2]))
