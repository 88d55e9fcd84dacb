"""Who is told what of a notice by letter, and when. Pure.

Rules:
1. A recipient gets one letter of a notice, its own stage and *round*; a round ends when somebody takes an end back.
   The end of a notice concerns the last round in which the recipient was told.
2. Whether a letter is due is asked of the notice as it stands, not as it stood: what is over is not announced.
3. Whoever was told is told once more when the notice ends without their own answer: nobody should drive there in vain.
4. A reminder goes to the recipient who asked for it by link, else to everybody who was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal

from server.cloud_events import OFFICIAL
from server.notices import ENDED, Notice, NoticeEvent, NoticeState, Severity

if TYPE_CHECKING:
    from server.store.crew_base import Recipient, Stage

What = Literal["told", "gone", "again"]
LINK: Final = "link:"
_WEIGHT: Final[dict[Severity, int]] = {"low": 0, "medium": 1, "high": 2}


def stage_of(state: NoticeState) -> Stage | None:
    """The stage of a state; None for what is held back or has ended."""
    if state == "to_verify":
        return "to_verify"
    return "confirmed" if state in OFFICIAL else None


def round_of(events: Iterable[NoticeEvent]) -> int:
    """How often a notice's end was taken back."""
    return sum(event.before in ENDED and event.after not in ENDED for event in events)


def end_of(events: Sequence[NoticeEvent]) -> NoticeEvent | None:
    """The step that ended a notice last."""
    ends = (e for e in reversed(events) if e.after in ENDED and e.before not in ENDED)
    return next(ends, None)


def actor_of(recipient_id: int) -> str:
    """How a recipient who answers by link stands in the audit."""
    return f"{LINK}{recipient_id}"


def wants(recipient: Recipient, notice: Notice) -> bool:
    """Whether a recipient is told of such notices at all."""
    return (
        recipient.site in {None, notice.site}
        and notice.kind in recipient.kinds
        and _WEIGHT[notice.severity] >= _WEIGHT[recipient.least]
    )


def job(notice: int, recipient: int, stage: Stage, number: int, what: What, until: int = 0) -> str:
    """What a letter is about, for ever: ``notice/12/3/confirmed/0/told``; a reminder also says of when."""
    return f"notice/{notice}/{recipient}/{stage}/{number}/{what}" + (f"/{until}" if what == "again" else "")


def due(
    notice: Notice, events: Sequence[NoticeEvent], recipients: Iterable[Recipient], written: set[str]
) -> list[tuple[Recipient, What, str]]:
    """The letters that a notice needs now: to whom, what, under which job.

    Args:
        notice: as it stands.
        events: its steps.
        recipients: those that have not ended.
        written: the jobs of its letters.
    """
    stage, number = stage_of(notice.state), round_of(events)
    found: list[tuple[Recipient, What, str]] = []
    for own in recipients:
        told = [job(notice.id, own.id, own.stage, earlier, "told") for earlier in range(number + 1)]
        if stage == own.stage and wants(own, notice) and told[-1] not in written:
            found.append((own, "told", told[-1]))
        if notice.state in ENDED and (rounds := [n for n, letter in enumerate(told) if letter in written]):
            gone, end = job(notice.id, own.id, own.stage, rounds[-1], "gone"), end_of(events)
            if gone not in written and end is not None and end.actor != actor_of(own.id):
                found.append((own, "gone", gone))
    return found


def reminded(
    notice: Notice, events: Sequence[NoticeEvent], recipients: Iterable[Recipient], until: int, actor: str
) -> list[tuple[Recipient, What, str]]:
    """The letters of a reminder that is due; none when the notice has ended or another time was chosen since."""
    if notice.state in ENDED or notice.later_until != until:
        return []
    number, everybody = round_of(events), list(recipients)
    asked = [own for own in everybody if actor_of(own.id) == actor]
    stage = stage_of(notice.state)
    chosen = asked or [own for own in everybody if own.stage == stage and wants(own, notice)]
    return [(own, "again", job(notice.id, own.id, own.stage, number, "again", until)) for own in chosen]
