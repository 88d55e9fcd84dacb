"""The planner's calendar as CSV: written with semicolons and a byte order mark, as a French spreadsheet opens it. Pure.

Columns: ``kind`` (market_day, event, school_holiday), ``scope`` (site or town), ``name_fr``, ``name_en``, ``first`` and
``last`` day, ``start`` and ``end`` time, ``weekdays`` and ``exceptions`` (separated by spaces). ``kind``, ``name_fr`` and
``first`` must be there. Read: comma or semicolon, 2026-11-21 or 21/11/2026, mon or lun.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from server.calendar import Entry, check_entry
from server.calendar_files import CalendarFaults, Fault, Into, clock, day_of, minutes_of
from server.sites import SiteError

COLUMNS: Final = (
    "kind", "scope", "name_fr", "name_en", "first", "last", "start", "end", "weekdays", "exceptions",
)  # fmt: skip
_NEEDED: Final = ("kind", "name_fr", "first")
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL: Final = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
)  # fmt: skip
# The apostrophe itself too, so that what was written comes back.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "'")


def weekdays_of(text: str) -> tuple[int, ...]:
    """The weekdays of ``wed sat``, ``mer. sam.`` or ``mercredi, samedi``.

    Raises:
        ValueError: for a word that is none.
    """
    words = [word for word in re.split(r"[\s,+.]+", text.strip().lower()) if word]
    found = [next((at % 7 for at, name in enumerate(_FULL) if name.startswith(word)), -1) for word in words]
    if -1 in found or any(len(word) < 3 for word in words):
        raise ValueError(text)
    return tuple(found)


def _cell(text: str) -> str:
    if text.startswith(_FORMULA):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in '";\r\n') else text


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _cells(entry: Entry) -> tuple[str, ...]:
    return (
        entry.kind,
        "town" if entry.site is None else "site",
        entry.name_fr,
        entry.name_en,
        entry.first.isoformat(),
        entry.last.isoformat() if entry.last else "",
        clock(entry.start_min),
        clock(entry.end_min),
        " ".join(WEEKDAYS[day] for day in entry.weekdays),
        " ".join(day.isoformat() for day in entry.exceptions),
    )


def write_csv(entries: Iterable[Entry]) -> str:
    """The entries as a file."""
    rows = [COLUMNS, *map(_cells, entries)]
    return "\ufeff" + "".join(";".join(_cell(cell) for cell in row) + "\r\n" for row in rows)


def _rows(text: str, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    """The lines that hold something, with the number of the line on which each begins."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text)
    first = next((line for line in lines if line.strip()), "")
    delimiter = ";" if first.count(";") >= first.count(",") else ","
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as exc:
            faults.append(Fault(line, "cal_csv", found=str(exc)))
            continue
        if any(cell.strip() for cell in cells):
            yield line, [_plain(cell) for cell in cells]


def _header(line: int, cells: Sequence[str], faults: list[Fault]) -> list[str]:
    names = [cell.lower() for cell in cells]
    faults += [Fault(line, "cal_column_missing", name) for name in _NEEDED if name not in names]
    faults += [
        Fault(line, "cal_column", found=name)
        for at, name in enumerate(names)
        if name not in COLUMNS or name in names[:at]
    ]
    return names


def _scope(text: str) -> str:
    if text.lower() not in {"", "site", "town"}:
        raise ValueError(text)
    return text.lower()


_READ: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "scope": ("cal_scope", _scope),
    "first": ("cal_date", day_of),
    "last": ("cal_date", day_of),
    "start": ("cal_clock", minutes_of),
    "end": ("cal_clock", minutes_of),
    "weekdays": ("cal_weekdays", weekdays_of),
    "exceptions": ("cal_date", lambda text: tuple(day_of(day) for day in re.split(r"[\s,]+", text))),
}


def _entry(line: int, row: Mapping[str, str], into: Into) -> Entry | list[Fault]:
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for name, (rule, read) in _READ.items():
        text = row.get(name, "")
        try:
            values[name] = read(text) if text or name == "first" else None
        except ValueError:
            faults.append(Fault(line, rule, name, text[:80]))
    if faults:
        return faults
    entry = Entry(
        kind=row["kind"].lower() or into.kind,  # type: ignore[arg-type]
        name_fr=row["name_fr"],
        name_en=row.get("name_en", ""),
        first=values["first"],
        last=values["last"],
        start_min=values["start"],
        end_min=values["end"],
        weekdays=values["weekdays"] or (),
        exceptions=values["exceptions"] or (),
        site=None if values["scope"] == "town" else into.site,
    )
    try:
        return check_entry(entry)
    except SiteError as exc:
        return [Fault(line, exc.rule, found=exc.found)]


def read_csv(text: str, into: Into) -> list[Entry]:
    """The entries of a file.

    Raises:
        CalendarFaults: with everything that is wrong.
    """
    faults: list[Fault] = []
    entries: list[Entry] = []
    rows = _rows(text, faults)
    names = next((_header(line, cells, faults) for line, cells in rows), [])
    if faults:
        raise CalendarFaults(faults)
    for line, cells in rows:
        if len(cells) != len(names):
            faults.append(Fault(line, "cal_cells", found=f"{len(cells)} / {len(names)}"))
            continue
        entry = _entry(line, dict(zip(names, cells, strict=True)), into)
        if isinstance(entry, Entry):
            entries.append(entry)
        else:
            faults += entry
    if faults:
        raise CalendarFaults(faults)
    return entries
