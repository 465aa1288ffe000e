"""The plots of a report: pure functions from plain data to SVG."""
