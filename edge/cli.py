"""``parvis edge``: the box's commands. Results go to stdout, progress and logs to stderr.

Heavy imports (OpenCV, ONNX Runtime) wait inside the commands, so that ``parvis --help`` answers at once and a
server without the box's packages can still load this module.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from contract.batch import stamp
from contract.messages import canonical
from edge.blur_cli import blur
from edge.cli_parts import (
    ConfigOption,
    FacesOption,
    JsonOption,
    choose_camera,
    err,
    open_out,
    progress,
    start_time,
)
from edge.doctor_cli import doctor
from edge.errors import CameraError
from edge.outbox_cli import outbox_app, status
from edge.support_cli import support
from edge.zones_cli import zones_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge.counters import CameraCounters
    from edge.pipeline import Pipeline
    from edge.records import Detections, Frame
    from edge.replay import Replay, ReplayResult
    from edge.replay_report import ReplayReport

app = typer.Typer(no_args_is_help=True, help="The box next to the camera.")
app.add_typer(zones_app, name="zones")
app.add_typer(outbox_app, name="outbox")
app.command()(blur)
app.command()(doctor)
app.command()(status)
app.command()(support)
_START = "2026-01-01T00:00:00Z"


@app.command()
def run(
    config: ConfigOption,
    state: Annotated[
        Path | None, typer.Option(help="Folder of the spool. Default: `state` next to the configuration.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    """Count until stopped (SIGTERM or Ctrl-C); closes the open interval before it ends."""
    from edge.config import load_config
    from edge.service import Service

    _dump_nothing()
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(levelname)s %(message)s",
        stream=sys.stderr,
    )
    logging.getLogger("httpx").setLevel(logging.WARNING)
    box = load_config(config)
    if box.interval_s < 60:
        err.print(
            f"warning: interval_s is {box.interval_s}; a live box should use 60 or more.", style="yellow"
        )
    service = Service(box, config.parent, state or config.parent / "state")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    service.run(stop)


def _dump_nothing() -> None:
    """No file of a crash: it would hold the last pictures, and the token.

    The limit is what children inherit and what an administrator sees; a kernel that pipes its dumps to a program
    ignores it, but asks whether the process may be dumped at all. One byte is what a capture process may allow itself
    (`edge.capture`), and no unprivileged process can raise a limit that it was born with.
    """
    import ctypes
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0 if hard == 0 else 1))
    ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE


@app.command()
def replay(
    video: Annotated[Path, typer.Argument(help="A video file; it replaces the camera's source.")],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The box's YAML file.", show_default=False)
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="A.yaml B.yaml", help="Instead: what two configurations count differently."),
    ] = None,
    camera: Annotated[
        str | None, typer.Option(help="Which camera's zones; needed when there are several.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write records here, one a line. Default: stdout.")] = None,
    model: Annotated[Path | None, typer.Option(help="An .onnx file instead of the configured one.")] = None,
    start: Annotated[str, typer.Option(help="UTC time of the first frame.")] = _START,
    preview: Annotated[Path | None, typer.Option(help="Write a masked video with zones and counts.")] = None,
    faces: FacesOption = "centerface",
    skip_still: Annotated[
        bool, typer.Option("--skip-still", help="Spare the detector still frames, as a live box does.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Count a recorded video as fast as the machine goes; write one wire record per line; send nothing.

    With --compare A.yaml B.yaml: count it under both and show the totals that differ; --out then takes the differing
    records, one {"a": …, "b": …} a line.
    """
    # Beyond the zones somebody may come who is not looked for until the next look: a mask must not be late.
    _refuse(skip_still and preview is not None, "--skip-still", "a preview looks at every frame")
    if compare is not None:
        _refuse(config is not None, "--config", "--compare names both configurations")
        _refuse(preview is not None, "--preview", "a preview shows one configuration")
        _refuse(skip_still, "--skip-still", "both are counted looking at every frame")
        from edge.compare_cli import run_compare

        run_compare(video, compare, camera, model, start_time(start), out, json_=json_)
        return
    if config is None:
        raise typer.BadParameter("is required; name the box's YAML file", param_hint="--config")
    from edge.config import load_config
    from edge.replay import Replay, build_detector
    from edge.replay_report import ReplayReport
    from edge.video_file import VideoFile

    box = load_config(config)
    chosen = choose_camera(box, camera, config)
    at = start_time(start)
    with VideoFile(video) as source:
        detector = build_detector(box, config.parent, chosen, model, spinning=True)
        job = Replay(source, box, chosen, detector, at, skip_still=skip_still)
        report = ReplayReport(job)
        records, result = _write(job, video, box.device, out, (preview, faces, detector.again), json_, report)
    _tell(result, records, json_, out, report)
    if result.warning:
        raise CameraError(result.warning)


