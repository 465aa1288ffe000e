"""The prerequisites of each runner, what runs on this machine and elsewhere, and the removal of leftovers."""
