"""The planner's calendar as a file: CSV or iCalendar in, the same out. Pure.

Rules:
1. A file is taken whole or not at all: every line that is wrong is told with its number, the rule and what was found.
2. What cannot be kept exactly (a rule other than weekly, a column nobody knows) is wrong, and never left out in silence.
3. What is written reads back as the same days under the same names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from server.calendar import DAY_MIN, Entry, EntryKind
from server.errors import ServerError

MOST_BYTES: Final = 256 * 1024
MOST_ENTRIES: Final = 1000


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: its line (1 is the first), the rule (``cal_…``), the column or property, what was found."""

    line: int
    rule: str
    field: str = ""
    found: str = ""


class CalendarFaults(ServerError):  # noqa: N818 - several of them
    """A calendar file that is wrong; nothing of it was taken."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.line))
        told = "; ".join(f"line {f.line}: {f.rule} {f.field} (found {f.found!r})" for f in self.faults[:20])
        super().__init__(f"the calendar has {len(self.faults)} errors and nothing of it was taken: {told}")


@dataclass(frozen=True, slots=True)
class Into:
    """Where entries go: the site (None: the town), the kind of those that do not say theirs, and the local time zone."""

    site: str | None
    kind: EntryKind
    tz: ZoneInfo


def decoded(data: bytes) -> str:
    """The text of a file in UTF-8 or, as older spreadsheets write it, Windows-1252.

    Raises:
        CalendarFaults: for a file that is too large, empty or in neither.
    """
    if len(data) > MOST_BYTES:
        raise CalendarFaults([Fault(1, "cal_file_large", found=str(len(data)))])
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        if not text.strip():
            raise CalendarFaults([Fault(1, "cal_file_empty")])
        return text
    raise CalendarFaults([Fault(1, "cal_file_text", found=data[:16].hex(" "))])


def read_calendar(data: bytes, into: Into) -> list[Entry]:
    """The entries of a file; which of the two kinds it is, its content says.

    Raises:
        CalendarFaults: with everything that is wrong.
    """
    # Here, for both of them need what stands above.
    from server.calendar_csv import read_csv
    from server.calendar_ics import read_ics

    text = decoded(data)
    is_ics = text.lstrip()[:15].upper() == "BEGIN:VCALENDAR"
    entries = read_ics(text, into) if is_ics else read_csv(text, into)
    if len(entries) > MOST_ENTRIES:
        raise CalendarFaults([Fault(1, "cal_file_many", found=str(len(entries)))])
    return entries


def clock(minutes: int | None) -> str:
    """``08:30`` of 510, nothing of None."""
    return "" if minutes is None else f"{minutes // 60:02d}:{minutes % 60:02d}"


def minutes_of(text: str) -> int:
    """510 of ``08:30``, ``8:30``, ``8h30`` or ``08:30:00``.

    Raises:
        ValueError: for anything else.
    """
    hours, _, rest = text.strip().lower().replace("h", ":", 1).partition(":")
    parts = [hours, *rest.split(":")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 2 for part in parts) or len(parts) > 3:
        raise ValueError(text)
    hour, minute, second = (*(int(part) for part in parts), 0)[:3]
    if minute > 59 or second or hour * 60 + minute > DAY_MIN:
        raise ValueError(text)
    return hour * 60 + minute


def day_of(text: str) -> date:
    """The day of ``2026-11-21``, ``20261121`` or ``21/11/2026``.

    Raises:
        ValueError: for anything else.
    """
    parts = text.strip().split("/")
    if len(parts) == 3 and len(parts[2]) == 4 and all(p.isascii() and p.isdigit() for p in parts):
        return date(int(parts[2]), int(parts[1]), int(parts[0]))
    found = text.strip()
    if not found.isascii() or len(found) not in {8, 10}:
        raise ValueError(text)
    return date.fromisoformat(found)
