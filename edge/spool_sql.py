"""What every statement of the spool rests on: transactions, checksums, and what an error of the disk means.

With `edge.spool`, `edge.spool_rows` and their other parts one adapter in several rooms; nothing else imports it.
"""

from __future__ import annotations

import errno
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_BUSY, _LOCKED, _READONLY, _IOERR, _FULL, _CANTOPEN = 5, 6, 8, 10, 13, 14  # primary result codes of SQLite
_CAUSES: Final = {
    _BUSY: "another program holds the file locked; close it",
    _LOCKED: "another program holds the file locked; close it",
    _READONLY: "the disk is read-only, as after a fault of the card; check it and mount it writable",
    _IOERR: "the disk reports an I/O error; check the card and its contacts, and replace it if this returns",
    _FULL: "the disk is full; free space on it",
    _CANTOPEN: "the file cannot be opened; check that its folder exists, is writable and has space left",
}
_CORRUPT, _NOTADB = 11, 26
# What a disk may get over, other than a folder that is named wrongly or belongs to somebody else.
_DISK_CODES: Final = frozenset({_READONLY, _IOERR, _FULL})
_DISK_ERRNOS: Final = frozenset({errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT})


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; the commit returns after the sync."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite has often rolled back by itself
            db.execute("ROLLBACK")
        raise


@contextmanager
def unsynced(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, without waiting for the disk: a power cut may undo it, whole, until the next synced commit.

    For what is only forgotten, never for what is promised: the log of SQLite is one row of commits, so that a
    later commit that is synced takes this one with it.
    """
    db.execute("PRAGMA synchronous = NORMAL")
    try:
        with transaction(db):
            yield
    finally:
        db.execute("PRAGMA synchronous = FULL")


def checksum(key: str, payload: str) -> int:
    """CRC-32 of a row: SQLite itself has none, and a flipped digit is still a number."""
    return zlib.crc32(f"{key}\n{payload}".encode())


def damage(what: str) -> sqlite3.DatabaseError:
    """The error that SQLite would raise had it seen this damage itself."""
    exc = sqlite3.DatabaseError(what)
    exc.sqlite_errorcode = _CORRUPT
    return exc


def is_damage(exc: sqlite3.Error) -> bool:
    """Whether the file is damaged."""
    return _code(exc) in {_CORRUPT, _NOTADB}


def is_passing(exc: sqlite3.Error) -> bool:
    """Whether the disk refused something that it may take later."""
    return _code(exc) in _CAUSES


def is_disk(exc: sqlite3.Error | OSError) -> bool:
    """Whether it is the disk itself that refuses, rather than a wrong path or somebody else's file."""
    if isinstance(exc, OSError):
        return exc.errno in _DISK_ERRNOS
    return _code(exc) in _DISK_CODES


def cause(exc: sqlite3.Error | OSError) -> str:
    """What happened and how to mend it, for people."""
    if isinstance(exc, OSError):
        return f"{exc.strerror or exc}; check the folder's permissions and its disk"
    return _CAUSES.get(_code(exc), f"SQLite says: {exc}")


def _code(exc: sqlite3.Error) -> int:
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF
