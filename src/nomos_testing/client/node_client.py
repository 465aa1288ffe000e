"""The node's HTTP API, one method an endpoint.

Success is status 200 with JSON; a failure is another status with a reason in plain text. The testing API is a second
listener that only nodes built for tests have.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

from nomos_core import field
from nomos_core.cryptarchia.block import Block
from nomos_core.cryptarchia.block_json import block_from_json
from nomos_core.identifiers import (
    BlobId,
    ChannelId,
    Ed25519PublicKey,
    HeaderId,
    MsgId,
    TxHash,
    ZkPublicKey,
)
from nomos_core.mantle.transactions import SignedMantleTx
from nomos_core.mantle.transactions_json import transaction_to_json
from nomos_testing.client import answers
from nomos_testing.client.answers import (
    ConsensusInfo,
    LibUpdate,
    Membership,
    MempoolMetrics,
    NetworkInfo,
    PeerFailureRates,
    SubnetworkConnections,
    TransactionStatus,
    WalletBalance,
)
from nomos_testing.client.errors import TestingEndpointUnavailable
from nomos_testing.client.json_requests import JsonRequests
from nomos_testing.client.transport import HttpTransport, Transport

if TYPE_CHECKING:
    from nomos_core.da.shares import LightShare, Share

DEFAULT_TIMEOUT_SECONDS = 10.0
"""Longest duration of a request for which a call says nothing else."""


class NodeClient:
    """The HTTP API of one node.

    Attributes:
        name: the node's name, ``validator-0``.
        url: base of its HTTP API.
        testing_url: base of its testing API; None if it has none.

    Every method raises ``NodeClientError``: ``NodeUnreachable``, ``NodeRefused`` with status and reason, or
    ``NodeAnswerInvalid``. Methods of the testing API also raise ``TestingEndpointUnavailable``.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        testing_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
        transport: Transport | None = None,
    ) -> None:
        """
        Args:
            name: the node's name, ``validator-0``; errors begin with it.
            url: base of the node's HTTP API.
            testing_url: base of its testing API; None if it has none.
            timeout: seconds that a request may take, unless a call has its own timeout.
            transport: the way to the node; ``HttpTransport`` by default. The client closes it.
        """
        self.name = name
        self.url = url.rstrip("/")
        self.testing_url = testing_url.rstrip("/") if testing_url is not None else None
        self._requests = JsonRequests(name, HttpTransport() if transport is None else transport, timeout)

    @property
    def timeout(self) -> float:
        """Seconds that a request may take, unless a call has its own timeout."""
        return self._requests.timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self._requests.timeout = seconds

    def __repr__(self) -> str:
        return f"NodeClient({self.name!r}, {self.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections to the node."""
        await self._requests.close()

    # Consensus

    async def consensus_info(self, *, timeout: float | None = None) -> ConsensusInfo:
        """Return the node's tip, last immutable block, slot, height and mode."""
        return await self._requests.ask("GET", self._at("/cryptarchia/info"), ConsensusInfo.from_json, timeout=timeout)

    async def consensus_headers(
        self, from_id: HeaderId | None = None, to_id: HeaderId | None = None
    ) -> tuple[HeaderId, ...]:
        """Return block ids backwards from ``from_id`` (default: tip) to ``to_id`` (default: LIB), at most 512."""
        query = {name: given.hex() for name, given in (("from", from_id), ("to", to_id)) if given is not None}
        return await self._requests.ask("GET", self._at("/cryptarchia/headers", query), answers.header_ids)

    async def storage_block(self, block_id: HeaderId, *, timeout: float | None = None) -> Block | None:
        """Return a stored block; None for an unknown block and for genesis, which no node stores."""
        return await self._requests.ask(
            "POST",
            self._at("/storage/block"),
            lambda value: None if value is None else block_from_json(value),
            body=block_id.hex(),
            timeout=timeout,
        )

    def lib_stream(self) -> AsyncIterator[LibUpdate]:
        """Follow the last immutable block from now on. Validators only."""
        return self._requests.lines(self._at("/cryptarchia/lib-stream"), LibUpdate.from_json)

    # Mempool and ledger

    async def submit_transaction(self, transaction: SignedMantleTx) -> None:
        """Give the node a transaction for its mempool."""
        body = transaction_to_json(transaction)
        await self._requests.ask("POST", self._at("/mempool/add/tx"), _ignored, body=body)

    async def mempool_metrics(self, pool: str = "mantle", *, timeout: float | None = None) -> MempoolMetrics:
        """Return how many items wait in a mempool, and since when."""
        return await self._requests.ask("GET", self._at(f"/{pool}/metrics"), MempoolMetrics.from_json, timeout=timeout)

    async def transaction_status(self, hashes: Sequence[TxHash]) -> tuple[TransactionStatus, ...]:
        """Return what the node knows of each transaction, in the order of ``hashes``."""
        return await self._requests.ask(
            "POST",
            self._at("/mantle/status"),
            lambda value: tuple(map(TransactionStatus.from_json, value)),
            body=[field.to_hex(tx_hash) for tx_hash in hashes],
        )

    async def wallet_balance(self, public_key: ZkPublicKey, *, tip: HeaderId | None = None) -> WalletBalance:
        """Return the balance of a key as of ``tip`` (default: the node's tip). Validators only."""
        query = {"tip": tip.hex()} if tip is not None else {}
        url = self._at(f"/wallet/{field.to_hex(public_key)}/balance", query)
        return await self._requests.ask("GET", url, WalletBalance.from_json)

    async def transfer_funds(
        self,
        *,
        funding: Sequence[ZkPublicKey],
        recipient: ZkPublicKey,
        change: ZkPublicKey,
        amount: int,
        tip: HeaderId | None = None,
    ) -> TxHash:
        """Let the node's wallet make, sign and submit a transfer; return its hash. Validators only."""
        body = {
            "tip": tip.hex() if tip is not None else None,
            "change_public_key": field.to_hex(change),
            "funding_public_keys": [field.to_hex(key) for key in funding],
            "recipient_public_key": field.to_hex(recipient),
            "amount": amount,
        }
        return await self._requests.ask(
            "POST", self._at("/wallet/transactions/transfer-funds"), answers.tx_hash_from_json, body=body
        )

    # Network

    async def network_info(self, *, timeout: float | None = None) -> NetworkInfo:
        """Return the node's addresses and numbers of peers and connections."""
        return await self._requests.ask("GET", self._at("/network/info"), NetworkInfo.from_json, timeout=timeout)

    # Data availability

    async def balancer_stats(self) -> Mapping[int, SubnetworkConnections]:
        """Return the number of connections in each data availability subnetwork."""
        return await self._requests.ask("GET", self._at("/da/balancer-stats"), answers.balancer_stats)

    async def monitor_stats(self) -> Mapping[str, PeerFailureRates]:
        """Return how often each peer failed, by peer id."""
        return await self._requests.ask("GET", self._at("/da/monitor-stats"), answers.monitor_stats)

    async def block_peer(self, peer_id: str) -> bool:
        """Stop talking to a peer; return False if it was blocked already."""
        return await self._requests.ask("POST", self._at("/da/block-peer"), answers.boolean, body=peer_id)

    async def unblock_peer(self, peer_id: str) -> bool:
        """Talk to a blocked peer again; return False if it was not blocked."""
        return await self._requests.ask("POST", self._at("/da/unblock-peer"), answers.boolean, body=peer_id)

    async def blacklisted_peers(self) -> tuple[str, ...]:
        """Return the ids of the blocked peers."""
        return await self._requests.ask("GET", self._at("/da/blacklisted-peers"), answers.strings)

    async def publish_blob(
        self,
        *,
        channel_id: ChannelId,
        parent: MsgId,
        signer: Ed25519PublicKey,
        data: bytes,
        timeout: float | None = None,
    ) -> BlobId:
        """Disperse data, a multiple of 31 bytes. Return its id after every column is stored. Executors only."""
        body = {
            "channel_id": channel_id.hex(),
            "parent_msg_id": parent.hex(),
            "signer": signer.hex(),
            "data": list(data),
        }
        url = self._at("/disperse-data")
        return await self._requests.ask("POST", url, answers.blob_id, body=body, timeout=timeout)

    async def da_share(self, blob: BlobId, index: int, *, timeout: float | None = None) -> LightShare | None:
        """Return the node's own share of a column; None if it has none."""
        body = {"blob_id": list(blob), "share_idx": answers.share_index(index)}
        return await self._requests.ask(
            "GET", self._at("/da/get-share"), answers.light_share, body=body, timeout=timeout
        )

    async def da_sampling_shares(
        self,
        blob: BlobId,
        requested: Sequence[int] = (),
        *,
        without: Sequence[int] = (),
        return_available: bool = False,
    ) -> tuple[LightShare, ...]:
        """Return the node's shares of the requested columns.

        With ``return_available`` also of all others except ``without``.

        A node that knows nothing of the blob refuses.
        """
        body = {
            "blob_id": list(blob),
            "requested_shares": [answers.share_index(index) for index in requested],
            "filter_shares": [answers.share_index(index) for index in without],
            "return_available": return_available,
        }
        url = self._at("/da/sampling/shares")
        return await self._requests.all_lines("GET", url, answers.some_light_share, body=body)

    async def da_commitments(self, blob: BlobId, session: int) -> tuple[bytes, ...] | None:
        """Return the row commitments of a blob, 48 bytes each. The node asks its peers if it has none."""
        body = {"blob_id": list(blob), "session": session}
        return await self._requests.ask("POST", self._at("/da/get-commitments"), answers.commitments, body=body)

    async def da_storage_commitments(self, blob: BlobId) -> tuple[bytes, ...] | None:
        """Return the row commitments that the node has itself, or None."""
        body = {"blob_id": list(blob)}
        return await self._requests.ask("GET", self._at("/da/get-storage-commitments"), answers.commitments, body=body)

    async def add_share(self, share: Share) -> None:
        """Give the node a share. It keeps a valid one. The real node answers an invalid one with success, too."""
        from nomos_core.da.shares_json import share_to_json

        await self._requests.ask("POST", self._at("/da/add-share"), _ignored, body=share_to_json(share))

    # Testing API

    async def da_get_membership(self, session: int) -> Membership:
        """Return which peers serve which subnetwork in a session. Testing API."""
        return await self._requests.ask(
            "POST", self._at_testing("/test/da/membership"), Membership.from_json, body=session
        )

    async def da_historic_sampling(self, block_id: HeaderId, blobs: Sequence[tuple[BlobId, int]]) -> bool:
        """Return whether the blobs, each with its session, can be sampled as of a block. Testing API."""
        body = {"block_id": block_id.hex(), "blob_ids": [[list(blob), session] for blob, session in blobs]}
        return await self._requests.ask(
            "POST", self._at_testing("/test/da/historic-sampling"), answers.boolean, body=body
        )

    async def sdp_declarations(self) -> Sequence[Mapping[str, Any]]:
        """Return the ledger's service declarations, as the node writes them. Testing API."""
        return await self._requests.ask("GET", self._at_testing("/mantle/sdp/declarations"), list)

    # Profiling

    async def cpu_profile(self, *, seconds: int, frequency: int = 99, format: str = "proto") -> bytes:
        """Return a CPU profile of a node that was built for profiling. ``format``: ``proto`` or ``svg``."""
        query = {"seconds": seconds, "frequency": frequency, "format": format}
        url = self._at("/debug/pprof/profile", query)
        return await self._requests.fetch("GET", url, timeout=seconds + DEFAULT_TIMEOUT_SECONDS)

    # For endpoints that have no method here

    async def get_json(self, path: str) -> Any:
        """Send a GET request to a path and return the JSON of the answer."""
        return await self._requests.ask("GET", self._at(path), _as_is)

    async def post_json(self, path: str, body: Any) -> Any:
        """Send JSON to a path with POST and return the JSON of the answer."""
        return await self._requests.ask("POST", self._at(path), _as_is, body=body)

    async def post_testing_json(self, path: str, body: Any) -> Any:
        """Send JSON to a path of the testing API with POST and return the JSON of the answer."""
        return await self._requests.ask("POST", self._at_testing(path), _as_is, body=body)

    def _at(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        return f"{self.url}/{path.lstrip('/')}" + (f"?{urlencode(query)}" if query else "")

    def _at_testing(self, path: str) -> str:
        if self.testing_url is None:
            raise TestingEndpointUnavailable(self.name, path)
        return f"{self.testing_url}/{path.lstrip('/')}"


def _as_is(value: Any) -> Any:
    return value


def _ignored(value: Any) -> None:
    del value
