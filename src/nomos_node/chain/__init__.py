"""The chain as this node knows it: block tree, ledger states, and what a restart finds of them."""
