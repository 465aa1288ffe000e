"""Reports of a run, for people. Everything here is made from the journal alone."""
