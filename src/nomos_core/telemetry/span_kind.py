"""Kind of a span: the part that its work has in an exchange of messages."""

from enum import IntEnum


class SpanKind(IntEnum):
    """Kind of a span, with its number in OTLP."""

    INTERNAL = 1
    """Is work within the program."""
    SERVER = 2
    """Answers a request."""
    PRODUCER = 4
    """Sends a message."""
    CONSUMER = 5
    """Takes a message."""
