"""What a store keeps of notices. Times are whole seconds since 1970, UTC; every write is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from server.notice_rules import Precision, SiteRules
from server.notices import CaseKind, Held, Notice, NoticeEvent, NoticeState, Severity, Veto

if TYPE_CHECKING:
    from server.store.base import AuditEntry


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notices are asked for; None: any. ``states`` empty: any; ``site`` empty: of places without one."""

    site: str | None = None
    states: frozenset[NoticeState] = frozenset()
    kind: CaseKind | None = None
    severity: Severity | None = None
    device: str | None = None
    camera: str | None = None
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class HeldBack:
    """How many notices of a site are held for a reason, and when the first of them is asked again."""

    site: str | None
    reason: Held
    number: int
    until: int


@dataclass(frozen=True, slots=True)
class CaseSeen:
    """A case of a notice at its highest revision. ``state``: as on the wire, or ``silent`` (told anew under another)."""

    device: str
    camera: str
    zone: str
    case: str
    revision: int
    state: str
    first_seen: int
    last_seen: int
    x: float
    y: float
    w: float
    h: float
    confidence: float


class Notices(Protocol):
    """Notices, their events, vetoes, rules; what goes out follows the events by cursors."""

    def take(self, tz: ZoneInfo, most: int) -> int:
        """Take up to ``most`` revisions of cases in order of arrival; how many there were."""

    def release(self, now: int, tz: ZoneInfo, most: int) -> tuple[int, int]:
        """Ask again what holds up to ``most`` notices whose time is over; how many were asked and how many released."""

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

    def lift_veto(self, veto_id: int, audit: AuditEntry) -> bool:
        """End a veto before its time; False when it is not in force."""

    def note(self, notice_id: int, text: str, audit: AuditEntry) -> None:
        """Add what somebody writes of a notice; everything else stays.

        Raises:
            NoticeConflict: when there is no such notice.
        """

    def cases_of(self, notice_id: int) -> list[CaseSeen]:
        """The cases gathered under a notice, the first seen first."""

    def board(self, wanted: Wanted, limit: int, offset: int = 0) -> list[Notice]:
        """Notices of a wish: what waits for a person first, the gravest and newest of it first."""

    def counts(self, wanted: Wanted) -> dict[NoticeState, int]:
        """How many notices of a wish there are in each state, whatever states it names."""

    def waiting(self) -> int:
        """How many notices wait to be verified."""

    def held(self, site: str | None = None) -> list[HeldBack]:
        """What is held back, by site and reason; ``site`` None: of every site, empty: of places without one."""

    def cameras_with_notices(self) -> list[tuple[str, str]]:
        """Device and camera of every notice there is."""

    def rules(self, site: str | None) -> SiteRules:
        """The rules in force for a site; None: for places without one."""

    def own_rules(self) -> frozenset[str | None]:
        """Which sites have rules of their own; None: those of places without a site were changed."""

    def set_rules(self, site: str | None, rules: SiteRules, audit: AuditEntry) -> None:
        """Give a site rules; what is held is asked again.

        Raises:
            StoreError: when there is no such site.
        """

    def precision(self, months: Sequence[tuple[str, int, int]]) -> list[Precision]:
        """Of the notices begun in each month that people answered, how many were something, by camera.

        ``months``: name, start and end (UTC seconds). A camera that gave notices but no answer has 0 answered.
        """
