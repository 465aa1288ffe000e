"""The HTML report of a large run is written soon, in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nomos_testing.journal.journal import JOURNAL_NAME
from support.inputs.made_run import eventful_run, log_line, write_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
EVENTS = 100_000
LOG_BYTES = 50_000_000
MEMORY_MEGABYTES = 300
"""Some 110 are used."""
TIMES_SLOWER = 25
"""Than to parse the journal as JSON and to read the bytes of the logs, which no report can do without. Some 6 are
measured."""
MEASURE = """
import json, re, sys, time
from pathlib import Path
run = Path(sys.argv[1])
began = time.process_time()
with (run / "journal.jsonl").open("rb") as file:
    events = sum(1 for line in file if line.endswith(b"\\n") and json.loads(line))
size = sum(len(block) for path in run.glob("*/stdout.log") for block in path.open("rb"))
least = time.process_time() - began
from nomos_testing.evidence.run_record import read_run
from nomos_testing.report.html import write_html
began = time.process_time()
page = write_html(read_run(run))
took = time.process_time() - began
# getrusage would count the memory of the process that started this one, too.
memory = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"events": events, "size": size, "least": least, "took": took, "memory": memory, "page": len(page)}))
"""


@pytest.fixture(scope="module")
def large_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = write_run(tmp_path_factory.mktemp("runs") / "large", eventful_run(seconds=3600, transactions=26))
    block = "".join(log_line(0.0, f"looked at slot {number} " + "x" * 60) for number in range(1000))
    for number in range(5):
        (directory / f"validator-{number}").mkdir()
        with (directory / f"validator-{number}" / "stdout.log").open("w") as file:
            for minute in range(LOG_BYTES // 5 // len(block) + 1):
                file.write(block.replace("T00:00", f"T00:{minute % 60:02}"))
    with (directory / JOURNAL_NAME).open("a") as file:
        file.write('{"at": 3700.1, "time": "2026-01-01T01')  # a torn last line
    return directory


def test_the_report_of_a_large_run_is_fast_and_small(large_run: Path) -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE, large_run], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["events"] >= EVENTS
    assert found["size"] >= LOG_BYTES
    assert found["took"] < TIMES_SLOWER * found["least"], found
    assert found["memory"] < MEMORY_MEGABYTES, found
    assert found["page"] < 1_000_000, found
