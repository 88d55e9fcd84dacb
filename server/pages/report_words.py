"""A report in one language: its cells, tables and sentences as texts, its pictures with their words.

Rule: a cell is written by one function wherever it stands, so a number of the text is spelt as in its table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup

from server.bands import Band
from server.pages.tally_words import says
from server.pages.texts import NO_DATA, Texts
from server.report_document import Document, Section
from server.report_parts import Cell, Sentence, Table
from server.report_pictures import Axis, band_bars, curves, heat_map, value_of

# In the order in which a reader meets them, and the kinds of place that have them.
DEFINITIONS: Final = (
    ("coverage", {"zone", "parking", "line"}),
    ("mean", {"zone", "parking"}),
    ("peak", {"zone", "parking"}),
    ("rate", {"zone", "parking"}),
    ("full", {"zone", "parking"}),
    ("moves", {"zone"}),
    ("arrivals", {"parking"}),
    ("turnover", {"parking"}),
    ("crossings", {"line"}),
    ("visits", {"zone", "parking"}),
    ("week", {"zone", "parking", "line"}),
    ("change", {"zone", "parking", "line"}),
    ("error", {"zone", "parking", "line"}),
)


_TEXTS: Final = {"name", "word", "flags", "day", "hour"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """A section as a reader sees it. Pictures are SVG; None where there is nothing to draw."""

    title: str
    anchor: str
    said: tuple[str, ...]
    section: Section
    curve: Markup | None
    heat: Markup | None
    bands: Markup | None
    band_rows: tuple[tuple[str, str, str], ...]
    checked: tuple[str, ...] = ()


def spelt(cell: Cell, t: Texts) -> str:
    """A cell as a reader sees it."""
    value = cell.value
    if value is None:
        return NO_DATA
    if isinstance(value, str):
        return _spelt_word(cell, value, t)
    if cell.unit == "weekday":
        return t(f"weekday.{int(value)}")
    if cell.unit == "hour":
        return t("rep.hour_of", hour=int(value))
    if cell.unit == "day":
        return t.date(int(value))
    if cell.unit == "time":
        return t.time(int(value))
    if cell.unit == "utc":
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return _number(cell, value, t)


def _number(cell: Cell, value: float, t: Texts) -> str:
    if cell.unit == "share":
        return f"-{t.percent(-value)}" if value < 0 else t.percent(value)
    if cell.unit == "change":
        return f"{'-' if value < 0 else '+' if value > 0 else ''}{t.percent(abs(value))}"
    if cell.unit == "length":
        return t.length(value)
    digits = 1 if cell.unit == "decimal" else 0
    # A difference that rounds to nothing has no sign.
    return t.number(round(value, digits) + 0.0, digits)


def _spelt_word(cell: Cell, value: str, t: Texts) -> str:
    if cell.unit == "word":
        return t(value)
    if cell.unit == "flags":
        return t("list.separator").join(t(f"flag.{flag}") for flag in value.split())
    return value


def sentence(own: Sentence, t: Texts) -> str:
    """A sentence with its cells filled in."""
    return t(own.name, **{key: spelt(cell, t) for key, cell in own.cells.items()})


def head(table: Table, t: Texts) -> list[tuple[str, bool]]:
    """The titles of a table's columns, and whether texts stand below them."""
    plain = [cell.unit in _TEXTS for cell in table.rows[0]] if table.rows else [True] * len(table.columns)
    return [(t(column), own) for column, own in zip(table.columns, plain, strict=True)]


def body(table: Table, t: Texts) -> list[list[tuple[str, bool]]]:
    """The rows of a table as texts, and whether each is more than a figure."""
    return [[(spelt(cell, t), cell.unit in _TEXTS) for cell in row] for row in table.rows]


def caption(table: Table, t: Texts) -> str:
    """What a table is of."""
    what, _, rest = table.name.partition(".")
    if what == "ranking":
        kind, _, group = rest.partition(".")
        return t(f"rep.table.ranking.{kind}", group=t(f"group.{group}"))
    return t(f"rep.table.{what}")


def period(document: Document, t: Texts) -> str:
    """``Week 47 of 2026, from … to …``."""
    start, end = document.span.bounds(t.tz)
    return t(f"rep.period.{document.span.kind}", first=t.date(start), last=t.date(end - 1))


def title_of(section: Section, t: Texts) -> str:
    """The place and what is counted there."""
    own = section.measured
    return t(f"rep.title.{own.kind}", place=own.label, group=t(f"group.{own.group}"))


def band_name(band: Band, t: Texts) -> str:
    """``30 s to 1 min``."""
    if band.high is None:
        return t("lengths.over", low=t.length(band.low))
    if not band.low:
        return t("lengths.under", high=t.length(band.high))
    return t("lengths.between", low=t.length(band.low), high=t.length(band.high))


def drawn(document: Document, t: Texts) -> list[Drawn]:
    """Every section with its pictures and words."""
    return [_drawn(document, own, number, t) for number, own in enumerate(document.sections)]


def _drawn(document: Document, section: Section, number: int, t: Texts) -> Drawn:
    own, bands = section.measured, section.bands
    days = [t(f"weekday.short.{n}") for n in range(7)]
    values = [value for one in own.hours.bins if (value := value_of(one, own.kind)) is not None]
    curve = heat = bars = None
    if values:
        top = t.percent(1.0) if own.kind == "parking" else t.number(max(values) or 1.0)
        title = t(f"rep.picture.curve.{own.kind}", place=own.label, top=top)
        curve = Markup(curves(own.hours.bins, document.span, own.kind, t.tz, Axis(title, days, top)))  # noqa: S704 - `report_pictures` escapes its words
        title = t(f"rep.picture.week.{own.kind}", place=own.label)
        heat = Markup(heat_map(section.week, own.kind, Axis(title, days, top)))  # noqa: S704 - as above
    rows: Sequence[tuple[str, str, str]] = ()
    if bands and bands.complete:
        rows = [(band_name(b, t), t.number(b.visits, 0), t.percent(b.share)) for b in bands.bands]
        bars = Markup(band_bars(bands, [row[0] for row in rows], t("rep.picture.bands", place=own.label)))  # noqa: S704 - as above
    return Drawn(
        title=title_of(section, t),
        anchor=f"s{number + 1}",
        said=tuple(sentence(each, t) for each in section.said),
        section=section,
        curve=curve,
        heat=heat,
        bands=bars,
        band_rows=tuple(rows),
        checked=checked(document, section, t),
    )


def checked(document: Document, section: Section, t: Texts) -> tuple[str, ...]:
    """What counts by hand say of the place and class of a section."""
    own = section.measured
    return tuple(
        says(one, t)
        for one in document.errors
        if ("/".join(one.key[:3]), one.key[3], one.group) == (own.key, own.kind, own.group)
    )


def definitions(document: Document, t: Texts) -> list[tuple[str, str]]:
    """Word and meaning of what this report speaks of."""
    kinds = {own.measured.kind for own in document.sections}
    found = [(t(f"rep.word.{key}"), t(f"rep.def.{key}")) for key, of in DEFINITIONS if kinds & of]
    return [*found, (t("rep.word.ranking"), t("rep.def.ranking"))] if document.ranked else found


def context(document: Document, t: Texts) -> dict[str, Any]:
    """All that the template asks for."""
    return {
        "document": document,
        "drawn": drawn(document, t),
        "definitions": definitions(document, t),
        "ranked": [(table, sentence(said, t)) for table, said in document.ranked],
        "period": period(document, t),
        "head": lambda table: head(table, t),
        "rows": lambda table: body(table, t),
        "caption": lambda table: caption(table, t),
    }
