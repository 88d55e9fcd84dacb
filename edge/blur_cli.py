"""``parvis edge blur``. Part of the composition root."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli_parts import FacesOption, JsonOption, err, progress
from edge.errors import CameraError

if TYPE_CHECKING:
    from edge.blur import BlurResult


def blur(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="A video, a picture or a folder of pictures.")
    ],
    out: Annotated[Path, typer.Option(help="An .mp4 for a video, a picture or a folder for pictures.")],
    model: Annotated[
        str, typer.Option(help="Finds people and vehicles: starter, or an .onnx file.")
    ] = "starter",
    size: Annotated[int, typer.Option(help="Longer side, pixels, at which it looks.")] = 640,
    faces: FacesOption = "centerface",
    plates: Annotated[
        str,
        typer.Option(
            metavar="bundled|none|FILE",
            help="What looks for plates beside the boxes of vehicles: the bundled network, a YOLO-family .onnx file, or nothing.",
        ),
    ] = "bundled",
    json_: JsonOption = False,
) -> None:
    """Mask people, faces and number plates in a video or in pictures, with opaque fill. Sound and metadata are dropped.

    What cannot be masked comes out black. No mask finds everybody: `python -m bench.blur` says how many it misses.
    """
    from edge.blur import CONFIDENCE, blur_pictures, blur_video, finders_of, plan
    from edge.detect import OnnxDetector, resolve_model
    from edge.video_file import VideoFile

    pairs = plan(source, out)
    detector = OnnxDetector(resolve_model(model), confidence=CONFIDENCE, input_size=size, spinning=True)
    finders = finders_of(faces, plates, pictures=bool(pairs))
    with progress() as bar:
        if pairs:
            task = bar.add_task(source.name, total=len(pairs))
            result = blur_pictures(pairs, detector, finders, lambda: bar.advance(task))
        else:
            with VideoFile(source) as video:
                task = bar.add_task(source.name, total=video.frames)
                result = blur_video(video, out, detector, finders, lambda: bar.advance(task))
    _tell(result, out, json_)
    if result.warning:
        raise CameraError(result.warning)
    if result.unread:
        names = ", ".join(result.unread[:5]) + (" …" if len(result.unread) > 5 else "")
        raise CameraError(
            f"{len(result.unread)} pictures could not be read and were not written: {names}. Convert them to PNG or JPEG."
        )


def _tell(result: BlurResult, out: Path, json_: bool) -> None:
    black = sum(result.black.values())
    if json_:
        share = result.mask_s / result.detector_s if result.detector_s else None
        print(
            json.dumps(
                {
                    "frames": result.frames,
                    "black": result.black,
                    "unread": result.unread,
                    "wall_s": round(result.wall_s, 3),
                    "mask_share_of_detector": None if share is None else round(share, 3),
                    "out": str(out),
                    "warning": result.warning,
                }
            )
        )
        return
    rate = result.frames / result.wall_s if result.wall_s else 0.0
    err.print(f"{out}: {result.frames} pictures masked in {result.wall_s:.1f} s, {rate:.1f} a second")
    for reason, count in sorted(result.black.items()):
        err.print(f"{count} of them black: {reason}", style="yellow")
    if not black:
        err.print("none had to be made black")
