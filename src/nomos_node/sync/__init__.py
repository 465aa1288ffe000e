"""Sync: exchange of blocks with peers by gossiped proposals, chain sync and the initial block download."""
