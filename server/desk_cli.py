"""`parvis server admin report` and `… mail`: a report as a file, the outbox, a letter to try the mail server with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from server.cli_parts import AsJson, Data, done, reported, with_store
from server.errors import ServerError
from server.pages.report_files import TYPES, made
from server.pages.texts import LANGUAGES, Texts
from server.reading import Reader
from server.report_document import Document
from server.reporting import build
from server.schedule import named
from server.scopes import ALL
from server.settings import Settings

FORMATS: Final = tuple(TYPES)


def add_to(admin: typer.Typer) -> None:
    """Put these commands under ``admin``."""
    admin.command("report")(report)


def _format_of(out: Path) -> str:
    found = out.suffix.removeprefix(".").lower()
    if found not in FORMATS:
        raise typer.BadParameter(
            f"the file must end with one of {', '.join('.' + own for own in FORMATS)} (got {out.name!r})",
            param_hint="--out",
        )
    return found


def _write(out: Path, content: bytes) -> None:
    try:
        out.write_bytes(content)
    except OSError as exc:
        raise ServerError(f"{out}: cannot be written ({exc.strerror}); choose another place") from exc


def report(
    data: Data,
    place: Annotated[
        str, typer.Option(help="device/camera/place, device/camera, device, or all.", metavar="SCOPE")
    ] = ALL,
    month: Annotated[str, typer.Option(help="A month, such as 2026-10.")] = "",
    week: Annotated[str, typer.Option(help="A week, such as 2026-W47.")] = "",
    out: Annotated[Path, typer.Option(help="FILE.pdf, .xlsx, .csv or .html")] = Path("report.pdf"),
    lang: Annotated[str, typer.Option(help=f"Language: {' or '.join(LANGUAGES)}.")] = "fr",
    as_json: AsJson = False,
) -> None:
    """Write the report of a month or a week as a file."""
    format_ = _format_of(out)
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"choose {' or '.join(LANGUAGES)} (got {lang!r})", param_hint="--lang")
    if bool(month) == bool(week):
        raise typer.BadParameter("give either --month 2026-10 or --week 2026-W47")
    settings = Settings(data_dir=data)
    try:
        span = named(month or week)
        document: Document = with_store(
            data,
            lambda store: build(
                Reader(store, settings), store, place, span, now=settings.clock(), tz=settings.zone_info
            ),
        )
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    with reported():
        _write(out, made(document, Texts(lang, settings.zone_info), format_))
    sections = [
        {
            "place": own.measured.key,
            "class": own.measured.group,
            "coverage": round(own.measured.days.total.coverage, 4),
        }
        for own in document.sections
    ]
    told = {"file": str(out), "period": span.name, "complete": document.complete, "sections": sections}
    done(told, f"{out} is written: {span.name}, {len(sections)} sections", as_json)
