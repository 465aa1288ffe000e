"""Data availability (NomosDA): blobs in columns with polynomial commitments, who holds which, what is sent."""
