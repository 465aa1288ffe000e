"""What the node keeps on disk: blocks, the chain's state, and the mempool, in one SQLite database."""
