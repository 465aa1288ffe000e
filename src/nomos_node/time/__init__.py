"""The node's clock: wall time cut into slots."""
