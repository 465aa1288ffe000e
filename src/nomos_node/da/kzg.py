"""Work on polynomial commitments (KZG), away from the event loop.

The parameters are read once, when they are first needed. A worker verifies shares and encodes blobs of few columns.
Encoding many columns multiplies points for seconds and holds Python's global lock. So another encoder does that: a
process of its own, which starts with the first such blob, keeps the parameters, and ends with the node.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Final, ParamSpec, TypeVar

from nomos_core.da.dispersal_messages import max_blob_bytes
from nomos_core.da.encoding import EncodedBlob, encode
from nomos_core.da.kzg_params import KzgParams
from nomos_core.da.shares import Share
from nomos_core.da.verification import verify_share
from nomos_core.identifiers import BlobId
from nomos_node.surroundings import BlobEncoder
from nomos_node.workers import Worker

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger("nomos_da_verifier")

MOST_COLUMNS_IN_WORKER: Final = 32


@dataclass(frozen=True, slots=True)
class KzgSettings:
    """File of the KZG parameters, and number of columns of a blob."""

    path: Path
    columns: int

    def warn_if_missing(self) -> None:
        """Log a warning if the file is missing. The node starts all the same: a network without blobs needs no file."""
        if not self.path.is_file():
            _log.warning(
                "missing KZG parameters at %s: this node can neither disperse nor verify blobs. "
                "Make a test set-up with `nomos-testing kzg-params`, or name a file in global_params_path",
                self.path,
            )


class Kzg:
    """Verifier and encoder. ``worker`` has one thread. ``start_encoder`` makes the encoder for many columns."""

    def __init__(
        self, settings: KzgSettings, worker: Worker, start_encoder: Callable[[Path, int], BlobEncoder]
    ) -> None:
        self.columns = settings.columns
        self._path = settings.path
        self._worker = worker
        self._start_encoder = start_encoder
        self._params: KzgParams | None = None
        self._loading = Lock()
        self._encoder: BlobEncoder | None = None

    async def close(self) -> None:
        self._worker.close()
        if self._encoder is not None:
            await self._encoder.close()

    async def compute(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run other work on points in the same worker."""
        return await self._worker.run(function, *args, **kwargs)

    async def verify(self, share: Share, blob: BlobId) -> None:
        """Verify that a share belongs to a blob.

        Raises:
            InvalidShare: the share is not the blob's.
            KzgParamsError: the parameters can't be used.
        """
        await self.compute(self._verify, share, blob)

    async def encode(self, data: bytes) -> EncodedBlob:
        """Encode a blob.

        Raises:
            EncodingError: the data is no blob, or too large for its shares to be sent.
            KzgParamsError: the parameters can't be used.
            EncodingProcessFailed: the process for many columns ended.
        """
        if self.columns <= MOST_COLUMNS_IN_WORKER:
            return await self.compute(self._encode, data)
        if self._encoder is None:
            self._encoder = self._start_encoder(self._path, self.columns)
        return await self._encoder.encode(data)

    def _verify(self, share: Share, blob: BlobId) -> None:
        verify_share(share, blob, self.columns, self._loaded().verification_key)

    def _encode(self, data: bytes) -> EncodedBlob:
        return encode(data, self._loaded().basis(self.columns), max_blob_bytes(self.columns))

    def _loaded(self) -> KzgParams:
        with self._loading:
            if self._params is None:
                self._params = KzgParams.load(self._path)
            return self._params
