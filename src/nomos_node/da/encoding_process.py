"""``python -m nomos_node.da.encoding_process PARAMETERS COLUMNS``: encodes blobs for a node, one after the other.

A request on stdin is the blob with its length in front. The answer on stdout is, with its length in front, the pickled
encoded blob or the pickled error. The process ends when stdin closes, so it never outlives its node.
"""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from nomos_core.da.dispersal_messages import max_blob_bytes
from nomos_core.da.encoding import EncodedBlob, EncodingError, encode
from nomos_core.da.kzg_params import KzgParams, KzgParamsError

_LENGTH_BYTES: Final = 8


class EncodingProcessFailed(Exception):
    """Error: the process could not be started, or it ended in the middle of a blob."""


class EncodingProcess:
    """Node's side of the process: an encoder that starts it when it is first needed."""

    def __init__(self, params: Path, columns: int) -> None:
        self._arguments = (sys.executable, "-m", __name__, str(params.absolute()), str(columns))
        self._process: Process | None = None
        self._busy = asyncio.Lock()

    async def encode(self, data: bytes) -> EncodedBlob:
        """Encode one blob. Other callers wait for their turn.

        Raises:
            EncodingError, KzgParamsError: as ``nomos_core.da.encoding.encode`` and ``KzgParams.load``.
            EncodingProcessFailed: the process could not be started, or ended.
        """
        async with self._busy:
            try:
                answer = await self._exchange(data)
            except BaseException:
                await self._end()  # the next caller must not get the answer to this blob
                raise
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        await self._end()

    async def _exchange(self, data: bytes) -> EncodedBlob | EncodingError | KzgParamsError:
        try:
            process = self._process = self._process or await self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(_framed(data))
            await process.stdin.drain()
            length = int.from_bytes(await process.stdout.readexactly(_LENGTH_BYTES), "little")
            answer: EncodedBlob | EncodingError | KzgParamsError = pickle.loads(
                await process.stdout.readexactly(length)
            )
        except (OSError, asyncio.IncompleteReadError) as error:
            raise EncodingProcessFailed(f"the process that encodes blobs failed: {error}") from error
        return answer

    async def _started(self) -> Process:
        return await asyncio.create_subprocess_exec(*self._arguments, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):  # it has ended already
                process.kill()
            await process.wait()


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(_LENGTH_BYTES, "little") + data


def _answer(data: bytes, params: Path, columns: int, loaded: list[KzgParams]) -> EncodedBlob | Exception:
    try:
        if not loaded:
            loaded.append(KzgParams.load(params))
        return encode(data, loaded[0].basis(columns), max_blob_bytes(columns))
    except (EncodingError, KzgParamsError) as error:
        return error


def _serve(requests: BinaryIO, answers: BinaryIO, params: Path, columns: int) -> None:
    loaded: list[KzgParams] = []
    while header := requests.read(_LENGTH_BYTES):
        data = requests.read(int.from_bytes(header, "little"))
        answers.write(_framed(pickle.dumps(_answer(data, params, columns, loaded))))
        answers.flush()


def main(arguments: Sequence[str]) -> None:
    params, columns = arguments
    _serve(sys.stdin.buffer, sys.stdout.buffer, Path(params), int(columns))


if __name__ == "__main__":
    main(sys.argv[1:])
