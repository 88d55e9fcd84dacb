"""A forecast as rows, sentences and warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, get_args

import numpy as np
from fastapi import Request

from contract.names import ClassGroup
from server.access import store_of
from server.api.reports import reader_of
from server.calendar import DayKind
from server.days import SLOT_S
from server.forecast import Episode, Forecast, Refusal
from server.outlook import SLOT_MIN, Outlook, Outlooks
from server.pages.texts import Texts
from server.reading import View
from server.reports import DAY, Kind, OccupancyReport
from server.spans import midnight

# A highest chance that would be written 0 % has no hour worth naming.
_NO_CHANCE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Slot:
    """One half hour ahead; None where the place is not used, or for a chance without a limit."""

    start: int
    end: int
    when: str
    low: float | None
    mid: float | None
    high: float | None
    chance: float | None
    last_week: float | None


@dataclass(frozen=True, slots=True)
class DayAhead:
    """One day ahead: its name, the mean of its half hours, and the busiest of them."""

    name: str
    special: str
    mean: float | None
    busiest: Slot | None
    chance: float | None


@dataclass(frozen=True, slots=True)
class Told:
    """What the pages say of a forecast. ``refusal`` is the reason in words where there is none."""

    outlook: Outlook
    slots: tuple[Slot, ...]
    days: tuple[DayAhead, ...]
    sentence: str
    warnings: tuple[str, ...]
    backtest: str
    refusal: str


def outlook_of(request: Request, view: View, group: ClassGroup) -> Outlook:
    """The forecast that the application keeps."""
    outlooks: Outlooks = request.app.state.outlooks
    return outlooks.of(store_of(request), reader_of(request), view, group)


def day_name(day: date, texts: Texts) -> str:
    """``samedi 28/11/2026``."""
    return f"{texts(f'weekday.{day.weekday()}')} {texts.date(midnight(day, texts.tz) + 43200)}"


def clock(minute: int) -> str:
    """``10:30``; the end of the day is 24:00."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def told(outlook: Outlook, view: View, texts: Texts) -> Told:
    """The words and rows of a forecast."""
    result = outlook.result
    backtest = _backtest(result, texts)
    if isinstance(result, Refusal):
        return Told(outlook, (), (), "", (), backtest, _refused(result, texts))
    slots = _slots(outlook, result, texts)
    days = _days(outlook, result, slots, texts)
    warnings = tuple(_warning(one, outlook, view.place.kind, texts) for one in result.episodes)
    return Told(outlook, slots, days, _sentence(outlook, view, slots, texts), warnings, backtest, "")


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 3)


def _slots(outlook: Outlook, result: Forecast, texts: Texts) -> tuple[Slot, ...]:
    found = []
    for number, day in enumerate(result.days):
        name = day_name(day, texts)
        begin, after = midnight(day, texts.tz), midnight(day + timedelta(days=1), texts.tz)
        for slot in range(result.p50.shape[1]):
            start = _wall(begin, after, slot)
            if start is None:
                continue
            sides = [_number(side[number, slot]) for side in (result.p10, result.p50, result.p90)]
            chance = None if result.chance is None else _number(result.chance[number, slot])
            last = None if outlook.last_week is None else _number(outlook.last_week[number, slot])
            when = f"{name} {clock(slot * SLOT_MIN)}"
            found.append(Slot(start, start + SLOT_S, when, sides[0], sides[1], sides[2], chance, last))
    return tuple(found)


def _wall(begin: int, after: int, slot: int) -> int | None:
    """When a half hour of the wall clock begins on a local day; None for one that a change of the clock skips.

    Clocks change at 2 or 3 in the morning here; of an hour that comes twice the first is meant.
    """
    shift = after - begin - 86400
    at = slot * SLOT_S
    if shift < 0 and 7200 <= at < 7200 - shift:
        return None
    return begin + at + (shift if shift and at >= 3 * 3600 else 0)


def _special(label: str, texts: Texts) -> str:
    """A day's label as people call it: a kind of day, or the name of an event."""
    return texts(f"cal.kind.{label}") if label in get_args(DayKind) else label


