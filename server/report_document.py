"""What a weekly or monthly report says of places, worked out from their stored sums. Pure.

Rules:
1. Sentences are chosen here and filled with cells of the tables: the text never goes beyond the figures.
2. What nobody observed is None; each figure stands beside its coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from server.bands import Lengths
from server.comparison import compare
from server.fullness import fullness
from server.ranking import Candidate, rank
from server.report_parts import Sentence, Table
from server.report_says import first_of, sentences
from server.report_tables import (
    Measured,
    bands_of,
    change_table,
    days_table,
    figures_table,
    ranking_table,
    week_table,
)
from server.schedule import Span
from server.tallies import Found
from server.week import Cell as Hour
from server.week import usual_week


@dataclass(frozen=True, slots=True)
class Section:
    """The report of one `Measured`. ``bands`` None for a line; ``said`` in the order of reading."""

    measured: Measured
    week: tuple[tuple[Hour, ...], ...]
    bands: Lengths | None
    said: tuple[Sentence, ...]
    figures: Table
    by_day: Table
    by_hour: Table
    change: Table | None


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report. ``ranked``: a table and what it says, for each kind of place of which there are several.

    ``called``: what people call its scope, in the language it was made in.
    ``errors``: the count errors of its places, from counts by hand. ``complete``: whether the period was over when the figures were taken, at ``made_at``.
    """

    scope: str
    span: Span
    made_at: int
    complete: bool
    sections: tuple[Section, ...]
    ranked: tuple[tuple[Table, Sentence], ...]
    origins: Table
    called: str = ""
    errors: tuple[Found, ...] = ()


def document(
    scope: str,
    span: Span,
    found: Sequence[Measured],
    origins: Table,
    *,
    made_at: int,
    tz: ZoneInfo,
    called: str = "",
    errors: Sequence[Found] = (),
) -> Document:
    """Put a report together."""
    return Document(
        scope=scope,
        span=span,
        made_at=made_at,
        complete=made_at >= span.bounds(tz)[1],
        sections=tuple(section(own, span, tz) for own in found),
        ranked=_rankings(found),
        origins=origins,
        called=called,
        errors=tuple(errors),
    )


def section(own: Measured, span: Span, tz: ZoneInfo) -> Section:
    """What is said of one place and class group."""
    week = usual_week(own.hours.bins, tz)
    bands = bands_of(own.rows, own.kind, own.group)
    full = fullness(own.rows)
    effect = compare(own.before, own.days.bins, own.measure, tz)
    return Section(
        measured=own,
        week=week,
        bands=bands,
        said=tuple(sentences(own, span, tz, week, bands, full, effect)),
        figures=figures_table(own, full, bands),
        by_day=days_table(own),
        by_hour=week_table(own, week),
        change=change_table(effect, own.kind),
    )


def _rankings(found: Sequence[Measured]) -> tuple[tuple[Table, Sentence], ...]:
    kinds = sorted({(own.kind, own.group) for own in found})
    ranked = []
    for kind, group in kinds:
        own = [each for each in found if (each.kind, each.group) == (kind, group)]
        if len(own) > 1:
            ranking = rank([Candidate(each.key, each.days.bins) for each in own], own[0].measure)
            labels = {each.key: each.label for each in own}
            ranked.append((ranking_table(ranking, kind, group, labels), first_of(ranking, labels)))
    return tuple(ranked)
