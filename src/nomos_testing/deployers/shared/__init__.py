"""Everything that deployers have in common."""
