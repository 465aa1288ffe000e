"""Data availability (NomosDA): blobs in columns with polynomial commitments, the members that hold them, and the
messages.
"""
