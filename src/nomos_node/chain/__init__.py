"""Chain of the node: block tree, ledger states, and their recovery at a restart."""
