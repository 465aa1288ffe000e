"""The page about the diagnosis, made from the table of the causes that it knows."""

from __future__ import annotations

from typing import Final

from nomos_testing.diagnosis.kinds import KINDS
from reference.markdown import GENERATED, code, page, sentence, table

_INTRODUCTION: Final = f"""\
# Diagnosis

{GENERATED}

Every run that does not pass is followed by its likely cause. It stands in the first three lines of the output, or in
the last lines on a terminal, and at the top of `report.html`:

```text
verdict: failed (always nodes_within 5)
cause (certain): validator-1 was killed at slot 4 by fault 1 and not started again before the end of the run
try: let the fault end earlier (lasting), or start the node again in the workload
  done to it: fault 1: kill validator-1
```

The diagnosis reads the run directory and nothing else: the journal and the logs of the nodes. Slots are counted from
the start of the workloads.

| The cause is called | if |
| --- | --- |
| certain | the journal says that it lasted to the end of the run, and the failure names the node, or follows from it |
| likely | the journal says it, and the failure does not name the node; or the numbers point to it |
| possible | it was there, and nothing else connects it with the failure |

Causes of equal certainty are in the order in which they began. Where no cause is known, the output says so: a wrong
cause is worse than none. A run that was interrupted has no cause. A network that did not come up has one, and its run
directory has the reports, even if the preflight refused it before anything was started. Two refusals leave no run
directory: a scenario that cannot be built, and a machine without a Docker daemon or a cluster. Their messages say
themselves what is wrong and what to do.

The verdict is one of these words, in every report:

| Verdict | Meaning |
| --- | --- |
| passed | every expectation holds |
| failed | the network did not do what the scenario asks of it, or did not come up |
| slow | it did not, but it was still moving, and the machine was overloaded |
| errored (user's code) | code of a workload, an expectation or a plugin has a bug: the network was not judged |
| errored (framework) | a part of the framework failed: the run was no longer observed |
| interrupted | somebody ended the run, or the runner was killed |

From Python: `nomos_testing.diagnosis.diagnose.diagnose(read_run(directory))` returns the causes, and
`signature_of(record)` a short text that is equal for runs that failed in the same way. The ids of the
[known causes](#known-causes) do not change between versions."""


def diagnosis_page() -> str:
    """Write ``docs/diagnosis.md``."""
    rows = (
        (code(kind.known), f"{sentence(kind.means)} Recognised by: {kind.recognised}.", sentence(kind.remedy))
        for kind in KINDS.values()
    )
    return page(_INTRODUCTION, "## Known causes", table(("Id", "Cause and how it is recognised", "Try"), rows))
