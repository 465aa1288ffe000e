"""Telemetry: log lines, their destination and filter, and metrics."""
