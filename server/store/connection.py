"""SQLite connections: one writer, a few readers that it never blocks.

Rules:
1. WAL, ``synchronous=FULL``: a commit is on the disk before it returns.
2. One writer connection behind a lock, ``BEGIN IMMEDIATE``; another process (the admin commands) waits up to
   ``BUSY_MS`` instead of failing.
3. Readers cannot write (``query_only``).
4. Every sqlite3 error becomes a StoreError.
5. What is deleted is overwritten (``secure_delete``); what that leaves between the rows of a page goes with the
   ``VACUUM`` at the end of a purge (purge.py).
"""

from __future__ import annotations

import contextlib
import json
import queue
import sqlite3
import threading
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Final

from sqlite_utils import Database, Migrations

from contract.batch import ConfigRecord, parse_record
from server.errors import StoreError, StoreFull
from server.store.hours import remake
from server.store.keys import Received
from server.store.noted import renote
from server.store.versions import note_versions

BUSY_MS: Final = 5000
# Less than a box waits for an answer: while the file is written anew it is told to come back, and no thread is held.
LOCK_S: Final = 10.0
READERS: Final = 8

migrations = Migrations("parvis")


@migrations()  # type: ignore[untyped-decorator]
def m001_initial(db: Any) -> None:
    """Records, intervals, accounts, audit."""
    db.executescript(resources.files("server.store").joinpath("schema.sql").read_text("utf-8"))


@migrations()  # type: ignore[untyped-decorator]
def m002_retention(db: Any) -> None:
    """Roll-ups that outlive their intervals, keys that outlive their records, an audit that only grows."""
    db.executescript(resources.files("server.store").joinpath("m002_retention.sql").read_text("utf-8"))
    received = Received(db, ())
    for (key,) in db.execute("SELECT key FROM records"):
        received.add(key)
    received.store()


@migrations()  # type: ignore[untyped-decorator]
def m003_versions(db: Any) -> None:
    """Versions of zones, and how long they were full; the hours are made again, whose intervals are all there."""
    db.executescript(resources.files("server.store").joinpath("m003_versions.sql").read_text("utf-8"))
    for (payload,) in list(
        db.execute("SELECT payload FROM records WHERE type = 'parvis.config.v1' ORDER BY id")
    ):
        record = parse_record(json.loads(payload)) if payload else None
        if isinstance(record, ConfigRecord):
            note_versions(db, record, remade=False)
    for *place, purged_before in list(
        db.execute("SELECT device, camera, name, kind, purged_before FROM places")
    ):
        remake(db, place, purged_before)


@migrations()  # type: ignore[untyped-decorator]
def m004_sites(db: Any) -> None:
    """Sites, labels, positions, plans, calendar."""
    db.executescript(resources.files("server.store").joinpath("m004_sites.sql").read_text("utf-8"))


@migrations()  # type: ignore[untyped-decorator]
def m005_days(db: Any) -> None:
    """Local days, made when they are first needed."""
    db.executescript(resources.files("server.store").joinpath("m005_days.sql").read_text("utf-8"))


@migrations()  # type: ignore[untyped-decorator]
def m006_quality(db: Any) -> None:
    """Origins of the hours, what was told twice, health by the hour, grids, sums of the quarantine."""
    db.executescript(resources.files("server.store").joinpath("m006_quality.sql").read_text("utf-8"))
    renote(db)


@migrations()  # type: ignore[untyped-decorator]
def m007_mail(db: Any) -> None:
    """The outbox, subscriptions, alert rules."""
    db.executescript(resources.files("server.store").joinpath("m007_mail.sql").read_text("utf-8"))


@migrations()  # type: ignore[untyped-decorator]
def m008_notices(db: Any) -> None:
    """Notices, their events, vetoes and rules."""
    db.executescript(resources.files("server.store").joinpath("m008_notices.sql").read_text("utf-8"))


@migrations()  # type: ignore[untyped-decorator]
def m009_crew(db: Any) -> None:
    """Whom notices go to: recipients, keys of feeds, targets of webhooks."""
    db.executescript(resources.files("server.store").joinpath("m009_crew.sql").read_text("utf-8"))


@migrations()  # type: ignore[untyped-decorator]
def m010_open311(db: Any) -> None:
    """Keys of tools, what is official, reports of others, servers posted to."""
    db.executescript(resources.files("server.store").joinpath("m010_open311.sql").read_text("utf-8"))


@migrations()  # type: ignore[untyped-decorator]
def m011_placing(db: Any) -> None:
    """Cameras on plans."""
    db.executescript(resources.files("server.store").joinpath("m011_placing.sql").read_text("utf-8"))


@migrations()  # type: ignore[untyped-decorator]
def m012_tallies(db: Any) -> None:
    """Counts by hand."""
    db.executescript(resources.files("server.store").joinpath("m012_tallies.sql").read_text("utf-8"))


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
        self._alone = False
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
            db.execute("PRAGMA secure_delete=ON")
            db.execute("PRAGMA foreign_keys=ON")
        except BaseException:
            conn.close()
            raise
        return db

    @contextlib.contextmanager
    def write(self) -> Iterator[Any]:
        """One transaction of the one writer; committed, and on the disk, when the block ends without error."""
        with self._locked(), translated(self._path):
            db = self._writer
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.commit()
            except BaseException:
                db.rollback()
                raise

    @contextlib.contextmanager
    def alone(self) -> Iterator[Any]:
        """The one writer outside a transaction, for what opens its own: ``VACUUM`` and checkpoints."""
        with self._locked(), translated(self._path):
            self._alone = True
            try:
                yield self._writer
            finally:
                self._alone = False

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        while not self._lock.acquire(timeout=LOCK_S):
            if self._alone:
                raise StoreError(f"{self._path}: the database is being written anew; try again")
        try:
            yield
        finally:
            self._lock.release()

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
