"""Values for tests: vectors, chains, strategies, archives, deadlines."""
