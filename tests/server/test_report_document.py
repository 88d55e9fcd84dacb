"""What a report says never goes beyond its figures."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from server.comparison import compare
from server.pages.report_words import body, caption, context, head
from server.pages.texts import Texts
from server.report_document import document
from server.report_parts import Table
from server.report_tables import Measured
from server.reports import DAY, Amounts, Row, edges, report
from server.schedule import before, midnight, span_of

PARIS = ZoneInfo("Europe/Paris")
NUMBER = re.compile(r"\d+(?:[.,\u202f/]\d+)*")
# Words that put two figures in order; the highest day and hour are said as measured.
ORDERING = {
    "en": r"\b(more|less|fewer|increase|decrease|rose|fell|comes first, and its difference)\b",
    "fr": r"\b(plus|moins|davantage|hausse|baisse|vient en premier, et son écart)\b",
}
# What these words also do: "85 % ou plus", "2 h ou davantage".
HARMLESS = re.compile(r"capacité ou plus|au plus haut|la plus haute|capacity or more|ou davantage|or longer")


@dataclass(frozen=True)
class World:
    """How a place was over a period and the one before; hours are drawn from the seed."""

    kind: str
    group: str
    span_kind: str
    day: date
    level: float
    grown: float
    noise: float
    seen: float
    capacity: int | None
    seed: int


WORLDS = st.builds(
    World,
    kind=st.sampled_from(["zone", "parking", "line"]),
    group=st.sampled_from(["person", "bicycle"]),
    span_kind=st.sampled_from(["week", "month"]),
    day=st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    level=st.sampled_from([0.0, 0.4, 7.0, 80.0]),
    grown=st.sampled_from([0.5, 1.0, 1.6]),
    noise=st.sampled_from([0.0, 0.2, 0.6]),
    seen=st.sampled_from([0.0, 0.02, 0.6, 1.0]),
    capacity=st.sampled_from([None, 3, 60]),
    seed=st.integers(0, 9999),
)
ONCE = settings(max_examples=40, deadline=None, phases=[Phase.generate])


def built(world: World):
    """One place over a month or week and the one before: some hours unobserved, some periods apart in level."""
    span = span_of(world.span_kind, world.day)
    kind, chance = world.kind, random.Random(world.seed)
    group = "vehicle" if kind == "parking" else world.group
    capacity = world.capacity if kind == "zone" else None
    start, mid, end = midnight(before(span).first, PARIS), *span.bounds(PARIS)
    rows = []
    for at in range(start, end, 3600):
        if chance.random() > world.seen:
            continue
        seen = 3600.0 * chance.choice([1.0, 1.0, 0.3])
        amount = max(
            0.0, world.level * (world.grown if at >= mid else 1.0) * (1 + world.noise * chance.uniform(-1, 1))
        )
        lengths = tuple(int(amount * chance.random() * 3) for _ in range(8))
        own = Amounts(amount * seen, int(amount) + 1, int(amount), int(amount), int(amount), lengths)
        flags = {"dark": 30.0} if chance.random() < 0.1 else {}
        sized = seen if capacity or kind == "parking" else 0.0
        if kind == "parking":
            rows.append(Row(at, 3600, seen, "v1", flags, bays=100, observed_bay_s=seen * 100, parking=own,
                            sized_s=sized, nearly_s=sized * chance.random() * 0.5))  # fmt: skip
        else:
            rows.append(Row(at, 3600, seen, "v1", flags, counts={group: own}, sized_s=sized,
                            nearly_s=sized * chance.random() * 0.5))  # fmt: skip

    def bins(low, high, step):
        borders = edges(low, high, step, PARIS)
        return report(rows, kind=kind, group=group, step=step, borders=borders, until=high, capacity=capacity)

    hours, days = bins(mid, end, 3600), bins(mid, end, DAY)
    past, own_rows = bins(start, mid, DAY).bins, [row for row in rows if row.start >= mid]
    return span, Measured(
        "box-a/c3/p-12", "p-12", kind, group, "statistics", capacity, hours, days, past, own_rows
    )


def written(table: Table, t: Texts) -> str:
    return " ".join(
        [caption(table, t), *(x for x, _ in head(table, t)), *(x for row in body(table, t) for x, _ in row)]
    )


def numbers(text: str) -> set[str]:
    # A percentage is written with a narrow space in figures and a plain one in words.
    return set(NUMBER.findall(text.replace("\u00a0", " ").replace("\u202f%", " %")))


def made(found, span):
    origins = Table("origins", ("rep.place",), ())
    return document("box-a", span, found, origins, made_at=span.bounds(PARIS)[1], tz=PARIS)


@ONCE
@given(WORLDS, st.sampled_from(["fr", "en"]))
def test_every_number_of_the_text_stands_in_a_table(world, language):
    span, measured = built(world)
    t = Texts(language, PARIS)
    said = made([measured], span)
    [drawn] = context(said, t)["drawn"]
    own = drawn.section
    tables = [own.figures, own.by_day, own.by_hour, *([own.change] if own.change else [])]
    bands = " ".join(" ".join(row) for row in drawn.band_rows)
    known = numbers(" ".join(written(table, t) for table in tables) + " " + bands)
    if own.measured.days.total.observed_s <= 0:
        assert len(drawn.said) == 1
        known = numbers(context(said, t)["period"])
    assert numbers(" ".join(drawn.said)) <= known, drawn.said


@ONCE
@given(WORLDS, st.sampled_from(["fr", "en"]))
def test_more_and_less_are_said_only_of_what_is_significant(world, language):
    span, measured = built(world)
    effect = compare(measured.before, measured.days.bins, measured.measure, PARIS)
    [drawn] = context(made([measured], span), Texts(language, PARIS))["drawn"]
    text = HARMLESS.sub("", " ".join(drawn.said))
    ordered = re.findall(ORDERING[language], text)
    significant = getattr(effect, "significant", False) and measured.days.total.observed_s >= 3600
    assert bool(ordered) == bool(significant), text
    if significant:
        words = {"en": ("more", "less"), "fr": ("plus", "moins")}[language]
        assert ordered == [words[0] if effect.change > 0 else words[1]]


@ONCE
@given(WORLDS, st.floats(0.2, 5))
def test_a_first_place_is_named_alone_only_when_it_is_clear(world, factor):
    span, one = built(replace(world, kind="zone"))
    rows = [
        Row(r.start, r.interval_s, r.observed_s, r.version,
            counts={k: Amounts(a.object_s * factor, a.peak) for k, a in r.counts.items()})
        for r in one.rows
    ]  # fmt: skip
    bounds = span.bounds(PARIS)
    days = report(
        rows, kind="zone", group=one.group, step=DAY, borders=edges(*bounds, DAY, PARIS), until=bounds[1]
    )
    other = Measured(
        "box-a/north/other", "other", "zone", one.group, None, None, one.hours, days, one.before, rows
    )
    [(table, said)] = made([one, other], span).ranked
    marks = [row[-1].value for row in table.rows]
    assert (said.name == "rep.say.rank_clear") == ("rep.clear" in marks)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_month_with_no_data_says_so_and_draws_no_zero(language):
    span = span_of("month", date(2026, 10, 1))
    bounds = span.bounds(PARIS)

    def empty(step):
        return report(
            [], kind="zone", group="person", step=step, borders=edges(*bounds, step, PARIS), until=bounds[1]
        )

    measured = Measured("a/b/c", "c", "zone", "person", None, None, empty(3600), empty(DAY), (), ())
    [drawn] = context(made([measured], span), Texts(language, PARIS))["drawn"]
    assert drawn.curve is None
    assert drawn.heat is None
    assert len(drawn.said) == 1
    assert ("no data" if language == "en" else "aucune donnée") in drawn.said[0]
    figures = {cell.value for _, cell, *_ in drawn.section.figures.rows}
    assert figures == {None}


def test_one_observed_second_is_a_figure_with_its_coverage_and_no_statement():
    span = span_of("month", date(2026, 10, 1))
    bounds = span.bounds(PARIS)
    rows = [Row(bounds[0] + 7200, 60, 1.0, "v", counts={"person": Amounts(3.0, 3, 1, 0)})]

    def bins(step):
        return report(
            rows, kind="zone", group="person", step=step, borders=edges(*bounds, step, PARIS), until=bounds[1]
        )

    measured = Measured("a/b/c", "c", "zone", "person", None, None, bins(3600), bins(DAY), (), rows)
    [drawn] = context(made([measured], span), Texts("en", PARIS))["drawn"]
    assert drawn.said == (
        "Only 1 s were observed (1% of the time): too little to say anything of the period.",
    )
    mean = drawn.section.figures.rows[0]
    assert (mean[1].value, mean[2].value, mean[3].value) == (3.0, pytest.approx(1 / (31 * 86400 + 3600)), 1.0)


def test_days_of_23_and_25_hours_are_drawn_with_their_hours():
    for day, hours in ((date(2026, 10, 25), 25), (date(2026, 3, 29), 23)):
        span = span_of("week", day)
        bounds = span.bounds(PARIS)
        borders = edges(*bounds, 3600, PARIS)
        assert len(borders) - 1 == 6 * 24 + hours
