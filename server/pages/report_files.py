"""A report as a file: PDF, workbook, CSV, or a page that stands alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from fastapi import Request
from starlette.responses import Response

from server.access import store_of
from server.pages.render import render, texts_of
from server.pages.report_words import DEFINITIONS, checked, context, period, sentence, spelt, title_of
from server.pages.texts import Texts
from server.pdf import pdf_of
from server.reading import View
from server.report_document import Document
from server.report_parts import NUMBERS, Cell, Table, name
from server.report_tables import LONG, long_table
from server.reporting import sites_of
from server.reports import OccupancyReport
from server.scopes import ALL, path
from server.scopes import label as scope_label
from server.workbook import Sheet, french_csv, workbook

TYPES: Final = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
_UNITS: Final = {"share": "%", "change": "%", "length": "s"}


def scope_name(document: Document, t: Texts) -> str:
    """What a report is about, for a title."""
    return t("rep.all") if document.scope == ALL else document.called or document.scope.replace("/", " / ")


def scope_names(request: Request) -> Callable[[str], str]:
    """What people call scopes, in the language of the request."""
    store, t = store_of(request), texts_of(request)
    details, sites = store.sites.details(), sites_of(store)
    return lambda scope: t("rep.all") if scope == ALL else scope_label(scope, details, sites, t.language)


def file_name(document: Document, format_: str) -> str:
    """``parvis-box-a-north-lawn-2026-10.pdf``."""
    return f"parvis-{document.scope.replace('/', '-')}-{document.span.name}.{format_}"


def made(document: Document, t: Texts, format_: str) -> bytes:
    """The file, as a page for any other word than ``pdf``, ``xlsx`` and ``csv``.

    Raises:
        NoPdfError: when no PDF can be made on this machine.
    """
    if format_ == "xlsx":
        title = f"Parvis {scope_name(document, t)} {document.span.name}"
        return workbook(sheets(document, t), title=title, made_at=document.made_at, tz=t.tz)
    if format_ == "csv":
        return hours_csv(document, t).encode()
    html = paper(document, t)
    return pdf_of(html) if format_ == "pdf" else html.encode()


def paper(document: Document, t: Texts) -> str:
    """The page that stands alone, and of which the PDF is made."""
    known = context(document, t)
    return render("report_paper.html", t=t, lang=t.language, scope_name=scope_name(document, t), **known)


def titles(columns: Sequence[str], t: Texts) -> list[str]:
    """Titles of the long table, with their units."""
    units = {"rep.rate": " (%)", "tile.coverage": " (%)", "rep.observed": " (s)"}
    return [t(key) + units.get(key, "") for key in columns]


def _long(document: Document, t: Texts, *, days: bool) -> list[list[Cell]]:
    rows = []
    for section in document.sections:
        own = section.measured
        report: OccupancyReport = own.days if days else own.hours
        what = [name(own.key), name(t(f"kind.{'area' if own.kind == 'zone' else own.kind}"))]
        what.append(name(t(f"group.{own.group}")))
        rows += [[*what, *row, name(own.label)] for row in long_table(report).rows]
    return rows


def hours_csv(document: Document, t: Texts) -> str:
    """Every hour of every place, for a French spreadsheet."""
    head = [t("rep.place"), t("rep.kind"), t("rep.class"), *titles(LONG, t), t("api.label")]
    return french_csv(head, _long(document, t, days=False), t.tz)


def excel_csv(view: View, report: OccupancyReport, t: Texts, called: str) -> Response:
    """One place's bins as a CSV that French spreadsheets open directly."""
    what = [name(path(view.place)), name(t(f"group.{report.group}"))]
    rows = ([*what, *row, name(called)] for row in long_table(report).rows)
    text = french_csv([t("rep.place"), t("rep.class"), *titles(LONG, t), t("api.label")], rows, t.tz)
    named = f"parvis-{view.place.camera}-{view.place.name}-{report.group}-excel.csv"
    headers = {"Content-Disposition": f'attachment; filename="{named}"', "Content-Type": TYPES["csv"]}
    return Response(text.encode(), headers=headers)


def sheets(document: Document, t: Texts) -> list[Sheet]:
    """Text, figures, days, hours, ranking, where the figures come from, definitions."""
    long_head = [t("rep.place"), t("rep.kind"), t("rep.class"), *(t(key) for key in LONG)]
    long_head[-1] += " (s)"
    long_head.append(t("api.label"))
    found = [
        Sheet(t("rep.sheet.text"), [t("rep.place"), t("rep.sheet.text")], _text(document, t)),
        Sheet(
            t("rep.sheet.figures"),
            [
                t(key)
                for key in ("rep.place", "rep.class", "rep.figure", "rep.value", "rep.unit", "tile.coverage")
            ]
            + [t("rep.observed") + " (s)"],
            _figures(document, t),
        ),
        Sheet(t("rep.sheet.days"), long_head, _long(document, t, days=True)),
        Sheet(t("rep.sheet.hours"), long_head, _long(document, t, days=False)),
    ]
    for number, (table, _) in enumerate(document.ranked, start=1):
        found.append(
            Sheet(f"{t('rep.sheet.ranking')} {number}", [t(c) for c in table.columns], _texts(table, t))
        )
    words = [[name(t(f"rep.word.{key}")), name(t(f"rep.def.{key}"))] for key, _ in DEFINITIONS]
    return [
        *found,
        Sheet(t("rep.sheet.origins"), [t(c) for c in document.origins.columns], _texts(document.origins, t)),
        Sheet(t("rep.definitions"), [t("rep.word"), t("rep.meaning")], words),
    ]


def _text(document: Document, t: Texts) -> list[list[Cell]]:
    rows = [[name(scope_name(document, t)), name(period(document, t))]]
    for section in document.sections:
        rows += [[name(title_of(section, t)), name(sentence(own, t))] for own in section.said]
        rows += [[name(title_of(section, t)), name(said)] for said in checked(document, section, t)]
    return rows


def _figures(document: Document, t: Texts) -> list[list[Cell]]:
    rows = []
    for section in document.sections:
        own = section.measured
        for label, cell, coverage, seen in section.figures.rows:
            unit = "s" if cell.unit == "length" else _UNITS.get(cell.unit, "")
            what = [name(own.key), name(t(f"group.{own.group}")), name(spelt(label, t))]
            rows.append([*what, cell, name(unit), coverage, seen])
    return rows


def _texts(table: Table, t: Texts) -> list[list[Cell]]:
    """Numbers and dates as they are, words in the reader's language."""
    return [
        [cell if cell.unit in NUMBERS or cell.unit == "day" else name(spelt(cell, t)) for cell in row]
        for row in table.rows
    ]
