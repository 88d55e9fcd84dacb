"""Copies of a server's data, each a folder that can be used as a data folder as it is.

Rules:
1. A copy has its name only once it is whole, checked and on the disk.
2. ``VACUUM INTO`` copies rows, not pages: what was deleted before is not in the copy.
3. Only folders under such a name are ever deleted, and only in the tool's own folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from server.errors import StoreError, StoreFull
from server.retention import DAY_S, Retention, backup_name, backup_time, expired_backups
from server.store.upkeep_base import Backup

FOLDER: Final = "backups"
# What was published must never be worked out again (server/publishing.py), so it goes along.
PUBLIC: Final = "public"
_PARTIAL: Final = ".partial-"


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as exc:
        full = getattr(exc, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        if full or (isinstance(exc, OSError) and exc.errno in {errno.ENOSPC, errno.EDQUOT}):
            raise StoreFull(f"{path}: the disk is full; free some space, the database is as it was") from exc
        raise StoreError(f"{path}: {exc}") from exc


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def listed(folder: Path, kept: Retention) -> list[Backup]:
    """The backups in a folder, oldest first."""
    with _translated(folder):
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        times = [(name, at) for name in names if (at := backup_time(name)) is not None]
        return [Backup(name, at, at + kept.backups_days * DAY_S, _size(folder / name)) for name, at in times]


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _copy(database: Path, target: Path) -> None:
    source = sqlite3.connect(database, timeout=30)
    try:
        source.execute("VACUUM INTO ?", (str(target),))
    finally:
        source.close()
    target.chmod(0o600)
    copy = sqlite3.connect(target)
    try:
        said = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    finally:
        copy.close()
    if said != "ok":
        raise StoreError(f"{target}: the copy is damaged ({said}); check the disk")
    _sync(target)


def make(database: Path, folder: Path, kept: Retention, now: int) -> Backup:
    """Copy the database, and what was published, while both are used.

    Raises:
        StoreError: when that fails.
    """
    name = backup_name(now)
    partial, whole = folder / f"{_PARTIAL}{name}", folder / name
    with _translated(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if whole.exists():
            raise StoreError(f"{whole}: there is a backup of this second already")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        try:
            _copy(database, partial / database.name)
            public = database.parent / PUBLIC
            if public.is_dir():
                shutil.copytree(public, partial / PUBLIC, ignore=shutil.ignore_patterns(".new-*"))
            _sync(partial)
            partial.rename(whole)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        _sync(folder)
    return Backup(name, now, now + kept.backups_days * DAY_S, _size(whole))


def expire(folder: Path, kept: Retention, now: int, *, everything: bool = False) -> tuple[str, ...]:
    """Delete the backups past their time, or all of them, and what an interrupted one left; their names."""
    with _translated(folder):
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        doomed = expired_backups(names, kept, now)
        if everything:
            doomed = sorted(name for name in names if backup_time(name) is not None)
        for name in doomed:
            shutil.rmtree(folder / name)
        for name in names:
            begun = backup_time(name.removeprefix(_PARTIAL)) if name.startswith(_PARTIAL) else None
            # A day old, it is nobody's any more.
            if begun is not None and begun < now - DAY_S:
                shutil.rmtree(folder / name)
        return tuple(doomed)
