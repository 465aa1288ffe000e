"""Mempool: transactions that wait for a block."""
