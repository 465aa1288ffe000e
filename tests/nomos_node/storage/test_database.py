"""The database: order, batches, failures, and what a killed process leaves."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from nomos_node.storage.database import StorageError, ThreadedDatabase

_KILLED_AFTER_A_COMMIT = """
import asyncio, os, signal, sys
from pathlib import Path
from nomos_node.storage.database import ThreadedDatabase
database = ThreadedDatabase.open(Path(sys.argv[1]))
row = "INSERT INTO immutable VALUES (?, 'id')"
asyncio.run(database.run(lambda connection: connection.execute(row, (7,)) and None))
os.kill(os.getpid(), signal.SIGKILL)
"""


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM immutable").fetchone()[0])


async def test_work_is_done_in_the_order_it_was_given() -> None:
    database = ThreadedDatabase.in_memory()
    insert = "INSERT INTO immutable VALUES (?, 'id')"
    counts = await asyncio.gather(
        *(database.run(lambda db, slot=slot: (db.execute(insert, (slot,)), _count(db))[1]) for slot in range(100))  # type: ignore[misc]
    )
    assert counts == list(range(1, 101))
    database.close()


async def test_a_failing_piece_of_work_leaves_nothing_and_harms_no_other() -> None:
    database = ThreadedDatabase.in_memory()

    def half_done(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO immutable VALUES (1, 'id')")
        raise ValueError("after the first row")

    results = await asyncio.gather(
        database.run(half_done),
        database.run(lambda connection: connection.execute("INSERT INTO immutable VALUES (2, 'id')") and None),
        database.run(lambda connection: connection.execute("no SQL")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [ValueError, type(None), StorageError]
    assert await database.run(lambda db: db.execute("SELECT slot FROM immutable").fetchall()) == [(2,)]
    database.close()


async def test_a_cursor_never_leaves_the_databases_thread() -> None:
    database = ThreadedDatabase.in_memory()
    row = "INSERT INTO immutable VALUES (?, 'id')"

    async def insert(numbers: range) -> None:
        for number in numbers:
            result = await database.run(lambda connection, number=number: connection.executemany(row, [(number,)]))  # type: ignore[misc]
            assert result is None

    await asyncio.gather(*(insert(range(first, first + 200)) for first in range(0, 1600, 200)))
    assert await database.run(_count) == 1600
    database.close()


async def test_work_is_done_also_when_nobody_waits_for_it_any_more() -> None:
    database = ThreadedDatabase.in_memory()
    insert = "INSERT INTO immutable VALUES (?, 'id')"
    waiting = [
        asyncio.ensure_future(database.run(lambda db, slot=slot: db.execute(insert, (slot,)) and None))  # type: ignore[misc]
        for slot in range(200)
    ]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    assert await database.run(_count) == 200
    database.close()


async def test_a_closed_database_says_so() -> None:
    database = ThreadedDatabase.in_memory()
    database.close()
    with pytest.raises(StorageError, match="is closed"):
        await database.run(_count)


def test_what_was_committed_survives_sigkill(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED_AFTER_A_COMMIT, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    database = ThreadedDatabase.open(tmp_path)
    assert database.run_blocking(_count) == 1
    database.close()


def test_a_second_process_is_told_that_the_database_is_held(tmp_path: Path) -> None:
    database = ThreadedDatabase.open(tmp_path)
    with pytest.raises(StorageError, match="another process holds it"):
        ThreadedDatabase.open(tmp_path)
    database.close()


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "nomos.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="another version"):
        ThreadedDatabase.open(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_directory_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match=f"{tmp_path}/db"):
        ThreadedDatabase.open(tmp_path / "db")


def test_a_path_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("")
    with pytest.raises(StorageError, match=r"storage.db_path: can't open .*/db/nomos.sqlite3"):
        ThreadedDatabase.open(tmp_path / "db")
