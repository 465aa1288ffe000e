"""Time: the clock of slots, and the monotonic clock."""
