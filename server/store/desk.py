"""The desk's part of the SQLite store, put under `SqliteStore`."""

from __future__ import annotations

from server.store.connection import Connections
from server.store.mail import SqliteMails
from server.store.origins import SqliteOrigins
from server.store.placings import SqlitePlacings
from server.store.subscriptions import SqliteAlertRules, SqliteSubscriptions
from server.store.tallies import SqliteTallies


class SqliteDesk:
    """Implements `Desk`."""

    _connections: Connections

    @property
    def origins(self) -> SqliteOrigins:
        """Where figures come from."""
        return SqliteOrigins(self._connections)

    @property
    def mails(self) -> SqliteMails:
        """The outbox."""
        return SqliteMails(self._connections)

    @property
    def subscriptions(self) -> SqliteSubscriptions:
        """Who gets reports."""
        return SqliteSubscriptions(self._connections)

    @property
    def alert_rules(self) -> SqliteAlertRules:
        """Rules that write letters."""
        return SqliteAlertRules(self._connections)

    @property
    def placings(self) -> SqlitePlacings:
        """Cameras on plans."""
        return SqlitePlacings(self._connections)

    @property
    def tallies(self) -> SqliteTallies:
        """Counts by hand."""
        return SqliteTallies(self._connections)
