"""The node's HTTP API, and its second listener for tests."""
