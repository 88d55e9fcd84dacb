"""What upkeep gives: backups, and what a purge did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of the database, and of what belongs to it, in a folder of this name."""

    name: str
    made_at: int
    expires_at: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did, or would do.

    Args:
        deleted: number of rows by what they were.
        expired: backups deleted because of their age.
        markers: digests of deleted records that were looked for afterwards, byte by byte.
        remains: files of the database in which one of them was still found; empty, or the purge has failed.
        backups: backups in which one was still found; they expire by their own age.
        wal_bytes: size of the write-ahead log afterwards; not 0 means that a reader kept it from being emptied.
        finished: whether everything was done.
    """

    deleted: Mapping[str, int]
    expired: tuple[str, ...] = ()
    markers: int = 0
    remains: tuple[str, ...] = ()
    backups: tuple[str, ...] = ()
    wal_bytes: int = 0
    finished: bool = False
