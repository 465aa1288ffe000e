"""The error of a topology that can't exist."""


class TopologyError(ValueError):
    """The topology can't exist. The text says what was asked for and what would be accepted."""
