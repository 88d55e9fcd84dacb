"""The desk's part of the SQLite store, put under `SqliteStore`."""

from __future__ import annotations

from server.store.connection import Connections
from server.store.crew import SqliteCrew
from server.store.hooks import SqliteHooks
from server.store.mail import SqliteMails
from server.store.open311 import SqliteTools
from server.store.open311_links import SqliteEndpoints
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
    def crew(self) -> SqliteCrew:
        """Recipients of letters about notices, reminders, keys."""
        return SqliteCrew(self._connections)

    @property
    def hooks(self) -> SqliteHooks:
        """Targets of webhooks and their queue."""
        return SqliteHooks(self._connections)

    @property
    def tools(self) -> SqliteTools:
        """Keys of tools, what is official, reports of others."""
        return SqliteTools(self._connections)

    @property
    def endpoints(self) -> SqliteEndpoints:
        """Servers that notices are posted to."""
        return SqliteEndpoints(self._connections)

    @property
    def placings(self) -> SqlitePlacings:
        """Cameras on plans."""
        return SqlitePlacings(self._connections)

    @property
    def tallies(self) -> SqliteTallies:
        """Counts by hand."""
        return SqliteTallies(self._connections)
