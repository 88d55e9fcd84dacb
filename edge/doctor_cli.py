"""``parvis edge doctor``: is this box ready, and if not, what to do. Results go to stdout."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.text import Text

from edge.cli_parts import ConfigOption, JsonOption

if TYPE_CHECKING:
    from edge.doctor_line import Line

RED_EXIT: Final = 9
_STYLES: Final = {"green": "green", "yellow": "yellow", "red": "bold red"}


def doctor(
    config: ConfigOption,
    state: Annotated[
        Path | None, typer.Option(help="Folder of the spool. Default: `state` next to the configuration.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long to look at each camera.")] = 5.0,
    json_: JsonOption = False,
) -> None:
    """Check all that a box needs: configuration, model, cameras, clock, disk, server, power, service.

    Green is right, yellow may be, red must be mended; each comes with what to do. Nothing is counted or sent.
    """
    from edge.config import load_config
    from edge.doctor import Doctor
    from edge.doctor_line import worst

    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(message)s", stream=sys.stderr)
    out = Console(highlight=False, soft_wrap=True)
    box = load_config(config)
    lines: list[Line] = []
    for line in Doctor(box, config.parent, state or config.parent / "state", seconds).lines():
        lines.append(line)
        if not json_:
            _show(out, line)
    verdict = worst(lines)
    if json_:
        print(json.dumps({"verdict": verdict, "lines": [line.as_dict() for line in lines]}))
    else:
        said = {
            "green": "all is well",
            "yellow": "usable; look at what is yellow",
            "red": "not ready: mend what is red",
        }
        out.print(Text(said[verdict], style=_STYLES[verdict]))
    if verdict == "red":
        raise typer.Exit(RED_EXIT)


def _show(out: Console, line: Line) -> None:
    out.print(
        Text.assemble((f"{line.colour:<7}", _STYLES[line.colour]), (f"{line.check}: ", "bold"), line.message)
    )
    if line.remedy:
        out.print(Text(f"         → {line.remedy}"))