@app.command()
def validate(config: ConfigOption, json_: JsonOption = False) -> None:
    """Check a configuration and say what it counts, without a camera."""
    from edge.config import load_config

    box = load_config(config)
    cameras = [
        {
            "camera": camera.id,
            "zones": [
                {"zone": zone.id, "kind": zone.kind, "classes": zone.wire().classes} for zone in camera.zones
            ],
            "lines": [{"line": line.id, "classes": line.classes} for line in camera.lines],
        }
        for camera in box.cameras
    ]
    if json_:
        print(json.dumps({"device": box.device, "interval_s": box.interval_s, "cameras": cameras}))
        return
    for camera in box.cameras:
        print(f"{camera.id}: {len(camera.zones)} zones, {len(camera.lines)} lines every {box.interval_s} s")
        for zone in camera.zones:
            print(f"  {zone.kind} {zone.id}: {', '.join(zone.wire().classes)}")
        for line in camera.lines:
            print(f"  line {line.id}: {', '.join(line.classes)}")


def _refuse(given: bool, option: str, why: str) -> None:
    if given:
        raise typer.BadParameter(f"{why}; leave {option} out", param_hint=option)


def _write(
    job: Replay,
    video: Path,
    device: str,
    out: Path | None,
    preview: tuple[Path | None, str, Callable[[float], Detections]],
    json_: bool,
    report: ReplayReport,
) -> tuple[int, ReplayResult]:
    from edge.overlay import preview_watch

    sink: TextIO | None = None if json_ and out is None else sys.stdout
    if out is not None:
        sink = open_out(out)
    seq = 0
    try:
        with preview_watch(preview[0], job, *preview[1:]) as watch, progress() as bar:
            task = bar.add_task(video.name, total=job.frames)

            def each(frame: Frame, pipeline: Pipeline, counters: CameraCounters) -> None:
                bar.advance(task)
                report.frame(frame, pipeline, counters)
                watch(frame, pipeline, counters)

            for body in job.bodies(each):
                report.record(body)
                if sink is not None:
                    print(canonical(stamp(body, device=device, run=job.run, seq=seq)), file=sink)
                seq += 1
    finally:
        if out is not None and sink is not None:
            sink.close()
    return seq, job.result


def _tell(result: ReplayResult, records: int, json_: bool, out: Path | None, report: ReplayReport) -> None:
    rate = result.frames / result.wall_s if result.wall_s else 0.0
    if json_:
        print(
            json.dumps(
                {
                    "records": records,
                    "frames": result.frames,
                    "seconds": round(result.seconds, 3),
                    "wall_s": round(result.wall_s, 3),
                    "fps": round(rate, 1),
                    "first_frame_s": _first_frame_s(result),
                    "out": None if out is None else str(out),
                    "warning": result.warning,
                    **report.summary(),
                }
            )
        )
        return
    err.print(
        f"{records} records of {result.frames} frames ({result.seconds:.1f} s of video) in {result.wall_s:.1f} s,"
        f" {rate:.0f} frames a second"
    )
    for table in report.tables():
        err.print(table)
    for line in (*report.ground_lines(), *report.case_lines()):
        err.print(line, markup=False, highlight=False, soft_wrap=True)


def _first_frame_s(result: ReplayResult) -> float | None:
    """Seconds from the start of this process, imports included, to the first frame counted."""
    import psutil

    if result.first_frame_at is None:
        return None
    return round(result.first_frame_at - float(psutil.Process().create_time()), 2)
