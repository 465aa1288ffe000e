"""A network of plain processes on this machine."""
