"""The typed client of a node's HTTP API."""

from nomos_testing.client.errors import (
    NodeAnswerInvalid,
    NodeClientError,
    NodeRefused,
    NodeUnreachable,
    TestingEndpointUnavailable,
)
from nomos_testing.client.node_client import NodeClient

__all__ = [
    "NodeAnswerInvalid",
    "NodeClient",
    "NodeClientError",
    "NodeRefused",
    "NodeUnreachable",
    "TestingEndpointUnavailable",
]
