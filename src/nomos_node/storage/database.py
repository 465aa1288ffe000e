"""SQLite database of a node.

Work is a function of the connection. It is done in the order in which it was handed in. A node uses
``ThreadedDatabase``: one thread does the work, and all work that waits at the same time shares one transaction, so that
a busy node commits seldom. The database has a write-ahead log. If the process is killed at any moment, the database
opens again, and every piece of work is in it wholly or not at all.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, Self, TypeVar

from nomos_node.storage.schema import SCHEMA, SCHEMA_VERSION

_log = logging.getLogger("nomos_storage")
T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

FILE_NAME: Final = "nomos.sqlite3"
_LARGEST_BATCH: Final = 256


class StorageError(Exception):
    """Error: the database can't be opened or used. The message names its file."""


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    work: Work[T]
    done: Future[T]


class Database:
    """Database that does work at once, in the thread of the caller. ``close`` it in the end."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._closed = False

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Open or create the database of a ``storage.db_path``. No other process may have it open.

        Raises:
            StorageError: not writable, held by another process, or made by another version.
        """
        file = directory / FILE_NAME
        try:
            directory.mkdir(parents=True, exist_ok=True)
            database = cls(_connected(str(file)), str(file))
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"storage.db_path: can't open {file}: {_reason(error)}") from error
        _log.info("opened %s", file)
        return database

    @classmethod
    def in_memory(cls) -> Self:
        return cls(_connected(":memory:"), "the in-memory database")

    async def run(self, work: Work[T]) -> T:
        """Do ``work`` and return its result once it is committed.

        Raises:
            StorageError: SQLite refused it (a full disk, say), or the database is closed.
        """
        return await asyncio.wrap_future(self._submit(work))

    def run_blocking(self, work: Work[T]) -> T:
        """Do ``work`` like ``run``, for callers outside the event loop."""
        return self._submit(work).result()

    def close(self) -> None:
        """Finish the work that was handed in, then close the file. Idempotent."""
        if not self._closed:
            self._closed = True
            self._finish()

    def _submit(self, work: Work[T]) -> Future[T]:
        if self._closed:
            raise StorageError(f"{self._name} is closed")
        job = _Job(work, Future[T]())
        self._hand_in(job)
        return job.done

    def _hand_in(self, job: _Job[Any]) -> None:
        self._commit([job])

    def _finish(self) -> None:
        self._connection.close()

    def _commit(self, batch: list[_Job[Any]]) -> None:
        """Do the work of a batch.

        This includes work that nobody waits for any more: a cancelled task must not lose a block.
        """
        awaited = [job for job in batch if job.done.set_running_or_notify_cancel()]
        finished: list[tuple[_Job[Any], Any]] = []
        try:
            with self._connection:
                self._connection.execute("BEGIN")
                finished.extend((job, self._attempt(job)) for job in batch)
        except sqlite3.Error as error:
            failure = StorageError(f"{self._name}: {error}")
            finished = [(job, failure) for job in batch]
        results = {id(job): result for job, result in finished}
        for job in awaited:
            result = results[id(job)]
            if isinstance(result, BaseException):
                job.done.set_exception(result)
            else:
                job.done.set_result(result)

    def _attempt(self, job: _Job[Any]) -> Any:
        """Return the job's result, or the error that it raised. A job that fails leaves nothing behind.

        A cursor is dropped here: if another thread dropped it, that would reset a statement that this thread may be
        running again.
        """
        self._connection.execute("SAVEPOINT job")
        try:
            result: Any = job.work(self._connection)
            if isinstance(result, sqlite3.Cursor):
                result = None
        except sqlite3.Error as error:
            result = StorageError(f"{self._name}: {error}")
        except Exception as error:
            result = error
        if isinstance(result, BaseException):
            self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")
        return result


class ThreadedDatabase(Database):
    """Database whose work is done by a thread of its own."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        super().__init__(connection, name)
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="storage", daemon=True)
        self._thread.start()

    def _hand_in(self, job: _Job[Any]) -> None:
        if not self._thread.is_alive():
            raise StorageError(f"{self._name} is closed: its thread has ended")
        self._jobs.put(job)

    def _finish(self) -> None:
        self._jobs.put(None)
        self._thread.join()

    def _serve(self) -> None:
        closing = False
        while not closing:
            batch, closing = self._next_batch()
            began = time.perf_counter()
            self._commit(batch)
            if batch:
                _log.debug("%d pieces of work in %.1f ms", len(batch), (time.perf_counter() - began) * 1000)
        self._connection.close()

    def _next_batch(self) -> tuple[list[_Job[Any]], bool]:
        batch: list[_Job[Any]] = []
        job = self._jobs.get()
        while job is not None:
            batch.append(job)
            if self._jobs.empty() or len(batch) == _LARGEST_BATCH:
                return batch, False
            job = self._jobs.get()
        return batch, True


def _connected(target: str) -> sqlite3.Connection:
    connection = sqlite3.connect(target, isolation_level=None, check_same_thread=False, timeout=0.5)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in {0, SCHEMA_VERSION}:
        connection.close()
        raise sqlite3.DatabaseError(
            f"made by another version of the node (schema {version}, expected {SCHEMA_VERSION})"
        )
    connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    return connection


def _reason(error: OSError | sqlite3.Error) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "another process holds it" if "locked" in str(error) else str(error)
