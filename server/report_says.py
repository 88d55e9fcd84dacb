"""The sentences of a report, chosen from its figures and filled with cells of its tables. Pure.

Rules:
1. Below ``LEAST_S`` observed nothing is said of the period but that; a day counts as in `server.comparison`.
2. More or less than the period before, or than another place, is said only where `server.chance` says that it is more
   than chance between days. The highest day and hour are said as measured, without their being compared.
3. Without data the text says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from server.bands import Lengths
from server.comparison import LEAST_COVERAGE, Effect, NoComparison
from server.fullness import Fullness
from server.ranking import Ranking
from server.report_parts import Cell, Sentence, count, day, decimal, length, name, share, word
from server.report_tables import Measured, figure_of, in_unit
from server.reports import Bin, Kind
from server.schedule import Span
from server.week import Cell as Hour

LEAST_S: Final = 3600.0
LEAST_VISITS: Final = 10
LEAST_HOUR_DAYS: Final = 2


def sentences(
    own: Measured,
    span: Span,
    tz: ZoneInfo,
    week: Sequence[Sequence[Hour]],
    bands: Lengths | None,
    full: Fullness,
    effect: Effect | NoComparison,
) -> list[Sentence]:
    """What is said of one place and class group, in the order of reading."""
    total = own.days.total
    start, end = span.bounds(tz)
    if total.observed_s <= 0:
        return [Sentence("rep.say.nothing", {"first": day(start), "last": day(end - 1)})]
    cells = {"coverage": share(total.coverage), "observed": length(total.observed_s)}
    if total.observed_s < LEAST_S:
        return [Sentence("rep.say.too_little", cells)]
    said = [Sentence("rep.say.coverage", cells)]
    if total.coverage < LEAST_COVERAGE:
        said.append(Sentence("rep.say.little"))
    said += _amounts(own)
    said += _heights(own, span, week, tz)
    if full.sized_s and own.days.bays:
        full_cells = {"nearly": length(full.nearly_s), "share": share(full.nearly_share)}
        said.append(Sentence("rep.say.full", {**full_cells, "full": length(full.full_s)}))
    if bands and bands.complete >= LEAST_VISITS and bands.median is not None:
        said.append(_stay(bands))
    said.append(_compared(effect, own.kind, span))
    return said


def _amounts(own: Measured) -> list[Sentence]:
    total, said = own.days.total, []
    if own.kind != "line" and total.mean is not None:
        cells = {"mean": decimal(total.mean), "what": word(f"mean.{own.kind}.{own.group}")}
        said.append(Sentence("rep.say.mean", cells))
        if own.days.peak_at is not None:
            said.append(Sentence("rep.say.peak", {"peak": count(total.peak), "day": day(own.days.peak_at)}))
    if total.entries is not None:
        moved = {"entries": count(total.entries), "exits": count(total.exits)}
        said.append(Sentence(f"rep.say.moves.{own.kind}", moved))
    return said


def _heights(own: Measured, span: Span, week: Sequence[Sequence[Hour]], tz: ZoneInfo) -> list[Sentence]:
    """The day and the hour of the week whose figures are highest, as measured."""
    said: list[Sentence] = []
    usable = [one for one in own.days.bins if one.coverage >= LEAST_COVERAGE and _of_day(one, own.kind)]
    if len(usable) > 1:
        top = max(usable, key=lambda one: _of_day(one, own.kind) or 0.0)
        unit = count if own.kind == "line" else decimal
        cells = {
            "day": day(top.start),
            "value": unit(_of_day(top, own.kind)),
            "coverage": share(top.coverage),
        }
        weekday = {"weekday": Cell(datetime.fromtimestamp(top.start, tz).weekday(), "weekday")}
        said.append(Sentence(f"rep.say.top_day.{own.kind}", cells | weekday))
    found = [
        (figure_of(one, own.kind) or 0.0, -number, -hour)
        for number, own_day in enumerate(week)
        for hour, one in enumerate(own_day)
        if one.days >= LEAST_HOUR_DAYS and one.coverage >= LEAST_COVERAGE
    ]
    if span.kind == "month" and found and max(found)[0] > 0:
        value, number, hour = max(found)
        when = {"weekday": Cell(-number, "weekday"), "hour": Cell(-hour, "hour")}
        said.append(Sentence(f"rep.say.top_hour.{own.kind}", {"value": in_unit(value, own.kind), **when}))
    return said


def _of_day(one: Bin, kind: Kind) -> float | None:
    return one.entries if kind == "line" else one.mean


def _stay(bands: Lengths) -> Sentence:
    band = bands.bands[bands.median or 0]
    cells = {
        "visits": count(bands.complete),
        "censored": share(bands.censored_share),
        "low": length(band.low),
    }
    if band.high is None:
        return Sentence("rep.say.stay_long", cells)
    return Sentence("rep.say.stay", cells | {"high": length(band.high)})


def _compared(effect: Effect | NoComparison, kind: Kind, span: Span) -> Sentence:
    if isinstance(effect, NoComparison):
        return Sentence(f"rep.say.no_comparison.{span.kind}")
    cells = {"before": in_unit(effect.before, kind), "after": in_unit(effect.after, kind)}
    if not effect.significant:
        return Sentence(f"rep.say.unclear.{span.kind}", cells)
    return Sentence(f"rep.say.{'more' if effect.change > 0 else 'less'}.{span.kind}", cells)


def first_of(ranking: Ranking, labels: Mapping[str, str]) -> Sentence:
    """Which place is first, if the days tell."""
    ranks = ranking.ranks
    if len(ranks) < 2:
        return Sentence("rep.say.rank_none")
    cells = {"place": name(labels[ranks[0].place])}
    if ranks[1].clear:
        return Sentence("rep.say.rank_clear", cells)
    return Sentence("rep.say.rank_unclear", cells | {"second": name(labels[ranks[1].place])})
