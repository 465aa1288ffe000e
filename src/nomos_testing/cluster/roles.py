"""The two kinds of nodes."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    VALIDATOR = "validator"
    EXECUTOR = "executor"
    """A validator that also disperses data."""
