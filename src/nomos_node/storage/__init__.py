"""Storage of the node: blocks, the state of the chain, the mempool and blobs, in one SQLite database."""
