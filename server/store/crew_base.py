"""What a store keeps of whom notices go to: recipients, reminders, keys of feeds, targets of webhooks and their queue.

Times are whole seconds since 1970, UTC. Every method that writes is one transaction, durable when it returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from server.notices import CaseKind, Severity
from server.store.desk_base import Mail, NewMail

if TYPE_CHECKING:
    from server.store.base import AuditEntry

# At which stage of a notice somebody is told: to look whether it is there, or as the crew once a person confirmed it.
Stage = Literal["to_verify", "confirmed"]
DeliveryState = Literal["waiting", "sent", "dead"]


@dataclass(frozen=True, slots=True)
class Recipient:
    """An address that is told of notices; ``site`` None: of every site; ``least``: the least severity."""

    id: int
    address: str
    language: str
    stage: Stage
    site: str | None
    kinds: tuple[CaseKind, ...]
    least: Severity
    created_at: int
    created_by: str
    ended_at: int | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class LinkKey:
    """The key that signs links of letters, and its number; a new one ends every link that is out."""

    id: int
    secret: bytes


@dataclass(frozen=True, slots=True)
class Reminder:
    """Somebody asked to be reminded of a notice."""

    notice: int
    until: int
    actor: str


@dataclass(frozen=True, slots=True)
class FeedKey:
    """The digest of a feed's key; ``site`` "" is the feed of every site."""

    site: str
    key_hash: str
    made_at: int
    made_by: str


@dataclass(frozen=True, slots=True)
class Hook:
    """A target of webhooks.

    ``unverified``: it also gets notices that no person has confirmed; ``internal``: an administrator allowed a host of the
    own network; ``secret_before`` signs too until ``before_until``; ``paused_until``: after several failures in a row.
    """

    id: int
    url: str
    site: str | None
    unverified: bool
    internal: bool
    secret: str
    created_at: int
    created_by: str
    secret_before: str | None = None
    before_until: int | None = None
    failures: int = 0
    paused_until: int = 0
    ended_at: int | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to one target; ``event`` None is a trial."""

    hook: int
    event: int | None
    notice: int
    type: str
    message_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """A stored message; ``status``: the last answer's, ``problem``: the kind of its last failure."""

    id: int
    hook: int
    event: int | None
    notice: int
    type: str
    message_id: str
    body: bytes
    queued_at: int
    state: DeliveryState
    attempts: int
    next_at: int
    ended_at: int | None
    status: int | None
    problem: str | None
    detail: str | None


class Crew(Protocol):
    """Recipients of letters, reminders, keys."""

    def add(self, new: Recipient, audit: AuditEntry) -> int:
        """Store a recipient (its id is ignored); its id."""

    def recipient(self, recipient_id: int) -> Recipient | None:
        """By its id, ended ones too."""

    def recipients(self) -> list[Recipient]:
        """Those that have not ended, the oldest first."""

    def end(self, recipient_id: int, by: str, audit: AuditEntry) -> bool:
        """No more letters, and its links die; False when it has ended or never was."""

    def written(self, notice: int) -> set[str]:
        """The jobs of all letters about a notice."""

    def write(self, mails: Sequence[NewMail], now: int, reminded: Reminder | None = None) -> int:
        """Store letters, each once for ever by its job, and forget the reminder they are about; their number."""

    def remind(self, reminder: Reminder) -> None:
        """Remember a reminder, in the place of the notice's former one."""

    def reminders(self, now: int, limit: int) -> list[Reminder]:
        """Those that are due, the oldest first."""

    def letters(self, limit: int) -> list[Mail]:
        """The newest letters about notices."""

    def known_link_key(self) -> LinkKey | None:
        """The key that signs links; None when nothing was ever signed."""

    def link_key(self) -> LinkKey:
        """The key that signs links; made at its first use."""

    def renew_link_key(self, audit: AuditEntry) -> LinkKey:
        """Another key: every link that is out dies."""

    def identity(self) -> str:
        """A name of this installation that never changes (UUID), for ids of messages and feeds."""

    def feeds(self) -> list[FeedKey]:
        """The keys there are, by site."""

    def feed(self, site: str) -> FeedKey | None:
        """One of them."""

    def set_feed(self, key: FeedKey, audit: AuditEntry) -> None:
        """Give a feed a key in the place of its former one."""

    def end_feed(self, site: str, audit: AuditEntry) -> bool:
        """Let nobody in by key any more; False when nobody could."""

    def tidy(self, before: int) -> None:
        """Delete recipients that ended before: addresses are people's."""


class Hooks(Protocol):
    """Targets of webhooks and their queue."""

    def add(self, new: Hook, audit: AuditEntry) -> int:
        """Store a target (its id is ignored); its id."""

    def hook(self, hook_id: int) -> Hook | None:
        """By its id, ended ones too."""

    def hooks(self) -> list[Hook]:
        """Those that have not ended, the oldest first."""

    def end(self, hook_id: int, by: str, audit: AuditEntry) -> bool:
        """Send nothing more there and forget what waits and the secrets; False when it has ended or never was."""

    def rotate(self, hook_id: int, secret: str, until: int, audit: AuditEntry) -> bool:
        """Another secret; the present one signs too until ``until``. False when there is no such target."""

    def queue(self, items: Sequence[NewDelivery], now: int) -> int:
        """Store messages to be sent, one an event and target for ever; the number of new ones."""

    def claim(self, hook_id: int, now: int, lease_s: int) -> Delivery | None:
        """Take the next message that is due: the first of its notice that waits. Its next time is put off by the lease, so
        that one whose sender died is sent again; None when nothing is due or the target is paused.
        """

    def sent(self, delivery: Delivery, now: int, status: int) -> None:
        """The target accepted it."""

    def failed(
        self, delivery: Delivery, now: int, next_at: int, problem: str, detail: str, status: int | None
    ) -> int:
        """The target did not accept it; it is tried again at ``next_at``. How often in a row the target has failed."""

    def pause(self, hook_id: int, until: int) -> None:
        """Try nothing at this target until then."""

    def bury(self, hook_id: int, before: int, now: int) -> int:
        """Give up what was queued before; their number."""

    def again(self, hook_id: int, now: int, audit: AuditEntry) -> int:
        """Send once more what was given up; their number."""

    def counts(self) -> dict[int, dict[str, int]]:
        """How many messages each target has in which state."""

    def deliveries(self, limit: int) -> list[Delivery]:
        """The newest messages."""

    def tidy(self, before: int) -> int:
        """Delete messages that ended before, and targets that ended before; the number of messages."""
