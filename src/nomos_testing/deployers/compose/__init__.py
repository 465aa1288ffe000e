"""Runs networks in containers, driven by ``docker`` and either of its compose tools."""
