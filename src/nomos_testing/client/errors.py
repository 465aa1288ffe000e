"""Errors of requests to a node.

- ``NodeClientError``: the base; names the node and the request
  - ``NodeUnreachable``: no connection, a broken one, or no answer in time
  - ``NodeRefused``: it answered with a status other than success
  - ``NodeAnswerInvalid``: it answered with success, but not as the API says
  - ``TestingEndpointUnavailable``: the node has no testing API
"""

from __future__ import annotations

from nomos_testing.failure import Failure


class NodeClientError(Failure):
    """A request to a node failed.

    Attributes:
        node: the node's name, ``validator-0``.
        request: method and path, ``GET /cryptarchia/info``.
        reason: the text without node and request.
    """

    def __init__(self, node: str, request: str, reason: str) -> None:
        super().__init__(f"{node}: {request}: {reason}")
        self.node = node
        self.request = request
        self.reason = reason


class NodeUnreachable(NodeClientError):
    """No connection, a broken one, or no answer in time."""


class NodeRefused(NodeClientError):
    """The node answered with another status than success.

    Attributes:
        status: the HTTP status.
        body: the node's reason, in plain text.
    """

    def __init__(self, node: str, request: str, status: int, body: str) -> None:
        super().__init__(node, request, f"{status} {body}".rstrip())
        self.status = status
        self.body = body


class NodeAnswerInvalid(NodeClientError):
    """The node answered with success, but not as the API says."""


class TestingEndpointUnavailable(NodeClientError):
    """The node has no testing API."""

    __test__ = False

    def __init__(self, node: str, request: str) -> None:
        super().__init__(
            node,
            request,
            "the node serves no testing API; its program was likely built without the 'testing' feature, "
            "or its configuration has no testing_http section",
        )
