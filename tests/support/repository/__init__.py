"""The checkout of this repository, for tests of its scripts and workflows."""
