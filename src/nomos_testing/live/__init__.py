"""The live view of a run in a terminal: it follows the journal, or plays a finished run back."""
