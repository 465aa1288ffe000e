"""The section of the faults: what was done to the network, when, and how long it took to recover."""

from __future__ import annotations

from nomos_testing.evidence.fault_windows import FaultWindow
from nomos_testing.evidence.numbers import RunNumbers
from nomos_testing.evidence.run_record import RunRecord
from nomos_testing.faults.fault_events import FaultLeftOut
from nomos_testing.report.page import Cell, Section, Table
from nomos_testing.report.svg import counted


def faults_section(record: RunRecord, numbers: RunNumbers) -> Section:
    """Return the section. It is empty if the run has no faults."""
    run = numbers.run_phase
    rows = [_row(fault, run.began if run is not None else 0.0, numbers.slot_seconds) for fault in numbers.fault_windows]
    for entry in record.entries:
        if isinstance(entry.event, FaultLeftOut):
            left_out = Cell("left out: the run was over", "warning")
            rows.append([f"{entry.event.number}: {entry.event.fault}", left_out, "-", "-", "-", "-"])
    columns = ("fault", "in effect from", "lasted", "heal verified", "recovered", "deepest reorganisation")
    return Section("faults", "Faults and recovery", [Table("Faults", columns, rows)] if rows else [])


def _row(fault: FaultWindow, run_began: float, slot_seconds: float | None) -> list[Cell | str]:
    slot = f" (slot {(fault.began - run_began) / slot_seconds:.0f})" if slot_seconds else ""
    lasted: Cell | str = Cell("was not healed", "warning")
    if fault.ended is not None:
        lasted = f"{fault.ended - fault.began:.1f} s"
    verified = {None: Cell("-"), True: Cell("yes", "good"), False: Cell("no", "bad")}[fault.verified]
    depth = counted(fault.deepest_reorganisation, "block") if fault.deepest_reorganisation else "-"
    return [
        f"{fault.number}: {fault.text}",
        f"{fault.began:.1f} s{slot}",
        lasted,
        verified,
        _recovered(fault),
        depth,
    ]


def _recovered(fault: FaultWindow) -> Cell:
    if fault.recovered_slots is None:
        return Cell("no", "bad")
    beside = ", another fault was active" if fault.overlapped else ""
    return Cell(f"after {fault.recovered_slots:g} slots{beside}", "good")
