"""The transaction load: workload, spending, events and inclusion."""
