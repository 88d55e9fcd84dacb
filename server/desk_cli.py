"""`parvis server admin report` and `… mail`: a report as a file, the outbox, a letter to try the mail server with."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Final

import typer

from server import mail_settings
from server.cli_parts import AsJson, Data, done, reported, show, when, with_store
from server.errors import ServerError
from server.mail_settings import ADDRESS
from server.pages.texts import LANGUAGES, Texts
from server.settings import Settings

# Of server.pages.report_files and server.scopes: whoever only asks for help loads neither numpy nor jinja2.
FORMATS: Final = ("pdf", "xlsx", "csv", "html")
ALL: Final = "all"


def add_to(admin: typer.Typer) -> None:
    """Put these commands under ``admin``."""
    admin.command("report")(report)
    mail = typer.Typer(no_args_is_help=True, help="The outbox, and a letter to try the mail server with.")
    mail.command("list")(mail_list)
    mail.command("test")(mail_test)
    admin.add_typer(mail, name="mail")


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
    from server.pages.report_files import made
    from server.reading import Reader
    from server.reporting import build
    from server.schedule import named

    format_ = _format_of(out)
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"choose {' or '.join(LANGUAGES)} (got {lang!r})", param_hint="--lang")
    if bool(month) == bool(week):
        raise typer.BadParameter("give either --month 2026-10 or --week 2026-W47")
    settings = Settings(data_dir=data)
    try:
        span = named(month or week)
        document = with_store(
            data,
            lambda store: build(
                Reader(store, settings),
                store,
                place,
                span,
                now=settings.clock(),
                tz=settings.zone_info,
                language=lang,
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


def mail_list(
    data: Data,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """What waits, what went out, what failed and why; unsent letters first."""
    found = with_store(data, lambda store: store.mails.listed(limit))
    rows = [
        {
            "id": own.id,
            "recipient": own.recipient,
            "subject": own.subject,
            "state": own.state,
            "tries": own.attempts,
            "created": when(own.created_at),
            "next": when(own.next_at) if own.state == "waiting" else None,
            "ended": when(own.ended_at),
            "problem": own.problem,
            "detail": own.detail,
        }
        for own in found
    ]
    show(rows, as_json, "no letter yet")


def mail_test(
    data: Data,
    to: Annotated[str, typer.Option(help="Address that the trial letter goes to.")],
    lang: Annotated[str, typer.Option(help=f"Language: {' or '.join(LANGUAGES)}.")] = "fr",
    as_json: AsJson = False,
) -> None:
    """Send a trial letter now, past the outbox, and say what the mail server answered."""
    from server.mailer import Mailer, MailFailure
    from server.pages.letters import trial_letter

    if not ADDRESS.fullmatch(to):
        raise typer.BadParameter(f"write one address such as name@example.fr (got {to!r})", param_hint="--to")
    if lang not in LANGUAGES:
        raise typer.BadParameter(f"choose {' or '.join(LANGUAGES)} (got {lang!r})", param_hint="--lang")
    settings = Settings(data_dir=data)
    with reported():
        own = mail_settings.read(data)
        if own is None:
            raise ServerError(
                f"{data / mail_settings.FILE}: is not there; docs/reports.md says what to write into it"
            )
        texts = Texts(lang, settings.zone_info)
        new = trial_letter(own, to, secrets.token_hex(8), int(settings.clock()), texts)
        try:
            Mailer(own).send(new.message, to, lambda: None)
        except MailFailure as exc:
            remedy = texts(f"mail.problem.{exc.problem}")
            if as_json:
                done({"to": to, "accepted": False, "problem": exc.problem, "detail": str(exc)}, "", as_json)
            raise ServerError(f"{exc}. {remedy}") from exc
    done({"to": to, "accepted": True}, f"{own.host} accepted a letter to {to}", as_json)
