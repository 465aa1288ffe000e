"""What can go wrong when a node is asked over HTTP.

- ``NodeClientError``: the base; names the node and the request
  - ``NodeUnreachable``: no connection, a broken one, or no answer in time
  - ``NodeRefused``: it answered with another status than success
  - ``NodeAnswerInvalid``: it answered with success and something else than the API promises
  - ``TestingEndpointUnavailable``: the testing API was asked of a node that has none
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
    """The node answered with success and something else than the API promises."""


class TestingEndpointUnavailable(NodeClientError):
    """The testing API was asked of a node that has none."""

    __test__ = False

    def __init__(self, node: str, request: str) -> None:
        super().__init__(
            node,
            request,
            "the node serves no testing API; its program was likely built without the 'testing' feature, "
            "or its configuration has no testing_http section",
        )
