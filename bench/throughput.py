"""How fast the whole pipeline is beside the bare network, and how much memory it takes.

    python -m bench.throughput [--video V] [--config C] [--model M] [--rounds N] [--json]

Each round runs, one after the other and in processes of their own, (a) nothing but ``session.run`` on the frames
of the video, prepared outside the clock, and (b) ``parvis edge replay``. Same frames, model, input and threads.
What counts is the median of the rounds' ratios: absolute times belong to the machine. On a busy one they scatter;
``share``, the network's part of the time of one replay, does not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def bare(video: Path, config: Path, model: Path | None) -> dict[str, float]:
    """Frames a second of ``session.run`` alone."""
    from edge.config import load_config
    from edge.replay import build_detector
    from edge.video_file import VideoFile

    box = load_config(config)
    detector = build_detector(box, config.parent, box.cameras[0], model, spinning=True)
    spent, frames = 0.0, 0
    with VideoFile(video) as source:
        for frame in source:
            blob = detector.preprocess(frame.image)
            if frames == 0:
                detector.infer(blob)  # the first run also plans memory
            began = time.perf_counter()
            detector.infer(blob)
            spent += time.perf_counter() - began
            frames += 1
    return {"frames": frames, "fps": frames / spent, "ms": 1000 * spent / frames}


def inside(video: Path, config: Path, model: Path | None) -> float:
    """The network's share of a replay's time within one process: what a neighbour takes, both lose."""
    from datetime import UTC, datetime

    from edge.config import load_config
    from edge.replay import Replay, build_detector
    from edge.video_file import VideoFile

    box = load_config(config)
    camera, spent = box.cameras[0], 0.0
    detector = build_detector(box, config.parent, camera, model, spinning=True)
    infer = detector.infer

    def timed(blob: Any) -> Any:
        nonlocal spent
        began = time.perf_counter()
        try:
            return infer(blob)
        finally:
            spent += time.perf_counter() - began

    detector.infer = timed  # type: ignore[method-assign]
    with VideoFile(video) as source:
        counted = Replay(source, box, camera, detector, datetime(2026, 1, 1, tzinfo=UTC))
        began = time.perf_counter()
        for _ in counted.bodies():
            pass
    return spent / (time.perf_counter() - began)


def replay(video: Path, config: Path, model: Path | None) -> dict[str, float]:
    """One ``parvis edge replay`` as a process: its frames a second, peak memory and time to the first frame."""
    command = [
        sys.executable,
        "-m",
        "parvis",
        "edge",
        "replay",
        str(video),
        "--config",
        str(config),
        "--json",
    ]
    if model is not None:
        command += ["--model", str(model)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    ) as child:
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        out = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"replay failed with exit code {child.returncode}")
    told = json.loads(out.splitlines()[-1])
    return {"fps": told["fps"], "first_frame_s": told["first_frame_s"], "rss_mb": usage.ru_maxrss / 1000}


def measure(video: Path, config: Path, model: Path | None, rounds: int) -> dict[str, Any]:
    """Medians over the rounds."""
    bares, replays = [], []
    for _ in range(rounds):
        options = ["--video", str(video), "--config", str(config)] + (
            ["--model", str(model)] if model else []
        )
        done = subprocess.run(
            [sys.executable, "-m", "bench.throughput", "--bare", *options],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        bares.append(json.loads(done.stdout.splitlines()[-1]))
        replays.append(replay(video, config, model))
    bare_fps = statistics.median(item["fps"] for item in bares)
    fps = statistics.median(item["fps"] for item in replays)
    # Paired: the two runs of a round follow each other, so a neighbour's burst hits one round, not the result.
    ratios = [b["fps"] / a["fps"] for a, b in zip(bares, replays, strict=True)]
    return {
        "video": video.name,
        "frames": bares[0]["frames"],
        "rounds": rounds,
        "bare_fps": round(bare_fps, 1),
        "replay_fps": round(fps, 1),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "share": round(statistics.median(inside(video, config, model) for _ in range(rounds)), 3),
        "rss_mb": round(max(item["rss_mb"] for item in replays), 1),
        "first_frame_s": max(item["first_frame_s"] for item in replays),
    }


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--video", type=Path, default=ROOT / "sample_videos" / "square.mp4")
    parser.add_argument("--config", type=Path, default=ROOT / "sample_videos" / "square.yaml")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.bare:
        print(json.dumps(bare(asked.video, asked.config, asked.model)))
        return
    result = measure(asked.video, asked.config, asked.model, asked.rounds)
    print(
        f"{result['video']}: session.run alone {result['bare_fps']} frames/s, edge replay {result['replay_fps']},"
        f" ratio {result['ratio']} ({min(result['ratios'])} to {max(result['ratios'])}); of a replay's time the network takes {result['share']}; {result['rss_mb']} MB;"
        f" first frame after {result['first_frame_s']} s",
        file=sys.stderr if asked.json else sys.stdout,
    )
    if asked.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
