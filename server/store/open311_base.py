"""What a store keeps for Open311: keys of tools, what is official, reports of others, servers posted to, links.

Times are whole seconds since 1970, UTC; every write is one transaction, durable when it returns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from server.notices import CaseKind, NoticeEvent, NoticeState
from server.open311 import Status
from server.open311_documents import Format

if TYPE_CHECKING:
    from server.store.base import AuditEntry

LinkState = Literal[
    "waiting", "posting", "checking", "asks", "token", "linked", "closed", "known", "failed", "untraced",
    "no_place", "dropped",
]  # fmt: skip
# What a person may decide about, and what the channel has yet to do.
ASKED: Final[frozenset[LinkState]] = frozenset({"asks", "failed", "untraced", "no_place"})
DUE: Final[tuple[LinkState, ...]] = ("waiting", "checking", "token")


@dataclass(frozen=True, slots=True)
class Tool:
    """A crew's tool and what its key may do; the key itself is nowhere."""

    id: int
    name: str
    may_write: bool
    created_at: int
    created_by: str
    used_at: int | None = None
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What is official of a notice: its last official state; ``requested_at``: when it was confirmed first."""

    notice: int
    kind: CaseKind
    requested_at: int
    updated_at: int
    state: NoticeState


@dataclass(frozen=True, slots=True)
class Known:
    """An object that another system told us of; ``notice``: ours of the same object."""

    id: int
    key: int
    kind: CaseKind
    lon: float
    lat: float
    received_at: int
    notice: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that a site's notices are posted to.

    ``codes``: its service code of each kind; ``radius_m``: how near an open request must lie to be the same; ``days``: how old it
    may be; ``not_ours``: what its status notes say when it is not its business; ``extra``: fields sent with each request;
    ``private``: its host may lie in a private network; ``poll_at``: when it is asked again; ``failures`` in a row.
    """

    id: int
    site: str
    url: str
    jurisdiction_id: str
    form: Format | Literal[""]
    codes: Mapping[CaseKind, str]
    radius_m: int
    days: int
    not_ours: tuple[str, ...]
    extra: Mapping[str, str]
    language: str
    private: bool
    key_on_get: bool
    created_at: int
    created_by: str
    asked_at: int | None = None
    poll_at: int = 0
    failures: int = 0
    problem: str = ""
    detail: str = ""
    ended_at: int | None = None

    @property
    def channel(self) -> str:
        """Its name as a follower of events, and as an actor."""
        return f"open311:{self.id}"


@dataclass(frozen=True, slots=True)
class Link:
    """A notice and the request that stands for it elsewhere. ``own``: we made that request."""

    id: int
    endpoint: int
    notice: int
    event: int
    state: LinkState
    lon: float | None
    lat: float | None
    request_id: str
    token: str
    own: bool
    tries: int
    next_at: int
    posted_at: int | None
    changed_at: int
    problem: str
    detail: str


class Tools(Protocol):
    """Keys of those who may ask us, what they may read, and what they told us."""

    def add_key(self, name: str, key_hash: str, audit: AuditEntry, *, may_write: bool) -> int:
        """Store a tool's key; its id."""

    def listed(self) -> list[Tool]:
        """Every tool, those that may still ask first."""

    def key(self, key_hash: str, now: int) -> Tool | None:
        """The tool that is not revoked and has this key; notes, once an hour, that it asked."""

    def revoke(self, key_id: int, audit: AuditEntry) -> bool:
        """Refuse a tool from now on; False when there is none such."""

    def followed(self) -> int:
        """The last event that ``tell`` took in, 0 for none."""

    def tell(self, events: Sequence[tuple[NoticeEvent, CaseKind | None]]) -> None:
        """Take events into what is official, in order, each once; kind None: of a notice that is gone."""

    def told(
        self,
        *,
        since: int,
        until: int,
        kinds: Sequence[CaseKind],
        status: Status | None,
        limit: int,
        offset: int = 0,
    ) -> list[Told]:
        """What was confirmed first in ``[since, until]``, newest first."""

    def told_of(self, notices: Sequence[int]) -> list[Told]:
        """What is official of these notices."""

    def operational(self) -> set[tuple[str, str, str]]:
        """Device, camera and zone of every zone that is operational now."""

    def add_known(self, own: Known) -> int:
        """Store a report of another system (its id is ignored); its id."""

    def known(self, since: int, *, limit: int = 1000, ids: Sequence[int] | None = None) -> list[Known]:
        """Reports of others that came at ``since`` or later (of these ids alone), newest first."""

    def known_as(self, notice: int) -> Known | None:
        """The report of another system that is of the same object as a notice."""

    def merge(self, known_id: int, notice: int) -> None:
        """Note that a report is of the same object as a notice."""

    def forget(self, before: int) -> None:
        """Delete reports that came before, and what is official of notices that changed last before."""


class Endpoints(Protocol):
    """Servers that notices are posted to, and what became of it."""

    def add(self, own: Endpoint, audit: AuditEntry) -> int:
        """Store a server (its id is ignored); its id, or 0 when its site has one."""

    def change(self, own: Endpoint, audit: AuditEntry) -> bool:
        """Replace what people chose of a server; its site and address stay."""

    def end(self, endpoint: int, audit: AuditEntry) -> bool:
        """Post there no more; what waits is dropped. False when there is none such."""

    def active(self) -> list[Endpoint]:
        """Those that have not ended."""

    def asked(
        self, endpoint: int, at: int, poll_at: int, failures: int, problem: str, detail: str, form: str
    ) -> None:
        """Note how asking a server went."""

    def want(self, endpoint: int, event: NoticeEvent) -> None:
        """A notice was confirmed: it waits to be posted, unless this very event said so before; an open link stays."""

    def due(self, endpoint: int, states: Sequence[LinkState], now: int, limit: int) -> list[Link]:
        """Links in these states whose time has come, the oldest first."""

    def step(self, link: Link, now: int, **changes: Any) -> bool:
        """Change a link, if it is still in the state it was read in."""

    def decide(self, link: Link, audit: AuditEntry, **changes: Any) -> bool:
        """The same, by a person."""

    def links(self, limit: int, states: Sequence[LinkState] | None = None) -> list[Link]:
        """Links, newest change first."""

    def link(self, link_id: int) -> Link | None:
        """One link."""

    def taken(self, endpoint: int, notice: int) -> set[str]:
        """Ids of requests of this server, by whatever endpoint, that stand for other notices."""
