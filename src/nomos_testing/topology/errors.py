"""What can be wrong with a topology that a scenario asks for."""


class TopologyError(ValueError):
    """The topology can't exist; the text says what was asked for and what would be accepted."""
