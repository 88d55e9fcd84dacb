"""``parvis privacy``: the box's page and the papers of the data protection officer."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from edge.cli_parts import ConfigOption, JsonOption, err
from edge.errors import ConfigError

if TYPE_CHECKING:
    from parvis.privacy.documents import Facts, Rendered

privacy_app = typer.Typer(no_args_is_help=True, help="What leaves a box, and the papers about it.")
Language = Literal["fr", "en", "both"]


@privacy_app.callback()
def group() -> None:
    """What leaves a box, and the papers about it."""


@privacy_app.command()
def report(
    config: ConfigOption,
    out: Annotated[Path, typer.Option(help="Folder for the pages and papers.")] = Path("privacy-report"),
    lang: Annotated[Language, typer.Option(help="fr, en or both.")] = "both",
    operator: Annotated[
        Path | None,
        typer.Option(help="YAML file of who runs the cameras; without it those places are marked blanks."),
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Folder of the spool. Default: `state` next to the configuration.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace papers made before, edits included.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Write the page "What leaves this box" and the street sign, register entry, impact assessment, public page.

    The page shows the real last minute of the box's spool (read while it runs, too), or of a run over the recording
    that the configuration names. Everything is HTML that stands alone; papers are PDF as well, with parvis[documents].
    """
    from parvis.privacy.documents import DOCUMENTS, render

    languages: tuple[str, ...] = ("fr", "en") if lang == "both" else (lang,)
    pages = [(document, language) for document in DOCUMENTS for language in languages]
    _check_folder(out, [f"{document}.{language}" for document, language in pages], force=force)
    known = _gather(config, operator, state)
    out.mkdir(parents=True, exist_ok=True)
    rendered = {page: render(*page, known, also=len(languages) > 1) for page in pages}
    files = [f"{document}.{language}.html" for document, language in pages]
    for page, name in zip(pages, files, strict=True):
        (out / name).write_text(rendered[page].html, "utf-8")
    files, missing = _pdfs(out, rendered, files)
    if operator is None and not (out / "operator.yaml").exists():
        from parvis.privacy.operator_file import EXAMPLE

        shutil.copyfile(EXAMPLE, out / "operator.yaml")
    _tell(known, out, files, _blanks(rendered), missing, json_=json_)


def _check_folder(out: Path, stems: list[str], *, force: bool) -> None:
    taken = [f"{stem}.html" for stem in stems if (out / f"{stem}.html").exists()]
    if taken and not force:
        raise ConfigError(
            f"--out {out}: {taken[0]} is already there, and somebody may have filled in its blanks. Name another"
            " folder, or replace the papers with --force."
        )
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: this is a file. Name a folder.")


def _gather(config: Path, operator: Path | None, state: Path | None) -> Facts:
    from edge.cli_parts import progress
    from edge.config import load_config
    from parvis.privacy.documents import facts
    from parvis.privacy.minute import last_minute
    from parvis.privacy.operator_file import load_operator
    from parvis.privacy.site import site_of

    box, who = load_config(config), load_operator(operator)
    spool = (state or config.parent / "state") / "spool.db"
    with progress() as bar:
        tasks = {camera.id: bar.add_task(camera.id, total=1.0, visible=False) for camera in box.cameras}
        minute = last_minute(
            box,
            config.parent,
            spool,
            lambda name, share: bar.update(tasks[name], completed=share, visible=True),
        )
    return facts(site_of(box), who, minute, datetime.now(UTC))


def _pdfs(
    out: Path, rendered: dict[tuple[str, str], Rendered], files: list[str]
) -> tuple[list[str], str | None]:
    """The papers as PDF too; the names of all files, and why there are no PDFs."""
    from server.pdf import NoPdfError, pdf_of, ready

    try:
        ready()
    except NoPdfError as exc:
        return files, str(exc)
    made: list[str] = []
    for (document, language), paper in rendered.items():
        if document == "box-page":
            continue  # a page to be clicked through, and long: it stays a page
        made.append(f"{document}.{language}.pdf")
        (out / made[-1]).write_bytes(pdf_of(paper.html))
    return files + made, None


def _blanks(rendered: dict[tuple[str, str], Rendered]) -> dict[str, list[str]]:
    """Each blank and the papers that it is in."""
    found: dict[str, list[str]] = {}
    for (document, _), paper in rendered.items():
        for key in paper.blanks:
            papers = found.setdefault(key, [])
            if document not in papers:
                papers.append(document)
    return found


def _tell(
    known: Facts,
    out: Path,
    files: list[str],
    blanks: dict[str, list[str]],
    missing: str | None,
    *,
    json_: bool,
) -> None:
    minute = known.minute
    if missing is not None:
        err.print(f"warning: {missing}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if json_:
        print(
            json.dumps(
                {
                    "device": known.site.device,
                    "out": str(out),
                    "files": files,
                    "minute": {
                        "source": minute.source,
                        "records": len(minute.records),
                        "seconds": minute.seconds,
                        "json_bytes": minute.json_bytes if minute.records else 0,
                        "sent_bytes": minute.sent_bytes if minute.records else 0,
                    },
                    "blanks": blanks,
                    "no_pdf": missing,
                }
            )
        )
        return
    for name in files:
        print(out / name)
    where = {"spool": "the box's spool", "recording": "a run over the recording", "nothing": "nowhere yet"}
    err.print(
        f"last minute: from {where[minute.source]}, {len(minute.records)} records"
        + (f", {minute.sent_bytes} bytes as sent" if minute.records else ""),
        highlight=False,
    )
    for title, start, remedy in (
        (
            "not in the operator's file",
            "operator.",
            "write them into a file like operator.yaml, --operator FILE",
        ),
        ("to fill in by hand", "hand.", "in the papers named"),
    ):
        keys = [key for key in blanks if key.startswith(start)]
        if keys:
            err.print(f"{len(keys)} blanks {title} ({remedy}):", highlight=False)
            for key in keys:
                err.print(f"  {key.removeprefix(start)}: {', '.join(blanks[key])}", highlight=False)
