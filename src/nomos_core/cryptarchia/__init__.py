"""Cryptarchia, the consensus: headers and blocks, leadership, epochs, fork choice, and the chain-sync messages."""
