"""What the commands of the server share: options, an open store, and how results and failures are told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from server.errors import ServerError
from server.settings import Settings
from server.store.base import Store
from server.store.sqlite import open_store

Data = Annotated[Path, typer.Option("--data", help="Folder of the database.", envvar="PARVIS_DATA")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def say(text: str) -> None:
    """Tell people something that is no result."""
    print(text, file=sys.stderr)


@contextmanager
def reported() -> Iterator[None]:
    """Print an expected failure as one paragraph and end with its code."""
    try:
        yield
    except ServerError as exc:
        say(f"error: {exc}")
        raise typer.Exit(exc.exit_code) from exc


def with_store(data: Path, action: Callable[[Store], Any]) -> Any:
    """Do something with the store of a data folder."""
    with reported():
        store = open_store(Settings(data_dir=data).database)
        try:
            return action(store)
        finally:
            store.close()


def when(at: int | None) -> str | None:
    """The wire spelling of a time."""
    return None if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(row: dict[str, Any]) -> str:
    return "  ".join(f"{key}={'-' if value is None else value}" for key, value in row.items())


def show(rows: list[dict[str, Any]], as_json: bool, empty: str, under: str = "") -> None:
    """Print rows, a line each; as JSON, a list, or an object with the list under that name."""
    if as_json:
        print(json.dumps({under: rows} if under else rows))
    elif not rows:
        say(empty)
    for row in [] if as_json else rows:
        print(_line(row))


def done(result: dict[str, Any], text: str, as_json: bool) -> None:
    """Tell that something was done."""
    if as_json:
        print(json.dumps(result))
    else:
        say(text)
