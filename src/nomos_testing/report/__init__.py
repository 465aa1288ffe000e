"""What people read of a run. Everything here is made from the journal alone."""
