"""Notices: what a crew receives of cases, and what it may answer. A pure state machine.

Rules:
1. A *case* is one box's (`parvis.anomaly.v1`); a *notice* is the server's, one per real object: cases of several cameras, and of
   one camera after a restart, are gathered under it.
2. ``new`` is held back (`Held`: the site's cap of the day, quiet hours, a cooldown, a veto); ``to_verify`` waits for a person.
   Nothing official leaves before a person made it ``confirmed``. ``cleared``, ``nothing_there`` and ``not_ours`` end it.
3. A box that sees the object go ends the notice as ``cleared``, whatever its state; it never reopens what a person ended.
4. Every step is a `NoticeEvent`: who, when, from which state, and on which case, model and configuration it rests. The events
   are numbered; what goes out (letters, webhooks, Open311, Atom) follows them, each by a cursor of its own.
5. "Nothing there" makes a `Veto` around the place, which ends by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

CaseKind = Literal["debris", "stopped_vehicle", "obstruction"]
NoticeState = Literal[
    "new", "to_verify", "confirmed", "assigned", "in_work", "cleared", "nothing_there", "not_ours"
]
Answer = Literal["cleared", "nothing_there", "not_ours", "later"]
Severity = Literal["high", "medium", "low"]
Held = Literal["cap", "quiet_hours", "cooldown", "veto"]
What = Literal["opened", "case_joined", "case_updated", "case_cleared", "released", "moved", "later", "note"]

ENDED: Final[frozenset[NoticeState]] = frozenset({"cleared", "nothing_there", "not_ours"})
OPEN: Final[tuple[NoticeState, ...]] = tuple(s for s in get_args(NoticeState) if s not in ENDED)


def _end_or(*states: NoticeState) -> frozenset[NoticeState]:
    return ENDED.union(states)


# What a person may make of what; a box may only end (rule 3).
MOVES: Final[Mapping[NoticeState, frozenset[NoticeState]]] = {
    "new": _end_or("to_verify", "confirmed"),
    "to_verify": _end_or("confirmed"),
    "confirmed": _end_or("assigned", "in_work"),
    # To itself: given to somebody else.
    "assigned": _end_or("confirmed", "assigned", "in_work"),
    "in_work": _end_or("assigned"),
    # A wrong tap can be taken back by somebody who is logged in.
    "cleared": frozenset({"to_verify"}),
    "nothing_there": frozenset({"to_verify"}),
    "not_ours": frozenset({"to_verify"}),
}


@dataclass(frozen=True, slots=True)
class CaseRevision:
    """One revision of one box's case, as it was stored; ``record_id`` grows with arrival. Times: whole seconds UTC.

    ``x, y``: the middle of its box, fractions of the picture, as on the wire; ``run``: which start of the box told it.
    """

    record_id: int
    received_at: int
    device: str
    camera: str
    zone: str
    case: str
    revision: int
    kind: CaseKind
    state: Literal["open", "updated", "cleared"]
    first_seen: int
    last_seen: int
    x: float
    y: float
    w: float
    h: float
    lon: float | None
    lat: float | None
    size_m: float | None
    confidence: float
    run: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice as it stands. ``x, y, w, h``: fractions of the picture of ``device``/``camera``, the case it began with.

    ``site`` is None where the zone belongs to none; ``held`` says why it is ``new``; ``later_until``: somebody asked to be
    reminded; ``version`` grows with each change of state, holding, assignment and reminder, so that two people cannot overwrite
    each other; what boxes add (a case that joins, a later last sight) leaves it alone. ``held_until``: when the reason ends.
    """

    id: int
    version: int
    site: str | None
    device: str
    camera: str
    zone: str
    kind: CaseKind
    state: NoticeState
    held: Held | None
    severity: Severity
    opened_at: int
    changed_at: int
    first_seen: int
    last_seen: int
    x: float
    y: float
    w: float
    h: float
    lon: float | None
    lat: float | None
    size_m: float | None
    confidence: float
    cases: int
    assigned_to: str = ""
    later_until: int | None = None
    held_until: int | None = None
    ended_at: int | None = None


@dataclass(frozen=True, slots=True)
class NoticeEvent:
    """One step of a notice. ``actor``: a user's name, ``link:RECIPIENT``, ``box:DEVICE``, ``open311:SOURCE`` or ``server``."""

    id: int
    notice: int
    at: int
    actor: str
    what: What
    before: NoticeState | None
    after: NoticeState
    detail: str = ""
    device: str = ""
    case: str = ""
    case_revision: int = 0
    model: str = ""
    model_sha256: str = ""
    config_at: int | None = None


@dataclass(frozen=True, slots=True)
class Veto:
    """A place of one camera where something was said to be nothing: no notice begins within ``radius`` (fraction of the
    picture's width) of ``x, y`` until ``ends_at``; ``times``: how often it was said there.
    """

    id: int
    device: str
    camera: str
    zone: str
    x: float
    y: float
    radius: float
    made_at: int
    made_by: str
    notice: int
    ends_at: int
    times: int = 1


class NoticeConflict(Exception):  # noqa: N818 - a state that a page answers, not a fault
    """Somebody else changed the notice first, or it may not go where it should; nothing was changed.

    ``rule``: ``version`` (somebody was first), ``move`` (not from this state) or ``gone`` (there is no such notice).
    """

    def __init__(self, text: str, rule: Literal["version", "move", "gone"] = "move") -> None:
        super().__init__(text)
        self.rule = rule


def may(before: NoticeState, after: NoticeState) -> bool:
    """Whether a person may make ``after`` of ``before``."""
    return after in MOVES[before]
