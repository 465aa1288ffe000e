"""Networks of processes on this machine."""
