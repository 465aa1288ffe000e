"""The journal of a run: the append-only record that reports read."""
