"""A run: its phases, what its workloads see, the blocks it watches, and the journal of it all."""
