"""What a page shows of a report: rows of a table, a sentence, a sparkline. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from server.pages.texts import Texts
from server.reports import DAY, Bin, OccupancyReport

SPARK_W: Final = 240
SPARK_H: Final = 48
# Below this share of a bin a reader should know how little was seen.
LOW_COVERAGE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the tables: the bin and its texts."""

    bin: Bin
    when: str
    remark: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of a sparkline; a gap has no figure."""

    x: float
    y: float
    width: float
    height: float
    gap: bool


def remark(one: Bin, texts: Texts) -> str:
    """Why a bin should be read with care."""
    parts = [
        texts("remark.flag", flag=texts(f"flag.{name}"), length=texts.length(seconds))
        for name, seconds in one.flag_s.items()
        if seconds >= 1
    ]
    if one.unsynced:
        parts.append(texts("remark.unsynced"))
    if one.coverage == 0 and one.entries is None:
        parts.insert(0, texts("remark.no_data"))
    return texts("list.separator").join(parts)


def two_offsets(bins: Sequence[Bin], texts: Texts) -> bool:
    """True when the clock changes within the bins, so that hours alone are ambiguous."""
    return len({datetime.fromtimestamp(b.start, texts.tz).utcoffset() for b in bins}) > 1


def lines(report: OccupancyReport, texts: Texts) -> list[Line]:
    """The rows of a report's tables."""
    ambiguous = two_offsets(report.bins, texts) and report.step != DAY
    fine = report.step != DAY and report.step < 60
    return [
        Line(
            one,
            texts.date(one.start)
            if report.step == DAY
            else texts.time(one.start, seconds=fine, offset=ambiguous),
            remark(one, texts),
        )
        for one in report.bins
    ]


def summary(report: OccupancyReport, texts: Texts) -> str:
    """The charts in one sentence, for those who do not see them."""
    gaps = sum(one.coverage == 0 for one in report.bins)
    fine = report.step != DAY and report.step < 60
    begin, end = report.bins[0].start, min(report.bins[-1].end, report.until)
    parts = [
        texts("summary.period", start=texts.time(begin, seconds=fine), end=texts.time(end, seconds=fine))
    ]
    if report.total.mean is not None:
        what = texts(f"mean.{report.kind}.{report.group}")
        parts.append(texts("summary.mean", what=what, mean=texts.number(report.total.mean)))
    if report.total.peak is not None:
        peak_at = texts.time(report.peak_at, seconds=fine)
        if report.step == DAY and report.peak_at is not None:
            peak_at = texts.date(report.peak_at)
        parts.append(
            texts("summary.peak", peak=texts.number(report.total.peak, 0), at=peak_at)
            if report.peak_at is not None
            else texts("summary.peak_zero")
        )
    if report.total.entries is not None and report.total.exits is not None:
        parts.append(
            texts(
                f"summary.moves.{report.kind}",
                entries=texts.number(report.total.entries, 0),
                exits=texts.number(report.total.exits, 0),
            )
        )
    parts.append(texts("summary.coverage", coverage=texts.percent(report.total.coverage)))
    if gaps:
        parts.append(texts("summary.gaps", gaps=gaps, bins=len(report.bins)))
    return " ".join(parts)


def value(one: Bin, kind: str) -> float | None:
    """What a sparkline shows of a bin: the mean, or for a line all crossings."""
    if kind != "line":
        return one.mean
    return None if one.entries is None or one.exits is None else one.entries + one.exits


def sparkline(report: OccupancyReport) -> list[Bar]:
    """The bars of a small chart of ``SPARK_W`` x ``SPARK_H``; an observed 0 is a thin bar, a gap is hatched."""
    if not report.bins:
        return []
    # A lone hundredth of a person must not look like a crowd, nor a half-empty car park like a full one.
    floor = (report.bays or 1) if report.kind == "parking" else 1
    top = max(float(floor), *(value(one, report.kind) or 0.0 for one in report.bins))
    width = SPARK_W / len(report.bins)
    bars = []
    for index, one in enumerate(report.bins):
        figure = value(one, report.kind)
        height = SPARK_H if figure is None else max(1.5, figure / top * SPARK_H)
        bars.append(
            Bar(
                round(index * width, 2),
                round(SPARK_H - height, 2),
                round(width if figure is None else max(0.6, width * 0.86), 2),
                round(height, 2),
                figure is None,
            )
        )
    return bars


def csv_cell(cell: object) -> str:
    """One CSV cell: numbers as they are, text quoted and never a formula."""
    if cell is None:
        return ""
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        return repr(round(cell, 4)) if isinstance(cell, float) else str(cell)
    text = str(cell)
    if text[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in '",;\r\n') else text
