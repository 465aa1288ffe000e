"""Errors between this node and its peers."""


class NetworkError(Exception):
    """Base of all errors that this package raises on purpose."""


class ListenAddressUnavailable(NetworkError):
    """Error: the UDP address to listen on is taken, or is not an address of this machine."""


class NetworkClosed(NetworkError):
    """Error: the network is not running, or no longer."""


class PeerUnreachable(NetworkError):
    """Error: there is no connection to the peer, or it does not speak the protocol."""


class StreamBroken(NetworkError):
    """Error: a stream was reset, or its connection was lost, in the middle of a frame or of a write."""


class RequestFailed(NetworkError):
    """Error: a peer did not answer a request in time."""


class FrameTooLarge(NetworkError, ValueError):
    """Error: a frame does not fit its 16-bit length."""


class MessageTooLarge(NetworkError, ValueError):
    """Error: a gossip message exceeds the size that the network transmits."""
