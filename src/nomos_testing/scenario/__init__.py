"""Scenarios: the value, the Python builder, and the YAML file."""
