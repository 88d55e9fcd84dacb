"""`parvis server simulate`: an invented town, for demonstrations, load tests and the forecast's benchmark."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from contract.messages import parse_time
from server.cli_parts import AsJson, Data, say, with_store
from server.store.base import Store

if TYPE_CHECKING:
    from server.simulate import Wish
    from server.simulate_run import Written
    from server.sites import SchoolZone


def _end(text: str | None) -> int:
    if text is None:
        return int(time.time())
    return int(parse_time(text).timestamp())


def bar() -> Progress:
    """A bar on stderr, for people only."""
    console = Console(stderr=True, highlight=False)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def fill(store: Store, wish: Wish, school: SchoolZone = "B") -> Written:
    """Write a town, with a bar."""
    from server.simulate_run import write

    with bar() as shown:
        task = shown.add_task(f"{wish.sites} sites", total=1.0)
        return write(store, wish, lambda share: shown.update(task, completed=share), school)


def simulate(
    data: Data,
    sites: Annotated[int, typer.Option(help="Sites of the town, 1 to 200.")] = 8,
    months: Annotated[float, typer.Option(help="Length of the series.")] = 3.0,
    seed: Annotated[int, typer.Option(help="The same seed and end give the same town.")] = 1,
    end: Annotated[
        str | None, typer.Option(metavar="UTC", help="2026-11-21T10:00:00Z. Default: now.")
    ] = None,
    interval: Annotated[int, typer.Option(help="Seconds of a record: 60, 300 or 900.")] = 900,
    school: Annotated[str, typer.Option(help="Academic zone of its schools: A, B or C.")] = "B",
    as_json: AsJson = False,
) -> None:
    """Invent a French town in a new folder: months of plausible records, faults and gaps included."""
    from server.simulate import Wish
    from server.simulate_run import calendar_of

    if school not in {"A", "B", "C"}:
        raise typer.BadParameter(
            f"the academic zone must be A, B or C (got {school!r})", param_hint="--school"
        )
    try:
        at = _end(end)
        wish = Wish(sites, months, seed, at, interval)
        wish = Wish(sites, months, seed, at, interval, calendar=calendar_of(wish.start, at, school))
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    written: Written = with_store(data, lambda store: fill(store, wish, cast("SchoolZone", school)))
    if as_json:
        print(json.dumps(written.as_dict()))
        return
    since = datetime.fromtimestamp(wish.start, UTC).strftime("%Y-%m-%d")
    print(
        f"{sum(written.records.values())} records of {sites} sites since {since}: {written.accepted} accepted,"
        f" {written.rejected} rejected, {written.quarantined} in quarantine; {written.seconds:.0f} s,"
        f" {written.per_s:.0f} records a second"
    )
    say(
        f"Next: parvis server admin user add marie --role planner --data {data}\n"
        f"      parvis server run --data {data}"
    )
