"""The scenario file: schema, loader and what builds a scenario from it."""
