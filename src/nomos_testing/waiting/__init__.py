"""Waits for conditions, with deadlines that scale with the speed of the machine."""
