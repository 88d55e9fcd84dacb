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
) -> None:
    """Run the whole chain on three sample scenes: no camera, no account, nothing to configure."""
    from parvis.demo import run_demo
    from parvis.local_server import local_server

    err, out = Console(stderr=True, highlight=False), Console(highlight=False)
    with ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parvis-demo-")))
        if folder.exists() and any(folder.iterdir()):
            raise typer.BadParameter(f"{folder} is not empty; name a new folder", param_hint="--data")
        folder.mkdir(parents=True, exist_ok=True)
        server = stack.enter_context(local_server(folder / "server", "box-demo", port))
        with _bar(err) as bar:
            tasks: dict[str, TaskID] = {}

            def progress(scene: str, done: int, total: int) -> None:
                if scene not in tasks:
                    tasks[scene] = bar.add_task(_TITLES.get(scene, scene), total=total)
                bar.update(tasks[scene], completed=done)

            result = run_demo(folder, server, datetime.now(UTC), progress)
        (err if json_ else out).print(_table(result), _summary(result))
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


def _table(result: DemoResult) -> Table:
    from parvis.tally import mean_is_right

    table = Table(title="Counted against true", title_justify="left")
    for heading in ("Scene", "Zone or line", "Class"):
        table.add_column(heading)
    for heading in ("Mean", "True", "Error", "Peak", "Entries/in", "Exits/out"):
        table.add_column(heading, justify="right")
    for scene in result.scenes:
        name = _TITLES.get(scene["name"], scene["name"])
        for row in scene["zones"]:
            counted, true = row["counted"], row["true"]
            error = counted["mean"] - true["mean"]
            colour = "green" if mean_is_right(counted["mean"], true["mean"]) else "red"
            table.add_row(
                name,
                row["zone"],
                row["class"],
                f"{counted['mean']:.2f}",
                f"{true['mean']:.2f}",
                f"[{colour}]{error:+.2f}[/]",
                _pair(counted, true, "peak"),
                _pair(counted, true, "entries"),
                _pair(counted, true, "exits"),
            )
        for row in scene["lines"]:
            counted, true = row["counted"], row["true"]
            sides = (_pair(counted, true, "in"), _pair(counted, true, "out"))
            table.add_row(name, f"{row['line']} (line)", row["class"], "", "", "", "", *sides)
        table.add_section()
    table.caption = "Counts are written counted/true. Mean: objects, or occupied bays, over the whole scene."
    table.caption_justify = "left"
    return table


def _pair(counted: dict[str, Any], true: dict[str, Any], figure: str) -> str:
    return f"{counted[figure]}/{true[figure]}"


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
