"""The default store: one SQLite file."""

from __future__ import annotations

from pathlib import Path

from server.store.accounts import SqliteAccounts
from server.store.base import Store
from server.store.connection import Connections
from server.store.days import SqliteDays
from server.store.desk import SqliteDesk
from server.store.notices import SqliteNotices
from server.store.quality import SqliteQuality
from server.store.records import SqliteRecords
from server.store.sites import SqliteSites
from server.store.upkeep import SqliteUpkeep


class SqliteStore(SqliteDesk):
    """A `Store` in one file.

    Raises:
        StoreError: when the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._connections = Connections(path)
        self._records = SqliteRecords(self._connections)
        self._days = SqliteDays(self._connections, self._records)
        self._accounts = SqliteAccounts(self._connections)
        self._upkeep = SqliteUpkeep(self._connections, path)
        self._sites = SqliteSites(self._connections)
        self._quality = SqliteQuality(self._connections)

    @property
    def records(self) -> SqliteRecords:
        """Delivered records."""
        return self._records

    @property
    def days(self) -> SqliteDays:
        """Local days."""
        return self._days

    @property
    def accounts(self) -> SqliteAccounts:
        """Devices, users, sessions, audit."""
        return self._accounts

    @property
    def upkeep(self) -> SqliteUpkeep:
        """Retention, purge, backups, roll-ups."""
        return self._upkeep

    @property
    def sites(self) -> SqliteSites:
        """Sites, labels, plans, calendar."""
        return self._sites

    @property
    def quality(self) -> SqliteQuality:
        """How good the figures are, and where they come from."""
        return self._quality

    @property
    def notices(self) -> SqliteNotices:
        """What a crew receives of cases."""
        return SqliteNotices(self._connections)

    def close(self) -> None:
        """Let go of every connection."""
        self._connections.close()


def open_store(path: Path) -> Store:
    """Open, and create or migrate, the database at ``path``.

    Raises:
        StoreError: when that fails.
    """
    return SqliteStore(path)
