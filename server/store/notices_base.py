"""What a store keeps of notices. Times are whole seconds since 1970, UTC; every write is one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from server.notices import Notice, NoticeEvent, NoticeState, Veto

if TYPE_CHECKING:
    from server.store.base import AuditEntry


class Notices(Protocol):
    """Notices, their events, vetoes; what goes out follows the events by cursors.

    The helper who builds the store adds what it needs (intake of cases, board, rules, precision); what is here is what the
    channels (letters, webhooks, Open311, Atom) may rely on.
    """

    def notice(self, notice_id: int) -> Notice | None:
        """One notice."""

    def events(self, notice_id: int) -> list[NoticeEvent]:
        """Its steps, the first first."""

    def events_after(self, event_id: int, limit: int) -> list[NoticeEvent]:
        """Steps of all notices numbered above ``event_id``, in order."""

    def cursor(self, channel: str) -> int:
        """Up to which event a channel has followed; a channel that is new begins at the newest event, not in the past."""

    def follow(self, channel: str, event_id: int) -> None:
        """Note how far a channel has followed."""

    def move(
        self,
        notice_id: int,
        version: int,
        after: NoticeState,
        audit: AuditEntry,
        *,
        assigned_to: str | None = None,
        detail: str = "",
    ) -> Notice:
        """Change a notice's state, as `audit.actor` at `audit.at`, with its event, its veto if it is ``nothing_there``, and the
        audit row, all or nothing.

        Raises:
            NoticeConflict: when ``version`` is not the present one, or `notices.may` refuses.
        """

    def later(self, notice_id: int, until: int, audit: AuditEntry) -> Notice:
        """Remind again at ``until``; the state stays.

        Raises:
            NoticeConflict: when the notice has ended.
        """

    def listed(
        self, *, site: str | None, states: frozenset[NoticeState], since: int, until: int, limit: int
    ) -> list[Notice]:
        """Notices changed in ``[since, until)``, newest change first; ``site`` None: of every site."""

    def vetoes(self, now: int) -> list[Veto]:
        """Those in force."""
