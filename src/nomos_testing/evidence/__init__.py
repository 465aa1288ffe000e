"""The evidence of a run, read from its directory: journal, plan, node logs. Reports are made from it."""
