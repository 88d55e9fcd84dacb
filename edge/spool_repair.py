"""The file under the spool: its lock, its check at opening, and the salvage of a damaged one.

With `edge.spool` and `edge.spool_rows` one adapter in three rooms; nothing else imports it.

Rules:
1. The replacement of a damaged file can be killed at any step and is finished at the next start.
2. Nothing is thrown away at once: a damaged file stays as ``*.corrupt-N``, the newest three of them.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from edge.errors import SpoolError
from edge.spool_rows import BURY, INSERT, checksum, is_damage, keep, kept, migrate, transaction

_LOG = logging.getLogger(__name__)

_DAMAGED_KEPT: Final = 3  # each may be as large as the cap of the spool
_CHUNK: Final = 500  # rows read at once from a damaged file
_WAL_BYTES: Final = 4 * 1024 * 1024

_SALVAGE: Final = (
    ("records", "SELECT key, rank, at, crc, payload FROM records WHERE id BETWEEN ? AND ?", INSERT),
    ("dead_letters", "SELECT key, reason, at, crc, payload FROM dead_letters WHERE id BETWEEN ? AND ?", BURY),
)

# POSIX locks do not keep one process from locking twice, and are not inherited by the capture child, which
# might outlive its killed parent and would keep the next start out. So this process remembers its own.
_MINE: Final[set[Path]] = set()


def lock(path: Path) -> int:
    """Take the one ownership of the spool at ``path``; returns the descriptor to give to `unlock`.

    Raises:
        SpoolError: when this or another process has it.
        OSError: when ``path.lock`` cannot be made.
    """
    in_use = SpoolError(
        f"{path}: another process already uses this spool; stop it, or give each box its own folder"
    )
    if path in _MINE:
        raise in_use
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
    numbers that are left.

    Raises:
        sqlite3.Error, OSError: when the disk does not take the fresh file; the damaged one is untouched then.
    """
    path.chmod(0o600)
    fresh = _side(path, ".fresh")
    for suffix in ("", "-wal", "-shm"):
        _side(fresh, suffix).unlink(missing_ok=True)
    with closing(_connect(fresh)) as new:
        with closing(sqlite3.connect(path, timeout=5.0)) as old, transaction(new):
            for table, query, insert in _SALVAGE:
                new.executemany(insert, (row for row in _rows(old, table, query) if _intact(row)))
            with suppress(sqlite3.DatabaseError):
                runs = old.execute("SELECT run, next_seq FROM runs ORDER BY id").fetchall()
                new.executemany("INSERT OR IGNORE INTO runs (run, next_seq) VALUES (?, ?)", runs)
            with suppress(sqlite3.DatabaseError):
                keep(new, kept(old))
            lost = _carry_totals(old, new)
        new.execute("PRAGMA journal_mode = DELETE")  # one whole file, no WAL beside it
    fresh.replace(_side(path, ".salvaged"))
    _sync_folder(path)
    _swap(path)
    _LOG.error(
        "%s: was damaged; %d records were lost, the others saved, and that file kept aside", path, lost
    )


def _carry_totals(old: sqlite3.Connection, new: sqlite3.Connection) -> int:
    """Carry the counts over so that they still add up; returns the rows lost."""
    pending, dead = new.execute("SELECT pending, dead FROM totals").fetchone()
    known: Any = None
    with suppress(sqlite3.DatabaseError):
        known = old.execute("SELECT closed, accepted, rejected, dropped, acknowledged FROM totals").fetchone()
    if known is None or any(type(value) is not int for value in known[:4]):
        known = (pending + dead + _gaps(new), 0, dead, 0, None)
    closed, accepted, rejected, dropped, end = known
    lost: int = max(0, closed - accepted - rejected - dropped - pending)
    new.execute(
        "UPDATE totals SET closed = ?, accepted = ?, rejected = ?, dropped = ?, acknowledged = ?",
        (closed, accepted, rejected, dropped + lost, end),
    )
    return lost


def _gaps(new: sqlite3.Connection) -> int:
    """Numbers missing between those that are left of each run."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for (key,) in new.execute("SELECT key FROM records UNION SELECT key FROM dead_letters").fetchall():
        _, run, number = key.rsplit("/", 2)
        numbers[run].append(int(number))
    return sum(max(found) - min(found) + 1 - len(found) for found in numbers.values())


def _rows(old: sqlite3.Connection, table: str, query: str) -> Iterator[tuple[Any, ...]]:
    """Every row that can be read: by chunks, and one by one where a chunk holds a damaged page."""
    last = 0
    for source in (
        "SELECT seq FROM sqlite_sequence WHERE name = ?",
        "SELECT max(id) FROM records WHERE ? = 'records'",
        "SELECT max(id) FROM dead_letters WHERE ? = 'dead_letters'",
    ):
        with suppress(sqlite3.DatabaseError):
            for (found,) in old.execute(source, (table,)).fetchall():
                last = max(last, found or 0)
    for first in range(1, last + 1, _CHUNK):
        try:
            yield from old.execute(query, (first, first + _CHUNK - 1)).fetchall()
        except sqlite3.DatabaseError:
            for number in range(first, first + _CHUNK):
                with suppress(sqlite3.DatabaseError):
                    yield from old.execute(query, (number, number)).fetchall()


def _intact(row: tuple[Any, ...]) -> bool:
    key, _, at, crc, payload = row
    return (
        isinstance(key, str)
        and isinstance(payload, str)
        and isinstance(at, float)
        and checksum(key, payload) == crc
    )


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
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
        db.execute("PRAGMA cell_size_check = ON")
        if migrate(db, path):
            # A schema in the WAL alone would go with a torn WAL, and the file would look empty, not damaged.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            _sync_folder(path)
    except BaseException:
        db.close()
        raise
    return db


def _side(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
