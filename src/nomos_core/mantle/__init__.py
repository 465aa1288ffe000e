"""Mantle: transactions, the operations they carry, and the notes they spend."""
