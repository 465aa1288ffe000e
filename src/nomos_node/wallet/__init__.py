"""Wallet: notes of the keys that this node knows, and transfers of their funds."""
