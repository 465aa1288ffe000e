"""What to test: the scenario as a value, the builder that makes it, and the same from a YAML file."""
