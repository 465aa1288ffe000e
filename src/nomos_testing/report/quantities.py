"""Quantities as text: seconds, bytes, percentiles."""

from __future__ import annotations

from nomos_testing.percentiles import Percentiles


def shown_figure(value: float) -> str:
    """Return a number with the three digits that matter: ``0.0123``, ``4.5``, ``1250``."""
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}"


def shown_seconds(seconds: float | None) -> str:
    """Return ``3.1 s``, or ``45 ms``; ``-`` for None."""
    if seconds is None:
        return "-"
    return f"{shown_figure(seconds)} s" if seconds == 0 or abs(seconds) >= 1 else f"{shown_figure(seconds * 1000)} ms"


def shown_megabytes(count: float) -> str:
    """Return bytes as megabytes: ``85.2 MB``."""
    return f"{shown_figure(count / 1_000_000)} MB"


def percentile_cells(percentiles: Percentiles | None) -> list[str]:
    """Return the cells of p50, p90, p99 and the number of measurements."""
    if percentiles is None:
        return ["-", "-", "-", "0"]
    found = (percentiles.p50, percentiles.p90, percentiles.p99)
    return [*map(shown_seconds, found), str(percentiles.count)]
