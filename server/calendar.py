"""Special days: public holidays, school holidays, market days and events. Pure.

Rules:
1. The planner keeps entries for one site or for the whole town (``site`` None). A *market day* recurs weekly from its first
   day on, until its last day if it has one, but on its exceptions. An *event* and a *school holiday* last from their first
   day to their last one.
2. Days are local; times of a day are minutes after midnight, both ends or none (all day). A market ends on the day on which
   it starts.
3. Official days come from `server/official_days.py`; academic zones without a published table there (Corsica, overseas)
   have the school holidays that the planner enters, and only those.
4. A forecast needs one label a day: an event's name, else ``public_holiday``, else ``market_day``, else ``school_holiday``:
   what is rarer says more of a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal, get_args

from server.sites import SiteError, check_label, label

EntryKind = Literal["market_day", "event", "school_holiday"]
ENTRY_KINDS: Final[tuple[EntryKind, ...]] = get_args(EntryKind)
DayKind = Literal["event", "public_holiday", "market_day", "school_holiday"]
# The order is rule 4.
DAY_KINDS: Final[tuple[DayKind, ...]] = get_args(DayKind)
NAME_MOST: Final = 120
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100
LONGEST_DAYS: Final = 400
MOST_EXCEPTIONS: Final = 200
DAY_MIN: Final = 1440


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the planner's calendar.

    ``id`` is the store's, 0 before it is kept; ``site`` None: the whole town; ``last`` None: no end (market days only);
    ``start_min``, ``end_min``: 0..1440, None: all day; ``weekdays``: 0 Monday to 6 Sunday (market days only).
    """

    kind: EntryKind
    name_fr: str
    first: date
    last: date | None = None
    name_en: str = ""
    start_min: int | None = None
    end_min: int | None = None
    weekdays: tuple[int, ...] = ()
    exceptions: tuple[date, ...] = ()
    site: str | None = None
    id: int = 0

    @property
    def label_fr(self) -> str:
        """The name, under the word that labels use."""
        return self.name_fr

    @property
    def label_en(self) -> str:
        """The English name, which may be empty."""
        return self.name_en

    def days(self, first: date, last: date) -> list[date]:
        """The days of this entry within ``[first, last]``, both included."""
        start = max(first, self.first)
        end = min(last, self.last) if self.last else last
        every = (start + timedelta(days=n) for n in range((end - start).days + 1))
        if self.kind != "market_day":
            return list(every)
        return [day for day in every if day.weekday() in self.weekdays and day not in self.exceptions]


@dataclass(frozen=True, slots=True)
class Special:
    """Why a day is special: of which kind, under which names, when (minutes, None: all day), and of which entry (0: none)."""

    kind: DayKind
    label_fr: str
    label_en: str = ""
    start_min: int | None = None
    end_min: int | None = None
    entry: int = 0


def _refuse(rule: str, text: str, found: object) -> SiteError:
    return SiteError(rule, f"{text} (found {found})", found)


def _check_days(entry: Entry) -> None:
    for day in filter(None, (entry.first, entry.last, *entry.exceptions)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise _refuse("cal_year", f"a day must lie within {FIRST_YEAR}..{LAST_YEAR}", day.isoformat())
    if entry.last is None and entry.kind != "market_day":
        raise _refuse("cal_last", "an event or a school holiday needs its last day", "none")
    if entry.last is not None and entry.last < entry.first:
        raise _refuse("cal_order", "the last day must not come before the first", entry.last.isoformat())
    length = (entry.last - entry.first).days + 1 if entry.last else 0
    if entry.kind != "market_day" and length > LONGEST_DAYS:
        raise _refuse("cal_long", f"an event lasts at most {LONGEST_DAYS} days", length)


def _check_times(entry: Entry) -> None:
    start, end = entry.start_min, entry.end_min
    if start is None and end is None:
        return
    if start is None or end is None:
        raise _refuse("cal_times", "give both times or none", "one of them")
    if not (0 <= start < DAY_MIN and 0 < end <= DAY_MIN):
        raise _refuse("cal_time", "times must lie within 00:00..24:00", f"{start}, {end} min")
    one_day = entry.kind == "market_day" or entry.first == entry.last
    if one_day and end <= start:
        raise _refuse("cal_time_order", "it must end after it starts, on the same day", f"{start}, {end} min")


def _check_weekly(entry: Entry) -> None:
    if entry.kind != "market_day":
        if entry.weekdays or entry.exceptions:
            raise _refuse("cal_not_weekly", "only market days have weekdays and exceptions", entry.kind)
        return
    if not entry.weekdays or not set(entry.weekdays) <= set(range(7)):
        raise _refuse("cal_weekdays", "a market needs at least one weekday", list(entry.weekdays))
    if len(entry.exceptions) > MOST_EXCEPTIONS:
        raise _refuse("cal_exceptions", f"at most {MOST_EXCEPTIONS} exceptions", len(entry.exceptions))
    for day in entry.exceptions:
        within = entry.first <= day and (entry.last is None or day <= entry.last)
        # An exception that excepts nothing is a mistyped one, and the market it was meant for would be counted on.
        if day.weekday() not in entry.weekdays or not within:
            raise _refuse("cal_exception", "an exception must be a day of this market", day.isoformat())
    if not entry.days(entry.first, entry.last or entry.first + timedelta(LONGEST_DAYS)):
        raise _refuse("cal_no_day", "a market needs at least one day", entry.first.isoformat())


def check_entry(entry: Entry) -> Entry:
    """The entry with its lists in order, when it keeps the rules.

    Raises:
        SiteError: naming the rule (``cal_…``) and what was found.
    """
    if entry.kind not in ENTRY_KINDS:
        raise _refuse("cal_kind", f"the kind must be one of {', '.join(ENTRY_KINDS)}", entry.kind)
    if not entry.name_fr.strip():
        raise _refuse("cal_name", "an entry needs a name", "none")
    check_label(entry.name_fr, NAME_MOST)
    check_label(entry.name_en, NAME_MOST)
    _check_days(entry)
    _check_times(entry)
    _check_weekly(entry)
    return replace(
        entry,
        name_fr=entry.name_fr.strip(),
        name_en=entry.name_en.strip(),
        weekdays=tuple(sorted(set(entry.weekdays))),
        exceptions=tuple(sorted(set(entry.exceptions))),
    )


def special_days(
    entries: Iterable[Entry], official: Mapping[date, Iterable[Special]], first: date, last: date
) -> dict[date, list[Special]]:
    """Every special day within ``[first, last]`` and all that makes it special, in the order of rule 4."""
    found: dict[date, list[Special]] = {}
    for day, reasons in official.items():
        if first <= day <= last:
            found.setdefault(day, []).extend(reasons)
    for entry in entries:
        special = Special(entry.kind, entry.name_fr, entry.name_en, entry.start_min, entry.end_min, entry.id)
        for day in entry.days(first, last):
            found.setdefault(day, []).append(special)
    order = {kind: place for place, kind in enumerate(DAY_KINDS)}
    for reasons in found.values():
        reasons.sort(key=lambda one: (order[one.kind], one.start_min or 0, one.label_fr))
    return dict(sorted(found.items()))


def forecast_labels(days: Mapping[date, list[Special]]) -> dict[date, str]:
    """One label a day, as `server.forecast.History.labels` takes them: rule 4."""
    return {
        day: label(reasons[0], "fr", "event") if reasons[0].kind == "event" else reasons[0].kind
        for day, reasons in days.items()
    }
