"""Data availability (DA): blobs that the network stores and samples. The chain carries only their ids."""
