"""The node's KZG work: one reading of the parameters, the same blob by thread and by process, and clear failures."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from nomos_core.da.encoding import EncodingError
from nomos_core.da.kzg_params import KzgParams, KzgParamsError
from nomos_core.da.verification import InvalidShare
from nomos_node.da import kzg as kzg_module
from nomos_node.da.encoding_process import EncodingProcess, EncodingProcessFailed
from nomos_node.da.kzg import Kzg, KzgSettings
from nomos_node.workers import ThreadWorker
from support.processes.da_members import DATA, encoded


@pytest.fixture
async def process(kzg_file: Path) -> AsyncIterator[EncodingProcess]:
    process = EncodingProcess(kzg_file, 4)
    yield process
    await process.close()


def _kzg(settings: KzgSettings) -> Kzg:
    return Kzg(settings, ThreadWorker("kzg", 1), EncodingProcess)


async def test_a_missing_file_is_warned_of_and_fails_when_it_is_needed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = KzgSettings(tmp_path / "nothing", 2)
    settings.warn_if_missing()
    assert f"missing KZG parameters at {tmp_path / 'nothing'}: this node can neither" in caplog.text
    assert "nomos-testing kzg-params" in caplog.text
    kzg = _kzg(settings)
    with pytest.raises(KzgParamsError, match="can't be read: No such file"):
        await kzg.encode(DATA)
    await kzg.close()


async def test_a_file_that_holds_none_fails_when_it_is_needed(tmp_path: Path, kzg_file: Path) -> None:
    file = tmp_path / "params"
    file.write_bytes(b"something else")
    settings = KzgSettings(file, 2)
    kzg = _kzg(settings)
    with pytest.raises(KzgParamsError, match="holds no KZG parameters"):
        await kzg.encode(DATA)
    blob = encoded(kzg_file)
    with pytest.raises(KzgParamsError, match="holds no KZG parameters"):
        await kzg.verify(blob.share(0), blob.blob_id)
    await kzg.close()


async def test_the_parameters_are_read_once(kzg_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other_blob = encoded(kzg_file, DATA * 2).blob_id
    reads = 0
    load = KzgParams.load

    def counted(path: Path) -> KzgParams:
        nonlocal reads
        reads += 1
        return load(path)

    monkeypatch.setattr(KzgParams, "load", counted)
    kzg = _kzg(KzgSettings(kzg_file, 2))
    assert reads == 0
    blob = await kzg.encode(DATA)
    await kzg.verify(blob.share(0), blob.blob_id)
    with pytest.raises(InvalidShare):
        await kzg.verify(blob.share(0), other_blob)
    await kzg.close()
    assert reads == 1


async def test_the_work_runs_beside_the_event_loop(kzg_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece of work waits for the loop, which would never come to it if the work ran there."""
    loop = asyncio.get_running_loop()
    turns: list[bool] = []

    def waiting(work: Callable[..., Any]) -> Callable[..., Any]:
        def worked(*args: Any) -> Any:
            had_a_turn = threading.Event()
            loop.call_soon_threadsafe(had_a_turn.set)
            turns.append(had_a_turn.wait(5))
            return work(*args)

        return worked

    blob = encoded(kzg_file)
    monkeypatch.setattr(kzg_module, "encode", waiting(kzg_module.encode))
    monkeypatch.setattr(kzg_module, "verify_share", waiting(kzg_module.verify_share))
    monkeypatch.setattr(KzgParams, "load", waiting(KzgParams.load))
    kzg = _kzg(KzgSettings(kzg_file, 2))
    assert await kzg.encode(DATA) == blob
    await kzg.verify(blob.share(0), blob.blob_id)
    await kzg.close()
    assert turns == [True, True, True]


async def test_the_process_encodes_the_same_blob(process: EncodingProcess, kzg_file: Path) -> None:
    for data in (DATA, DATA * 2):
        assert await process.encode(data) == encoded(kzg_file, data, columns=4)


async def test_the_process_refuses_what_is_no_blob_and_goes_on(process: EncodingProcess) -> None:
    with pytest.raises(EncodingError, match="all zeros"):
        await process.encode(bytes(31))
    assert (await process.encode(DATA)).columns == 4


async def test_a_process_that_can_not_start_is_an_error(tmp_path: Path) -> None:
    process = EncodingProcess(tmp_path / "nothing", 4)
    with pytest.raises(KzgParamsError, match="can't be read"):
        await process.encode(DATA)
    await process.close()


async def test_after_its_process_was_killed_the_next_blob_gets_a_new_one(process: EncodingProcess) -> None:
    await process.encode(DATA)
    assert process._process is not None
    process._process.kill()
    with pytest.raises(EncodingProcessFailed):
        await process.encode(DATA)
    assert (await process.encode(DATA)).columns == 4
