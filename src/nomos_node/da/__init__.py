"""Data availability: blobs of data that the network keeps and samples, of which the chain only carries the names."""
