"""What every store can do, whatever database stands behind it, and the values it gives and takes.

Times are whole seconds since 1970, UTC. Every method that writes is one transaction, durable when it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from contract.batch import ConfigRecord, Record
from server.reports import Kind, Row
from server.retention import Retention
from server.store.day_base import Days
from server.store.desk_base import Desk
from server.store.notices_base import Notices
from server.store.quality_base import Quality
from server.store.site_store import Sites
from server.store.upkeep_base import Backup, Purged


@dataclass(frozen=True, slots=True)
class Incoming:
    """One valid record on its way in; ``quarantine`` is the reason why it must not reach a report, or None."""

    record: Record
    canonical: str
    quarantine: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A zone, car park or line that has sent intervals, and their extent.

    Of what began before ``purged_before`` only the hours are left.
    """

    device: str
    camera: str
    name: str
    kind: Kind
    first_start: int
    last_end: int
    interval_s: int
    purged_before: int = 0


@dataclass(frozen=True, slots=True)
class CameraState:
    """What is last known of one camera; ``health`` is the payload of its latest health record."""

    device: str
    camera: str
    last_received: int
    last_end: int | None
    health: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record kept out of the reports."""

    key: str
    type: str
    device: str
    camera: str
    received_at: int
    reason: str
    payload: str


@dataclass(frozen=True, slots=True)
class Device:
    """A box that may deliver, until it is revoked."""

    id: str
    created_at: int
    revoked_at: int | None
    last_received: int | None


@dataclass(frozen=True, slots=True)
class User:
    """A person's account."""

    name: str
    role: str
    created_at: int
    disabled: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A login: whose, until when, and its CSRF token."""

    user: User
    csrf: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that somebody did, or tried."""

    at: int
    actor: str
    action: str
    subject: str
    detail: str = ""


class Records(Protocol):
    """Delivered records."""

    def add(self, items: Sequence[Incoming], received_at: int) -> list[bool]:
        """Store a batch in one transaction; False for a key whose first payload differs (kept, audited)."""

    def places(self) -> list[Place]:
        """Everything that ever sent an interval, sorted by name."""

    def place(self, device: str, camera: str, name: str, kinds: Sequence[Kind]) -> Place | None:
        """The one that sent last under this name."""

    def rows(self, place: Place, start: int, end: int, until: int, grain_s: int) -> list[Row]:
        """Sums per ``grain_s`` and version of intervals that start in ``[start, end)`` and end by ``until``."""

    def last_end(self, place: Place, until: int) -> int | None:
        """The end of the last interval that ends by ``until``."""

    def config(self, device: str, camera: str) -> ConfigRecord | None:
        """The latest configuration by its own time."""

    def cameras(self) -> list[CameraState]:
        """Every camera that ever delivered."""

    def quarantined(self, limit: int) -> list[Quarantined]:
        """The newest records kept out of the reports."""

    def cases(self, limit: int) -> list[Mapping[str, Any]]:
        """Anomaly cases of zones that are operational now, each at its highest revision, newest first, as payloads."""

    def count(self) -> int:
        """Number of stored records, quarantined ones included."""

    def ping(self) -> None:
        """Read something.

        Raises:
            StoreError: when that fails.
        """


class Accounts(Protocol):
    """Devices, users, sessions, audit."""

    def add_device(self, device: str, token_hash: str, audit: AuditEntry) -> bool:
        """Create a device; False when the id is taken."""

    def set_device_token(self, device: str, token_hash: str, audit: AuditEntry) -> bool:
        """Give a device another token and lift a revocation; False when there is no such device."""

    def revoke_device(self, device: str, audit: AuditEntry) -> bool:
        """Refuse a device from now on; False when there is no such device."""

    def device_by_token(self, token_hash: str) -> Device | None:
        """The device that is not revoked and has this token."""

    def devices(self) -> list[Device]:
        """All devices, by id."""

    def add_user(self, name: str, role: str, password_hash: str, audit: AuditEntry) -> bool:
        """Create a user; False when the name is taken."""

    def set_password(self, name: str, password_hash: str, audit: AuditEntry) -> bool:
        """Change a password and end the user's sessions; False when there is no such user."""

    def disable_user(self, name: str, audit: AuditEntry) -> bool:
        """Refuse a user from now on and end the sessions; False when there is no such user."""

    def users(self) -> list[User]:
        """All users, by name."""

    def password_hash(self, name: str) -> str | None:
        """The stored hash of an enabled user."""

    def open_session(self, token_hash: str, name: str, csrf: str, expires_at: int, audit: AuditEntry) -> None:
        """Remember a login and forget the expired ones."""

    def session(self, token_hash: str, now: int) -> Session | None:
        """The session that has not expired and whose user is enabled."""

    def close_session(self, token_hash: str, audit: AuditEntry) -> None:
        """Forget a login."""

    def log(self, entry: AuditEntry) -> None:
        """Write an audit row."""

    def audit(self, limit: int, action: str = "") -> list[AuditEntry]:
        """The newest audit rows whose action begins like that."""


class Upkeep(Protocol):
    """How long things are kept, and what sees to it."""

    def retention(self) -> Retention:
        """What this installation chose."""

    def choose(self, kept: Retention, audit: AuditEntry) -> None:
        """Choose how long things are kept."""

    def last_purge(self) -> int | None:
        """When the last purge that finished began."""

    def doomed(self, now: int) -> Purged:
        """What a purge would delete."""

    def purge(
        self, now: int, actor: str, stop: Callable[[], bool] = ..., *, all_backups: bool = False
    ) -> Purged:
        """Delete what is past its time, so that no byte of it is left; ``stop`` is asked between steps.

        ``all_backups``: delete every backup, of whatever age.

        Raises:
            StoreError: when something cannot be deleted, or the clock cannot be believed.
        """

    def backup(self, now: int, actor: str) -> Backup:
        """Copy the database while it is used.

        Raises:
            StoreError: when that fails; nothing half made is left under the name of a backup.
        """

    def backups(self) -> list[Backup]:
        """The backups there are, oldest first."""

    def remake_hours(self) -> int:
        """Make the hours again whose intervals are all there; their number."""


class Store(Desk, Protocol):
    """A database."""

    @property
    def records(self) -> Records:
        """Delivered records."""

    @property
    def days(self) -> Days:
        """Local days."""

    @property
    def accounts(self) -> Accounts:
        """Devices, users, sessions, audit."""

    @property
    def upkeep(self) -> Upkeep:
        """Retention, purge, backups, roll-ups."""

    @property
    def sites(self) -> Sites:
        """Sites, labels, plans, calendar."""

    @property
    def quality(self) -> Quality:
        """How good the figures are, and where they come from."""

    @property
    def notices(self) -> Notices:
        """What a crew receives of cases."""

    def close(self) -> None:
        """Let go of every connection."""
