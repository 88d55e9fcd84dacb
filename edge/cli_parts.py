"""What the box's commands share: options, the progress bar, the choice of a camera. Part of the composition root."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from contract.messages import parse_time
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.config import BoxConfig, CameraEntry

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The box's YAML file.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object as the last line of stdout.")]
FacesOption = Annotated[
    str,
    typer.Option(
        metavar="centerface|none|FILE",
        help="What looks for faces beside the boxes of people: centerface, a YuNet .onnx file, or nothing.",
    ),
]
err = Console(stderr=True)


def choose_camera(box: BoxConfig, name: str | None, config: Path) -> CameraEntry:
    """The camera of that name, or the only one (else ConfigError)."""
    ids = [camera.id for camera in box.cameras]
    if name is None and len(ids) > 1:
        raise ConfigError(f"{config} has several cameras: say which with --camera ({', '.join(ids)}).")
    if name is not None and name not in ids:
        raise ConfigError(f"{config} has no camera '{name}'. Known: {', '.join(ids)}.")
    return box.cameras[0 if name is None else ids.index(name)]


def start_time(text: str) -> datetime:
    """What ``--start`` says (else ConfigError)."""
    try:
        return parse_time(text).astimezone(UTC)
    except ValueError as exc:
        raise ConfigError(f"--start: {exc} (got {text!r}).") from exc


def open_out(path: Path) -> TextIO:
    """The file of ``--out``, for records, one a line (else ConfigError)."""
    try:
        return path.open("w", encoding="ascii")
    except OSError as exc:
        raise ConfigError(f"--out {path}: cannot be written ({exc.strerror}). Choose another place.") from exc


def progress() -> Progress:
    """A progress bar on stderr, silent where stderr is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total}"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
