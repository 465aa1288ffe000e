"""Mantle: transactions, their operations, and the notes that they spend."""
