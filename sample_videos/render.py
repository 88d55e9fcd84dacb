"""Renders the sample scenes: video, exact truth and edge configuration; or labelled stills for training.

    python -m sample_videos.render                              the three shipped scenes
    python -m sample_videos.render --scene street --seed 7 --out /tmp/x
    python -m sample_videos.render --stills 20 --seed 1000 --out /tmp/train
    python -m sample_videos.render --scene anywhere --stills 6 --seed 1000 --out /tmp/train

Drawn frames are kept under --work and not drawn again, so that an interrupted run can be resumed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from . import ambience, blender, config, masks, scenes, stills, truth
from .world import FPS, HEIGHT, WIDTH, Scene

HERE = Path(__file__).parent


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m sample_videos.render", description=__doc__.split("\n")[0] if __doc__ else None
    )
    p.add_argument("--scene", choices=[*scenes.STILLS, "all"], default="all")
    p.add_argument("--seed", type=int, default=ambience.DEFAULT_SEED)
    p.add_argument(
        "--frames",
        default="",
        metavar="A:B",
        help="only these frames, B excluded; no video is made of a part",
    )
    p.add_argument(
        "--every", type=int, default=1, metavar="K", help="only every K-th frame; no video is made of a part"
    )
    p.add_argument("--out", type=Path, default=HERE, metavar="DIR")
    p.add_argument("--work", type=Path, default=None, metavar="DIR", help="where drawn frames are kept")
    p.add_argument(
        "--stills",
        type=int,
        default=0,
        metavar="N",
        help="N random moments per scene as JPEG with YOLO labels; of the scene `anywhere` up to 6",
    )
    p.add_argument("--processes", type=int, default=1, help="Blender processes at once")
    return p.parse_args(argv)


def encode(folder: Path, target: Path, frames: int) -> None:
    """Frames to H.264, small enough to ship, with a key frame every 2 s."""
    blender.require("ffmpeg")
    command = ["ffmpeg", "-y", "-loglevel", "error", "-framerate", str(FPS), "-i", str(folder / "%06d.jpg"), "-frames:v", str(frames),
               "-c:v", "libx264", "-preset", "slow", "-crf", "23", "-maxrate", "360k", "-bufsize", "900k", "-g", "12", "-bf", "2",
               "-vf", "scale=out_range=tv", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-map_metadata", "-1", str(target)]  # fmt: skip
    subprocess.run(command, check=True)


def video(scene: Scene, args: argparse.Namespace, work: Path) -> None:
    """Draw the frames asked for and, when they are all of them, write video, truth and configuration."""
    first, _, last = args.frames.partition(":")
    wanted = range(int(first or 0), min(int(last or scene.frames), scene.frames), args.every)
    folder = work / f"{scene.name}-{scene.seed}"
    blender.draw(scene.name, scene.seed, [(k, k / FPS) for k in wanted], folder, args.processes)
    if len(wanted) < scene.frames:
        print(f"{scene.name}: {len(wanted)} frames under {folder}", file=sys.stderr)
        return
    measured = [masks.measure(scene, k / FPS, masks.picture_of_numbers(folder, k)) for k in wanted]
    args.out.mkdir(parents=True, exist_ok=True)
    encode(folder, args.out / f"{scene.name}.mp4", scene.frames)
    document = truth.document(scene, measured, FPS, WIDTH, HEIGHT)
    (args.out / f"{scene.name}.truth.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
    (args.out / f"{scene.name}.yaml").write_text(config.yaml_text(scene))
    print(f"{scene.name}: video, truth and configuration in {args.out}", file=sys.stderr)


def main(argv: list[str] | None = None) -> None:
    """Render what the command line asks for."""
    args = parse(argv)
    if args.scene == scenes.STILLS[-1] and not args.stills:
        sys.exit("render: nothing moves in the scene `anywhere`; ask for --stills N")
    work = args.work or Path(tempfile.gettempdir()) / "parvis-frames"
    for name in scenes.NAMES if args.scene == "all" else (args.scene,):
        scene = scenes.build(name, args.seed)
        if args.stills:
            stills.stills(scene, args.stills, args.out, work, args.processes)
        else:
            video(scene, args, work)


if __name__ == "__main__":
    main()
