"""Ledger: unspent notes, channels, service declarations, and the transitions from one block's state to the next."""
