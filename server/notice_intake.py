"""What one revision of a case does to the notices. Pure.

Rules:
1. The highest revision of a case wins, in whatever order they come; a lower one changes nothing.
2. A case that goes ends its notice once no other case of it is left; a case that was never told before it went begins none.
3. What a person ended stays ended. A case that goes on all the same may begin another notice: after ``cleared`` when the
   cooldown is over, after ``nothing_there`` when no veto is left, after ``not_ours`` never.
4. A box that began anew tells its objects under new cases: those of its former runs that the notice holds are silent, and
   count as gone until they are told again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from server.notices import ENDED, CaseRevision, NoticeState

# late: nothing. file: only remember the revision. candidate: join a notice that is open there, or begin one.
Step = Literal["late", "file", "candidate", "update", "case_cleared", "end"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a case: its highest revision, and its notice.

    ``notice``: number of the notice it is gathered under; ``state`` that one's, ``ended_at`` when it ended, ``others``: how many
    more of its cases are still seen.
    """

    revision: int
    notice: int | None = None
    state: NoticeState | None = None
    ended_at: int | None = None
    others: int = 0


def again(known: Known, at: int, cooldown_s: int, *, vetoed: bool) -> bool:
    """Whether a case that goes on after its notice ended may begin another (rule 3)."""
    if known.state == "nothing_there":
        return not vetoed
    return known.state == "cleared" and known.ended_at is not None and at >= known.ended_at + cooldown_s


def step_of(
    rev: CaseRevision, known: Known | None, *, operational: bool, cooldown_s: int, vetoed: bool
) -> Step:
    """What a revision does.

    Args:
        rev: the revision.
        known: what is known of its case; None when it is the first that came.
        operational: whether its zone is, now.
        cooldown_s: of the site's rules.
        vetoed: whether a veto covers its place.
    """
    if known is not None and rev.revision <= known.revision:
        return "late"
    gathered = known is not None and known.notice is not None
    is_open = known is not None and gathered and known.state not in ENDED
    if rev.state == "cleared":
        if known is None or not is_open:
            return "file"
        return "case_cleared" if known.others else "end"
    if not operational:
        return "file"
    if is_open:
        return "update"
    if known is not None and gathered and not again(known, rev.received_at, cooldown_s, vetoed=vetoed):
        return "file"
    return "candidate"
