"""What a store keeps for the desk: where figures come from, letters, subscriptions, alert rules.

Times are whole seconds since 1970, UTC. Every method that writes is one transaction, durable when it returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Protocol

from server.schedule import PeriodKind
from server.sites import PlaceKey
from server.store.open311_base import Endpoints, Tools
from server.tallies import Tally

if TYPE_CHECKING:
    from server.pairs import Placing
    from server.store.base import AuditEntry, Place
    from server.store.crew_base import Crew, Hooks

MailState = Literal["waiting", "sending", "handed", "sent", "unsure", "failed"]


@dataclass(frozen=True, slots=True)
class Origin:
    """What counted from ``at`` on, as a box said: its run, model and software."""

    at: int
    run: str
    model: str
    model_sha256: str
    software: str


@dataclass(frozen=True, slots=True)
class ZoneVersion:
    """A configuration of a zone, met first at ``first_at``."""

    version: str
    first_at: int
    purpose: str
    capacity: int | None


@dataclass(frozen=True, slots=True)
class NewMail:
    """A letter to be stored; ``job`` says what it is about."""

    job: str
    message_id: str
    recipient: str
    subject: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """A stored letter; ``problem`` is the kind of its last failure, ``detail`` what the mail server said."""

    id: int
    job: str
    message_id: str
    recipient: str
    subject: str
    created_at: int
    state: MailState
    attempts: int
    next_at: int
    ended_at: int | None
    problem: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who gets the report of what, until it ends; ``problem`` why the last one could not be made."""

    id: int
    recipient: str
    scope: str
    kind: PeriodKind
    language: str
    format: str
    created_at: int
    created_by: str
    done_through: date
    problem: str | None = None
    ended_at: int | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class AlertRule:
    """A rule that writes a letter; ``numbers`` and ``state`` are those of `server.alerts`."""

    id: int
    kind: str
    scope: str
    recipient: str
    language: str
    numbers: Mapping[str, float]
    created_at: int
    created_by: str
    state: Mapping[str, Any]
    problem: str | None = None
    ended_at: int | None = None
    ended_by: str | None = None


class Origins(Protocol):
    """Where figures come from."""

    def runs(self, place: Place, start: int, end: int) -> list[Origin]:
        """What counted in ``[start, end)``: the configuration in force at its start and those that came after."""

    def versions(self, place: Place, names: Sequence[str]) -> list[ZoneVersion]:
        """These versions of a zone, the first met first."""


class Mails(Protocol):
    """The outbox."""

    def add(self, mail: NewMail, now: int) -> bool:
        """Store a letter to be sent; False when there is one for its job already."""

    def claim(self, now: int) -> tuple[Mail, bytes] | None:
        """Take the next letter that is due, for one sender alone."""

    def handed(self, mail_id: int) -> None:
        """Note that only the final dot is missing: from here on the mail server may have accepted it."""

    def sent(self, mail_id: int, now: int) -> None:
        """The mail server accepted it."""

    def put_back(self, mail_id: int, next_at: int, problem: str, detail: str) -> None:
        """It was not accepted; it is tried again at ``next_at``."""

    def give_up(self, mail_id: int, state: MailState, now: int, problem: str, detail: str) -> None:
        """It will not be tried again by itself: ``failed``, or ``unsure`` whether it was accepted."""

    def recover(self, now: int) -> int:
        """Judge what a sender left that died: not handed, it waits again; handed, it is unsure. Their number."""

    def again(self, mail_id: int, now: int, audit: AuditEntry) -> bool:
        """Send once more what failed, is unsure or waits; False for any other."""

    def listed(self, limit: int) -> list[Mail]:
        """The newest letters, unsent ones first."""

    def tidy(self, before: int) -> int:
        """Delete letters, subscriptions and rules that ended before; the number of letters."""


class Subscriptions(Protocol):
    """Who gets reports."""

    def add(self, new: Subscription, audit: AuditEntry) -> int:
        """Store a subscription (its id is ignored); its id."""

    def one(self, subscription_id: int) -> Subscription | None:
        """By its id, ended ones too."""

    def active(self) -> list[Subscription]:
        """Those that have not ended, the oldest first."""

    def end(self, subscription_id: int, by: str, audit: AuditEntry) -> bool:
        """No more letters; False when it has ended or never was."""

    def write(self, subscription_id: int, through: date, mail: NewMail | None, now: int) -> bool:
        """Store the letter of a period and note that it needs none any more, both or neither.

        False when another process did so before. ``mail`` None: nothing is to be sent.
        """

    def note_problem(self, subscription_id: int, problem: str) -> None:
        """Why its report could not be made; shown until one can."""

    def secret(self) -> bytes:
        """The key that signs links out of letters; made at its first use."""


class AlertRules(Protocol):
    """Rules that write letters."""

    def add(self, new: AlertRule, audit: AuditEntry) -> int:
        """Store a rule (its id is ignored); its id."""

    def active(self) -> list[AlertRule]:
        """Those that have not ended, the oldest first."""

    def end(self, rule_id: int, by: str, audit: AuditEntry) -> bool:
        """No more letters; False when it has ended or never was."""

    def step(
        self, rule_id: int, state: Mapping[str, Any], mail: NewMail | None, now: int, problem: str | None
    ) -> None:
        """Store what a rule remembers and the letter it writes, both or neither."""


class Placings(Protocol):
    """Cameras on plans."""

    def placing(self, device: str, camera: str) -> Placing | None:
        """Where a camera was placed."""

    def put(self, new: Placing, audit: AuditEntry) -> bool:
        """Place a camera, in place of what was said of it before; False when the site does not exist."""

    def drop(self, device: str, camera: str, audit: AuditEntry) -> bool:
        """Take a camera off its plan; False when it was on none."""


class Tallies(Protocol):
    """Counts by hand."""

    def tallies(self, place: PlaceKey | None = None) -> list[Tally]:
        """Of one place or of all, the newest first."""

    def add(self, new: Tally, audit: AuditEntry) -> bool:
        """Store a tally (its id is ignored); False when it is there already."""

    def drop(self, tally_id: int, audit: AuditEntry) -> bool:
        """Forget a tally; False when there is none."""


class Desk(Protocol):
    """The part of a store that makes reports go out."""

    @property
    def origins(self) -> Origins:
        """Where figures come from."""

    @property
    def mails(self) -> Mails:
        """The outbox."""

    @property
    def subscriptions(self) -> Subscriptions:
        """Who gets reports."""

    @property
    def alert_rules(self) -> AlertRules:
        """Rules that write letters."""

    @property
    def crew(self) -> Crew:
        """Recipients of letters about notices, reminders, keys."""

    @property
    def hooks(self) -> Hooks:
        """Targets of webhooks and their queue."""

    @property
    def tools(self) -> Tools:
        """Keys of tools, what is official, reports of others."""

    @property
    def endpoints(self) -> Endpoints:
        """Servers that notices are posted to."""

    @property
    def placings(self) -> Placings:
        """Cameras on plans."""

    @property
    def tallies(self) -> Tallies:
        """Counts by hand."""
