"""SQLite connections: one writer, a few readers that it never blocks.

Rules:
1. WAL, ``synchronous=FULL``: a commit is on the disk before it returns.
2. One writer connection behind a lock, ``BEGIN IMMEDIATE``; another process (the admin commands) waits up to
   ``BUSY_MS`` instead of failing.
3. Readers cannot write (``query_only``).
4. Every sqlite3 error becomes a StoreError.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Final

from sqlite_utils import Database, Migrations

from server.errors import StoreError, StoreFull

BUSY_MS: Final = 5000
READERS: Final = 8

migrations = Migrations("parvis")


@migrations()  # type: ignore[untyped-decorator]
def m001_initial(db: Any) -> None:
    """Records, intervals, accounts, audit."""
    db.executescript(resources.files("server.store").joinpath("schema.sql").read_text("utf-8"))


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn sqlite3's errors into ours."""
    try:
        yield
    except sqlite3.Error as exc:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise StoreFull(f"{path}: the disk is full; free some space, nothing was lost") from exc
        raise StoreError(f"{path}: {exc}") from exc


class Connections:
    """The connections to one database file; migrates it when opened.

    Raises:
        StoreError: when the file cannot be opened or is no database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        self._slots = threading.BoundedSemaphore(READERS)
        self._closed = False
        try:
            # The database holds token hashes and counts of people: nobody else on the machine needs it.
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise StoreError(f"{path.parent}: cannot be created ({exc.strerror})") from exc
        with translated(path):
            self._writer = self._open()
            try:
                self._writer.enable_wal()
                with self.write() as db:
                    migrations.apply(db)
            except BaseException:
                self._writer.close()
                raise

    def _open(self) -> Any:
        conn = sqlite3.connect(self._path, timeout=BUSY_MS / 1000, check_same_thread=False)
        try:
            db = Database(conn, execute_plugins=False, recursive_triggers=False)
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA foreign_keys=ON")
        except BaseException:
            conn.close()
            raise
        return db

    @contextlib.contextmanager
    def write(self) -> Iterator[Any]:
        """One transaction of the one writer; committed, and on the disk, when the block ends without error."""
        with self._lock, translated(self._path):
            db = self._writer
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.commit()
            except BaseException:
                db.rollback()
                raise

    @contextlib.contextmanager
    def read(self) -> Iterator[Any]:
        """A connection that cannot write; at most ``READERS`` at once."""
        with self._slots, translated(self._path):
            try:
                db = self._idle.get_nowait()
            except queue.Empty:
                db = self._open()
                db.execute("PRAGMA query_only=ON")
            try:
                yield db
            finally:
                self._idle.put(db)

    def close(self) -> None:
        """Close everything; a second call does nothing."""
        if self._closed:
            return
        self._closed = True
        with self._lock:
            while True:
                try:
                    self._idle.get_nowait().close()
                except queue.Empty:
                    break
            self._writer.close()
