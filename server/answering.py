"""What a link out of a letter may do, and what its page says. Pure.

Rules:
1. A link changes a notice while it is open. What it ended it may correct for `CORRECT_S`; after that, and when somebody or
   something else was first, the page only says what happened.
2. "Later" ends nothing: the link stays good.
3. Who answered is said in kinds (a letter, a person logged in, the box, another service), never by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from server.cloud_events import OFFICIAL
from server.notices import ENDED, Notice, NoticeEvent, NoticeState
from server.telling import LINK, actor_of, end_of

CORRECT_S: Final = 900
EVENING: Final = time(18)
MORNING: Final = time(7)
# Nobody who asks at a quarter to six wants to be reminded at six.
LEAST_S: Final = 3600

Who = Literal["own", "link", "user", "box", "open311", "server"]
Later = Literal["hour", "evening", "tomorrow"]
ENDS: Final[tuple[NoticeState, ...]] = ("cleared", "nothing_there", "not_ours")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a link's page shows: the end if there is one, and what may be tapped.

    ``back``: the state that a correction would lead back to, None when there is none to take back.
    """

    end: NoticeEvent | None
    who: Who | None
    answers: tuple[NoticeState, ...]
    later: bool
    back: NoticeState | None


def who_of(actor: str, recipient: int) -> Who:
    """What kind of actor it was."""
    if actor == actor_of(recipient):
        return "own"
    kinds: tuple[tuple[str, Who], ...] = ((LINK, "link"), ("box:", "box"), ("open311:", "open311"))
    found = next((kind for prefix, kind in kinds if actor.startswith(prefix)), None)
    return found or ("server" if actor == "server" else "user")


def standing(
    notice: Notice, events: Sequence[NoticeEvent], recipient: int, now: int, *, verifies: bool
) -> Standing:
    """How a notice stands for a recipient's link; ``verifies``: the link is of a letter that asked to look."""
    if notice.state not in ENDED:
        may_confirm = verifies and notice.state == "to_verify"
        first: tuple[NoticeState, ...] = ("confirmed",) if may_confirm else ()
        return Standing(None, None, first + ENDS, later=True, back=None)
    end = end_of(events)
    who = who_of(end.actor, recipient) if end else None
    if end is None or who != "own" or now - first_answer(events, end) > CORRECT_S:
        return Standing(end, who, (), later=False, back=None)
    others = tuple(state for state in ENDS if state != notice.state)
    return Standing(end, who, others, later=False, back=origin(events, end))


def first_answer(events: Sequence[NoticeEvent], end: NoticeEvent) -> int:
    """When the answer that ``end`` corrects, or is, was first given: corrections do not prolong the time for them."""
    at = end.at
    for event in reversed([e for e in events if e.id < end.id]):
        if event.actor != end.actor or event.what not in {"moved", "later"}:
            break
        if event.after in ENDED:
            at = event.at
    return at


def origin(events: Sequence[NoticeEvent], end: NoticeEvent) -> NoticeState:
    """To which state taking an end back leads: confirmed if a person ever confirmed it, else to be verified."""
    confirmed = any(e.after in OFFICIAL for e in events if e.id < end.id)
    return "confirmed" if confirmed else "to_verify"


def later_at(wish: Later, now: int, tz: ZoneInfo) -> int | None:
    """When a wish to be reminded comes true, seconds since 1970; None when the evening is too near."""
    if wish == "hour":
        return now + 3600
    local = datetime.fromtimestamp(now, tz)
    if wish == "evening":
        at = int(datetime.combine(local.date(), EVENING, tz).timestamp())
        return at if at - now >= LEAST_S else None
    return int(datetime.combine(local.date() + timedelta(days=1), MORNING, tz).timestamp())
