"""The file under the spool: its lock, its check at opening, and the salvage of a damaged one.

With `edge.spool` and the other ``edge.spool_*`` one adapter in several rooms; nothing else imports it.

Rules:
1. The replacement of a damaged file can be killed at any step and is finished at the next start.
2. Nothing is thrown away at once: a damaged file stays as ``*.corrupt-N``, the newest three of them.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from edge.errors import SpoolError
from edge.spool_pages import with_schema
from edge.spool_rescue import rescue
from edge.spool_schema import PAGE_BYTES, migrate
from edge.spool_sql import is_damage, is_disk, transaction

_LOG = logging.getLogger(__name__)

_DAMAGED_KEPT: Final = 3  # each may be as large as the cap of the spool
_WAL_BYTES: Final = 4 * 1024 * 1024
_WAL_PAGES: Final = 2000  # before they are copied into the file: seldom, for each such copy wears the card

# POSIX locks do not keep one process from locking twice, and are not inherited by the capture child, which
# might outlive its killed parent and would keep the next start out. So this process remembers its own.
_MINE: Final[set[Path]] = set()


def lock(path: Path) -> int:
    """Take the one ownership of the spool at ``path``; returns the descriptor to give to `unlock`.

    Raises:
        SpoolError: when this or another process has it, or its folder cannot be.
        OSError: when ``path.lock`` cannot be made.
    """
    in_use = SpoolError(
        f"{path}: another process already uses this spool; stop it, or give each box its own folder"
    )
    if path in _MINE:
        raise in_use
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        if is_disk(exc):
            raise
        raise SpoolError(f"{path}: the spool's folder cannot be used: {exc.strerror}") from exc
    descriptor = os.open(_side(path, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        os.close(descriptor)
        raise in_use from exc
    _MINE.add(path)
    return descriptor


def unlock(path: Path, descriptor: int) -> None:
    """Give up what `lock` gave."""
    os.close(descriptor)
    _MINE.discard(path)


def owner(path: Path) -> int | None:
    """The process that runs the spool at ``path`` now, without taking anything from it; None for no process."""
    try:
        descriptor = os.open(_side(path, ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise SpoolError(
            f"{path}: cannot be looked at ({exc.strerror}); run this as the user of the box"
        ) from exc
    try:
        # struct flock of 64-bit Linux: type, whence, start, length, and the process that is in the way.
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, *_, process = struct.unpack("hhqqi4x", fcntl.fcntl(descriptor, fcntl.F_GETLK, asked))
    finally:
        os.close(descriptor)
    return None if kind == fcntl.F_UNLCK else int(process)


def open_file(path: Path) -> sqlite3.Connection:
    """Finish what a killed start left, check the file, mend it if damaged, connect.

    Raises:
        SpoolError, sqlite3.Error, OSError
    """
    _swap(path)
    if not _sound(path):
        salvage(path)
    return _connect(path)


def salvage(path: Path) -> None:
    """Copy every readable row into a fresh file and put that in the damaged one's place.

    Rows lost are added to ``dropped``: exactly while the file's own counts can be read, else as the gaps in the
    numbers that are left (where records merged, that is too many).

    Raises:
        sqlite3.Error, OSError: when the disk does not take the fresh file; the damaged one is untouched then.
    """
    path.chmod(0o600)
    fresh = _side(path, ".fresh")
    _remove(fresh)
    try:
        with closing(_connect(fresh)) as new:
            with _legible(path, fresh) as old, transaction(new):
                lost = rescue(old, new)
            new.execute("PRAGMA journal_mode = DELETE")  # one whole file, no WAL beside it
    except BaseException:
        _remove(fresh)  # half a copy would take the room that the next try needs
        raise
    fresh.replace(_side(path, ".salvaged"))
    _sync_folder(path)
    _swap(path)
    _LOG.error(
        "%s: was damaged; %d records were lost, the others saved, and that file kept aside", path, lost
    )


@contextmanager
def _legible(path: Path, sound: Path) -> Iterator[sqlite3.Connection]:
    """The damaged file; a copy of it with the schema of the new file ``sound`` where its own cannot be read."""
    with closing(sqlite3.connect(path, timeout=5.0)) as old:
        try:
            old.execute("PRAGMA table_info(records)").fetchall()
        except sqlite3.DatabaseError as exc:
            if not is_damage(exc):
                raise
        else:
            yield old
            return
    copy = _side(path, ".patched")
    _remove(copy)
    try:
        copy.write_bytes(with_schema(path.read_bytes(), sound.read_bytes()))
        with suppress(FileNotFoundError):
            shutil.copyfile(_side(path, "-wal"), _side(copy, "-wal"))
        with closing(sqlite3.connect(copy, timeout=5.0)) as old:
            yield old
    finally:
        _remove(copy)


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        _side(path, suffix).unlink(missing_ok=True)


def _swap(path: Path) -> None:
    """Put a finished salvage in place, keeping the damaged file aside; safe to repeat after a kill."""
    ready = _side(path, ".salvaged")
    if not ready.exists():
        return
    prefix = path.name + ".corrupt-"
    taken = (
        other.name.removeprefix(prefix) for other in path.parent.iterdir() if other.name.startswith(prefix)
    )
    numbers = sorted(int(name) for name in taken if name.isdecimal())
    aside = prefix + str(numbers[-1] + 1 if numbers else 1)
    # The WAL goes too: SQLite would replay a stranger's WAL into the fresh file.
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            _side(path, suffix).replace(path.with_name(aside + suffix))
    _side(path, "-shm").unlink(missing_ok=True)
    for number in numbers[: max(0, len(numbers) + 1 - _DAMAGED_KEPT)]:
        for suffix in ("", "-wal"):
            path.with_name(f"{prefix}{number}{suffix}").unlink(missing_ok=True)
    ready.replace(path)
    _sync_folder(path)


def _sound(path: Path) -> bool:
    """Whether SQLite finds the file's structure whole; a missing or empty file is."""
    if not path.exists():
        return True
    try:
        with closing(sqlite3.connect(path, timeout=5.0)) as db:
            return bool(db.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError as exc:
        if is_damage(exc):
            return False
        raise


def _connect(path: Path) -> sqlite3.Connection:
    """Open for use, creating and migrating as needed."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)
    db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        db.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        db.execute("PRAGMA cell_size_check = ON")
        if migrate(db, path):
            if db.execute("PRAGMA page_size").fetchone() != (PAGE_BYTES,):
                return _with_small_pages(db, path)
            # A schema in the WAL alone would go with a torn WAL, and the file would look empty, not damaged.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            _sync_folder(path)
        # SQLite opens a file that refuses to be written for reading, without a word, and for as long as it is open.
        db.execute("DELETE FROM totals WHERE 0")  # writes nothing, and says so there
    except BaseException:
        db.close()
        raise
    return db


def _with_small_pages(db: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    """Bring a file of an older format to small pages and open it anew; without room for that, it stays as it is."""
    with suppress(sqlite3.Error):
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        db.execute("VACUUM")
    db.close()
    _sync_folder(path)
    return _connect(path)


def _side(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
