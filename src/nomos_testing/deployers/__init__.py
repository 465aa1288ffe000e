"""Deployers: they start the network of a scenario, as processes of this machine or as containers."""
