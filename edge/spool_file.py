"""The one connection to the spool's file: opened, guarded, mended, and opened again when the disk comes back.

With `edge.spool` one adapter in several rooms; nothing else imports it.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edge import spool_repair
from edge.errors import SpoolError
from edge.spool_sql import cause, is_damage, is_disk, is_passing

_LOG = logging.getLogger(__name__)

RETRY_S: Final = 10.0


class SpoolFile:
    """``db`` is None while the disk does not let the file be opened; ``degraded`` while it refuses anything.

    Args:
        path: the SQLite file; its folder is made when missing.
        clock: monotonic clock, seconds.
        opened: called with each new connection.

    Raises:
        SpoolError: when the file is in use, of a newer version, or cannot be opened for another reason than a disk
            that is full, failing or read-only.
    """

    def __init__(
        self, path: Path, clock: Callable[[], float], opened: Callable[[sqlite3.Connection], None]
    ) -> None:
        self.path, self._clock, self._opened = path.resolve(), clock, opened
        self.mutex = threading.RLock()
        self.db: sqlite3.Connection | None = None
        self.degraded = False
        self._lock: int | None = None
        self._retry_at, self._closed = 0.0, False
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    @property
    def due(self) -> bool:
        """Whether the disk refused something, and it is time to try again."""
        return self.degraded and self._clock() >= self._retry_at

    @contextmanager
    def guard(self) -> Iterator[sqlite3.Connection | None]:
        """One thread at a time, and foreign errors mapped; a damaged file is mended before the error is told."""
        with self.mutex:
            if self._closed:
                raise SpoolError(f"{self.path}: this spool is closed")
            try:
                yield self.db
            except sqlite3.Error as exc:
                self.note(exc)
                raise SpoolError(f"{self.path}: {cause(exc)}") from exc

    def ready(self) -> sqlite3.Connection | None:
        """The connection, opened again when it is time to try."""
        if self.db is None and self._clock() >= self._retry_at:
            self._open()
        return self.db

    def note(self, exc: sqlite3.Error) -> bool:
        """Act on an error: mend damage, remember a refusal; False for an error of neither kind."""
        if is_damage(exc):
            self._mend()
        elif is_passing(exc):
            self.refused(exc)
        else:
            return False
        return True

    def refused(self, exc: sqlite3.Error | OSError) -> None:
        """The disk did not take something: from now on records wait in memory, and are sent from there."""
        self._retry_at = self._clock() + RETRY_S
        if not self.degraded:
            self.degraded = True
            _LOG.error("%s: %s. Closed intervals wait in memory until then.", self.path, cause(exc))

    def recovered(self) -> None:
        """The disk took a write."""
        if self.degraded:
            self.degraded = False
            _LOG.info("%s: the disk takes records again", self.path)

    def close(self) -> None:
        """Let go of the file and its lock; safe to call twice."""
        self._drop()
        if self._lock is not None:
            spool_repair.unlock(self.path, self._lock)
            self._lock = None
        self._closed = True

    def _drop(self) -> None:
        if self.db is not None:
            self.db.close()
            self.db = None

    def _open(self) -> None:
        try:
            if self._lock is None:
                self._lock = spool_repair.lock(self.path)
            self.db = spool_repair.open_file(self.path)
            self._opened(self.db)
        except (sqlite3.Error, OSError) as exc:
            self._drop()
            if not is_disk(exc):
                raise SpoolError(f"{self.path}: {cause(exc)}") from exc
            self.refused(exc)

    def _mend(self) -> None:
        """Salvage the open file."""
        self._drop()
        try:
            spool_repair.salvage(self.path)
        except (sqlite3.Error, OSError) as exc:
            _LOG.error("%s: damaged, and not mended: %s", self.path, cause(exc))
            self.refused(exc)
            return
        self._open()
