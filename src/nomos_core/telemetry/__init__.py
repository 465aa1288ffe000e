"""Traces as values: spans, their OTLP forms, and the endpoints that take them. Nothing here does I/O."""
