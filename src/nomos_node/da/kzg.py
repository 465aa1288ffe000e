"""The polynomial commitments' work of a node, away from its event loop.

The parameters are read when they are first needed, and once. Verification and the encoding of blobs with few columns
run in one thread. Encoding many columns multiplies points for seconds without letting other threads run, so that is
done by a process of its own, which is started with the first such blob, keeps the parameters, and ends with the node.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from nomos_core.da.dispersal_messages import max_blob_bytes
from nomos_core.da.encoding import EncodedBlob, encode
from nomos_core.da.kzg_params import KzgParams
from nomos_core.da.shares import Share
from nomos_core.da.verification import verify_share
from nomos_core.identifiers import BlobId

if TYPE_CHECKING:
    from nomos_node.da.encoding_process import EncodingProcess

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger("nomos_da_verifier")

MOST_COLUMNS_IN_THREAD: Final = 32


@dataclass(frozen=True, slots=True)
class KzgSettings:
    path: Path
    columns: int

    def warn_if_missing(self) -> None:
        """Warn that blobs can't be served. A network without blobs needs no file."""
        if not self.path.is_file():
            _log.warning(
                "missing KZG parameters at %s: this node can neither disperse nor verify blobs. "
                "Make a test set-up with `nomos-testing kzg-params`, or name a file in global_params_path",
                self.path,
            )


class Kzg:
    def __init__(self, settings: KzgSettings) -> None:
        self.columns = settings.columns
        self._path = settings.path
        self._thread = ThreadPoolExecutor(1, "kzg")
        self._params: KzgParams | None = None
        self._loading = Lock()
        self._process: EncodingProcess | None = None

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._process is not None:
            await self._process.close()

    async def compute(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run other work on points in the same thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **kwargs))

    async def verify(self, share: Share, blob: BlobId) -> None:
        """
        Raises:
            InvalidShare: the share is not the blob's.
            KzgParamsError: the parameters can't be used.
        """
        await self.compute(self._verify, share, blob)

    async def encode(self, data: bytes) -> EncodedBlob:
        """
        Raises:
            EncodingError: the data is no blob, or too large for its shares to be sent.
            KzgParamsError: the parameters can't be used.
            EncodingProcessFailed: the process for many columns ended.
        """
        if self.columns <= MOST_COLUMNS_IN_THREAD:
            return await self.compute(self._encode, data)
        if self._process is None:
            from nomos_node.da.encoding_process import EncodingProcess

            self._process = EncodingProcess(self._path, self.columns)
        return await self._process.encode(data)

    def _verify(self, share: Share, blob: BlobId) -> None:
        verify_share(share, blob, self.columns, self._loaded().verification_key)

    def _encode(self, data: bytes) -> EncodedBlob:
        return encode(data, self._loaded().basis(self.columns), max_blob_bytes(self.columns))

    def _loaded(self) -> KzgParams:
        with self._loading:
            if self._params is None:
                self._params = KzgParams.load(self._path)
            return self._params
