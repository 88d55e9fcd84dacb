"""``parvis demo``: runs the demonstration and shows its table."""

from __future__ import annotations

import signal
import tempfile
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from parvis.demo import DemoResult

_TITLES = {"square": "Square", "car_park": "Car park", "street": "Street"}


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the table instead of staying up.")] = False,
    json_: Annotated[
        bool, typer.Option("--json", help="One JSON object as the last line of stdout.")
    ] = False,
    port: Annotated[int | None, typer.Option(help="Port of the pages. Default: 8000, or a free one.")] = None,
    data: Annotated[Path | None, typer.Option(help="Keep the data in this new folder.")] = None,
    town: Annotated[
        bool, typer.Option("--town", help="Show the pages on an invented town with months of data instead.")
    ] = False,
) -> None:
    """Run the whole chain on three sample scenes: no camera, no account, nothing to configure."""
    err, out = Console(stderr=True, highlight=False), Console(highlight=False)
    with ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parvis-demo-")))
        if folder.exists() and any(folder.iterdir()):
            raise typer.BadParameter(f"{folder} is not empty; name a new folder", param_hint="--data")
        folder.mkdir(parents=True, exist_ok=True)
        if town:
            from parvis.town_demo import show_town

            show_town(folder, port, json_=json_, wait=None if once else _wait)
            return
        from parvis.demo import run_demo
        from parvis.local_server import local_server

        server = stack.enter_context(local_server(folder / "server", "box-demo", port))
        with _bar(err) as bar:
            tasks: dict[str, TaskID] = {}

            def progress(scene: str, done: int, total: int) -> None:
                if scene not in tasks:
                    tasks[scene] = bar.add_task(_TITLES.get(scene, scene), total=total)
                bar.update(tasks[scene], completed=done)

            result = run_demo(folder, server, datetime.now(UTC), progress)
        (err if json_ else out).print(*_tables(result), _summary(result), sep="\n")
        if not once:
            err.print(f"\nPages: {server.url}   login: {server.user}   password: {server.password}")
            err.print("Ctrl-C ends the demonstration and removes its data.")
        if json_:
            print(result.as_json(), flush=True)
        if not once:
            _wait()


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} frames"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _tables(result: DemoResult) -> list[Table]:
    from parvis.tally import mean_is_right

    zones = _head("Counted against true", ("Mean", "True", "Error"), ("Peak", "Entries", "Exits"))
    lines = _head("Across the lines", (), ("In", "Out"))
    for scene in result.scenes:
        name = _TITLES.get(scene["name"], scene["name"])
        for row in scene["zones"]:
            counted, true = row["counted"], row["true"]
            colour = "green" if mean_is_right(counted["mean"], true["mean"]) else "red"
            zones.add_row(
                name,
                row["zone"],
                row["class"],
                f"{counted['mean']:.2f}",
                f"{true['mean']:.2f}",
                f"[{colour}]{counted['mean'] - true['mean']:+.2f}[/]",
                *(_pair(row, figure) for figure in ("peak", "entries", "exits")),
            )
        for row in scene["lines"]:
            lines.add_row(name, row["line"], row["class"], _pair(row, "in"), _pair(row, "out"))
        zones.add_section()
    zones.caption = (
        "Mean: objects, or occupied bays, over the whole scene. Other figures are written counted/true."
    )
    zones.caption_justify = "left"
    return [zones, lines]


def _head(title: str, plain: tuple[str, ...], paired: tuple[str, ...]) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for heading in ("Scene", "Zone" if plain else "Line", "Class"):
        table.add_column(heading, no_wrap=True)
    for heading in (*plain, *paired):
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _pair(row: dict[str, Any], figure: str) -> str:
    return f"{row['counted'][figure]}/{row['true'][figure]}"


def _summary(result: DemoResult) -> str:
    records = result.records
    frames = sum(scene["frames"] for scene in result.scenes)
    wall = sum(scene["wall_s"] for scene in result.scenes)
    return (
        f"{frames} frames in {wall:.1f} s. {records['closed']} records closed, {records['accepted']} accepted,"
        f" {records['rejected']} rejected."
    )


def _wait() -> None:
    """Stay up until Ctrl-C or SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1.0):
        pass
