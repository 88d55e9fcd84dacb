"""A report as a workbook (XLSX) and as a CSV that French spreadsheets open directly.

Rules:
1. A text is written as a text, whatever it begins with: no cell of ours is ever a formula.
2. Numbers are numbers, gaps are empty cells, never 0.
3. The CSV has semicolons, decimal commas, dates as the language writes them, and a byte order mark, without which
   spreadsheets take UTF-8 for Latin-1.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import xlsxwriter

from server.report_parts import Cell, Unit

BOM: Final = "\ufeff"
FORMATS: Final[Mapping[Unit, str]] = {
    "count": "0",
    "decimal": "0.0",
    "share": "0.0%",
    "change": "+0.0%;-0.0%",
    "length": "0",
    "day": "dd/mm/yyyy",
    "time": "dd/mm/yyyy hh:mm",
}
_WIDTH_MOST: Final = 60


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its name, titles, and rows of cells; words and names are texts in the reader's language already."""

    name: str
    titles: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def workbook(sheets: Sequence[Sheet], *, title: str, made_at: int, tz: ZoneInfo) -> bytes:
    """The XLSX file. Lengths are seconds, shares are percentages of a number."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(
        target,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    book.set_properties(
        {"title": title, "created": datetime.fromtimestamp(made_at, UTC).replace(tzinfo=None)}
    )
    bold = book.add_format({"bold": True, "bg_color": "#EEF1F4", "text_wrap": True, "valign": "top"})
    formats = {unit: book.add_format({"num_format": shape}) for unit, shape in FORMATS.items()}
    wrapped = book.add_format({"text_wrap": True, "valign": "top"})
    for sheet in sheets:
        page = book.add_worksheet(sheet.name[:31])
        widths = [len(own) for own in sheet.titles]
        for column, own in enumerate(sheet.titles):
            page.write_string(0, column, own, bold)
        for number, row in enumerate(sheet.rows, start=1):
            for column, cell in enumerate(row):
                value = _value(cell, tz)
                if isinstance(value, str):
                    page.write_string(number, column, value, wrapped)
                    widths[column] = max(widths[column], len(value))
                elif isinstance(value, datetime):
                    page.write_datetime(number, column, value, formats[cell.unit])
                    widths[column] = max(widths[column], 16)
                elif value is not None:
                    page.write_number(number, column, value, formats[cell.unit])
        for column, width in enumerate(widths):
            page.set_column(column, column, min(_WIDTH_MOST, max(9, width + 1)))
        page.freeze_panes(1, 0)
    book.close()
    return target.getvalue()


def _value(cell: Cell, tz: ZoneInfo) -> float | str | datetime | None:
    value = cell.value
    if isinstance(value, str) or value is None:
        return value
    if cell.unit in {"day", "time"}:
        return datetime.fromtimestamp(value, tz).replace(tzinfo=None)
    if cell.unit == "utc":
        return _utc(value)
    return round(value, 6)


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def french_csv(titles: Sequence[str], rows: Iterable[Sequence[Cell]], tz: ZoneInfo) -> str:
    """The file's text, byte order mark included. Shares are percentages without their sign, lengths seconds."""
    lines = [";".join(_quoted(title) for title in titles)]
    lines += [";".join(_french(cell, tz) for cell in row) for row in rows]
    return BOM + "\r\n".join(lines) + "\r\n"


def _french(cell: Cell, tz: ZoneInfo) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return _quoted(value)
    if cell.unit in {"day", "time"}:
        local = datetime.fromtimestamp(value, tz)
        return local.strftime("%d/%m/%Y" if cell.unit == "day" else "%d/%m/%Y %H:%M")
    if cell.unit == "utc":
        return _utc(value)
    if cell.unit in {"share", "change"}:
        value = value * 100
    digits = 0 if cell.unit == "count" else 3
    text = f"{value:.{digits}f}"
    text = text.rstrip("0").rstrip(".") if digits else text
    return ("0" if text == "-0" else text).replace(".", ",")


def _quoted(text: str) -> str:
    """A text cell that no spreadsheet takes for a formula."""
    if text[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"}:
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in '";,\r\n\t') else text
