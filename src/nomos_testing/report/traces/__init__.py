"""The trace of a run: its spans, made from the journal, their export to a collector, and a picture of them."""
