"""What can go wrong between this node and its peers."""


class NetworkError(Exception):
    """Base of everything this package raises on purpose."""


class ListenAddressUnavailable(NetworkError):
    """The UDP address to listen on is taken, or is not an address of this machine."""


class NetworkClosed(NetworkError):
    """The network service is not running (any more)."""


class PeerUnreachable(NetworkError):
    """There is no connection to the peer, or it doesn't speak the protocol."""


class StreamBroken(NetworkError):
    """A stream was reset, or its connection was lost, in the middle of a frame or of a write."""


class RequestFailed(NetworkError):
    """A peer did not answer a request in time."""


class FrameTooLarge(NetworkError, ValueError):
    """A frame does not fit its 16-bit length."""


class MessageTooLarge(NetworkError, ValueError):
    """A gossip message exceeds what the network transmits."""
