"""HTTP API of the node, and its second API for tests."""
