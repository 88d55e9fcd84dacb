"""``parvis edge zones``: commands about what is drawn. Findings go to stdout, progress to stderr."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.cli_parts import ConfigOption, JsonOption, choose_camera, progress
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.config import BoxConfig, CameraEntry
    from edge.measured import Measured
    from edge.zone_check import Checked

zones_app = typer.Typer(no_args_is_help=True, help="Zones, bays and count lines of a configuration.")
_STYLES = {"error": "bold red", "warning": "yellow", "info": "cyan"}


@zones_app.callback()
def _group() -> None:
    """Zones, bays and count lines of a configuration."""


@zones_app.command()
def check(
    config: ConfigOption,
    camera: Annotated[str | None, typer.Option(help="Only this camera. Default: all.")] = None,
    video: Annotated[
        Path | None, typer.Option(help="Measure on this recording instead of the camera.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=2, max=3600, help="How long to look.")] = 20.0,
    static: Annotated[
        bool, typer.Option("--static", help="Check the drawing only: no camera, no model.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A warning fails the check too.")] = False,
    json_: JsonOption = False,
) -> None:
    """Say what will miscount and how to mend it: lines at the frame's edge, thin zones, objects too small.

    Looks at the camera for a moment with the configured model, so that everything is judged against the objects
    that really pass. Nothing is recorded or sent. Each finding is explained in docs/zones.md.
    """
    from edge.config import load_config

    box = load_config(config)
    if video is not None and camera is None and len(box.cameras) > 1:
        choose_camera(box, camera, config)  # says which cameras there are
    chosen = box.cameras if camera is None else (choose_camera(box, camera, config),)
    results = [_check(box, entry, config.parent, video, seconds, static=static) for entry in chosen]
    counts = Counter(finding.severity for result in results for finding in result.findings)
    if json_:
        told = {f"{name}s": counts[name] for name in ("error", "warning")}
        print(json.dumps({"cameras": [result.as_dict() for result in results], **told}))
    else:
        out = Console(highlight=False)
        for result in results:
            _show(out, result)
    fault = next((result.fault for result in results if result.fault is not None), None)
    if fault is not None:
        raise fault
    if counts["error"] or (strict and counts["warning"]):
        raise typer.Exit(ConfigError.exit_code)


def _check(
    box: BoxConfig, entry: CameraEntry, base: Path, video: Path | None, seconds: float, *, static: bool
) -> Checked:
    from edge.zone_check import check_camera, check_drawing

    if static:
        return check_drawing(box, entry)
    with progress() as bar:
        task = bar.add_task(f"looking at {entry.id}, s", total=seconds)
        return check_camera(box, entry, base, video, seconds, lambda seen: bar.update(task, completed=seen))


def _show(out: Console, result: Checked) -> None:
    """The findings of one camera with their remedies, and what they rest on."""
    counts = Counter(finding.severity for finding in result.findings)
    parts = [
        f"{counts[name]} {name}{'s' * (counts[name] > 1)}" for name in ("error", "warning") if counts[name]
    ]
    if counts["info"]:
        parts.append(f"{counts['info']} to note")
    out.print(Text(f"camera {result.camera}: {', '.join(parts) or 'nothing to mend'}", style="bold"))
    out.print(Text(f"  {_basis(result)}", style="dim"))
    grid = Table.grid(padding=(0, 2, 0, 0))
    for finding in result.findings:
        what = Text(f"{finding.where} ({finding.code})", style="bold")
        grid.add_row("", Text(finding.severity, style=_STYLES[finding.severity]), what)
        grid.add_row("", "", Text(finding.message[0].upper() + finding.message[1:]))
        grid.add_row("", "", Text(f"→ {finding.remedy}"))
    if result.findings:
        out.print(grid)


def _basis(result: Checked) -> str:
    if result.fault is not None:
        return "only the drawing was checked: the camera could not be measured, see below"
    if result.measured is None:
        return "only the drawing was checked (--static)"
    run = result.measured
    return f"measured over {run.seconds:.0f} s at {run.fps:.1f} frames a second: {_sizes(run)}"


def _sizes(measured: Measured) -> str:
    from edge.findings import PLURAL

    said = [
        f"{PLURAL[group]} ({sizes.objects}) {min(band.height for band in sizes.bands):.2f} to"
        f" {max(band.height for band in sizes.bands):.2f} of the frame high"
        for group, sizes in measured.groups.items()
    ]
    return "; ".join(said) or "nothing was seen"