def _days(outlook: Outlook, result: Forecast, slots: Sequence[Slot], texts: Texts) -> tuple[DayAhead, ...]:
    found = []
    for number, day in enumerate(result.days):
        begin, after = midnight(day, texts.tz), midnight(day + timedelta(days=1), texts.tz)
        own = [slot for slot in slots if begin <= slot.start < after and slot.mid is not None]
        row = result.p50[number]
        mean = None if np.isnan(row).all() else float(np.nanmean(row))
        busiest = max(own, key=lambda slot: slot.mid or 0.0, default=None)
        chance = max((slot.chance for slot in own if slot.chance is not None), default=None)
        found.append(
            DayAhead(
                day_name(day, texts), _special(outlook.special.get(day, ""), texts), mean, busiest, chance
            )
        )
    return tuple(found)


def _warning(one: Episode, outlook: Outlook, kind: Kind, texts: Texts) -> str:
    return texts(
        f"outlook.warning.{kind}",
        day=day_name(one.day, texts),
        start=clock(one.start_min),
        end=clock(one.end_min),
        chance=texts.percent(one.chance),
        size=texts.number(outlook.size, 0),
        share=texts.percent(outlook.share),
    )


def _sentence(outlook: Outlook, view: View, slots: Sequence[Slot], texts: Texts) -> str:
    known = [slot for slot in slots if slot.mid is not None]
    if not known:
        return texts("outlook.nothing")
    top = max(known, key=lambda slot: slot.mid or 0.0)
    parts = [
        texts(
            "outlook.sentence",
            what=texts(f"outlook.what.{view.place.kind}.{outlook.group}"),
            when=top.when,
            mid=texts.number(top.mid),
            low=texts.number(top.low),
            high=texts.number(top.high),
        )
    ]
    if outlook.limit is None:
        if view.place.kind != "line":
            parts.append(texts("outlook.no_capacity"))
        return " ".join(parts)
    riskiest = max(known, key=lambda slot: slot.chance or 0.0)
    if isinstance(outlook.result, Forecast) and not outlook.result.episodes:
        parts.append(
            texts(
                f"outlook.{'calm' if (riskiest.chance or 0.0) >= _NO_CHANCE else 'safe'}.{view.place.kind}",
                size=texts.number(outlook.size, 0),
                share=texts.percent(outlook.share),
                chance=texts.percent(riskiest.chance),
                when=riskiest.when,
            )
        )
    if len(view.groups) > 1:
        parts.append(texts("outlook.one_class", group=texts(f"group.{outlook.group}")))
    return " ".join(parts)


def _backtest(result: Forecast | Refusal, texts: Texts) -> str:
    score = result.score
    if score is None:
        return ""
    better = score.ratio is not None and score.ratio <= 1
    share = None if score.ratio is None else abs(1 - score.ratio)
    parts = [
        texts(
            "outlook.backtest",
            days=score.days,
            origins=score.origins,
            since=score.since,
            mae=texts.number(score.mae, 2),
            naive=texts.number(score.naive_mae, 2),
        )
    ]
    if share is not None:
        parts.append(texts("outlook.better" if better else "outlook.worse", share=texts.percent(share)))
    if score.within is not None:
        parts.append(texts("outlook.within", within=texts.percent(score.within)))
    return " ".join(parts)


def _refused(result: Refusal, texts: Texts) -> str:
    digits = 2 if result.reason == "not_better" else 0
    return texts(
        f"outlook.refused.{result.reason}",
        found=texts.number(result.found, digits),
        needed=texts.number(result.needed, digits),
    )


def slots_ahead(
    request: Request, view: View, report: OccupancyReport, end: int, texts: Texts
) -> tuple[Slot, ...]:
    """What is expected of the rest of a day or week that is under way, until ``end``; nothing without a forecast."""
    if report.kind == "line" or report.step == DAY or not report.bins or end <= view.until:
        return ()
    slots = told(outlook_of(request, view, report.group), view, texts).slots
    return tuple(slot for slot in slots if report.bins[-1].end <= slot.start and slot.end <= end)
