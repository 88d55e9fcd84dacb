"""People on two real sequences with human boxes: average precision of a model, and occupancy error of the box.

    python -m bench.real_people [--model F.onnx …] [--size N …] [--rate R …] [--shared DIR] [--json]

Needs the sequences PETS09-S2L1 and TUD-Campus under DIR/data/sequences (default ../shared); they are not part of
the project. AP: IoU 0.5, read at 101 levels of recall as COCO does (`models.average_precision`), every 8th frame of
PETS09 and every 2nd of TUD-Campus, with the mean error of the count in a frame at confidence .25. Occupancy: PETS09 at
each rate (frames a second), mean absolute error of the 10-second mean occupancy, summed over three zones, as
`python -m bench.counts` measures it next to a baseline.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bench.counts import cases, detections, ours
from bench.counts.detections import CONFIDENCE, Model
from bench.counts.measure import video_figures
from bench.counts.series import windows
from edge.detect import OnnxDetector, resolve_model
from edge.video_file import VideoFile
from models.average_precision import average_precision, joined, match
from models.truths import PEOPLE, human_boxes

ROOT = Path(__file__).parent.parent


def precision(detector: OnnxDetector, folder: Path, step: int) -> dict[str, float]:
    """AP50 of people, as COCO defines it, and the mean count error of a frame."""
    truth = human_boxes(folder)
    parts, errors = [], []
    with VideoFile(folder / "video.mp4") as video:
        for number, frame in enumerate(video):
            if number % step:
                continue
            people = detector.detect(frame.image)
            people = people.where(people.class_id == 0)
            boxes = truth[truth[:, 0] == number, 1:]
            errors.append(abs(int((people.confidence >= CONFIDENCE).sum()) - len(boxes)))
            parts.append((0, people.confidence, *match(people.xyxy, people.confidence, boxes, [])))
    ranking = joined(parts)
    area = float(average_precision(ranking)[0])
    return {"ap50": round(area, 3), "count_error": round(float(np.mean(errors)), 2), "boxes": ranking.boxes}


def occupancy(model: Model, case: cases.Case, rates: list[float], cache: Path) -> list[dict[str, Any]]:
    """Error of the windows' mean occupancy at each rate, by zone and summed: the figures of `bench.counts`."""
    sights = detections.of_video(case.name, case.video, model, cache)
    found = []
    for rate in rates:
        frames = detections.at_rate(sights, rate if rate < case.truth.fps else None)
        counted = ours.count(case.box, frames, windows(case.truth.end))
        zones = video_figures(case.truth, {"ours": counted})["zones"]
        errors = {zone["zone"]: zone["occupancy"]["ours"]["error"] for zone in zones}
        found.append(
            {
                "rate": rate,
                "zones": {name: round(error, 3) for name, error in errors.items()},
                "sum": round(sum(errors.values()), 3),
                "true_sum": round(sum(zone["true_mean"] for zone in zones), 2),
            }
        )
    return found


def measure(path: Path, sizes: list[int], rates: list[float], shared: Path) -> list[dict[str, Any]]:
    """One row for each size: AP on both sequences; at the largest size the occupancy error at each rate."""
    rows = []
    sequences = shared / "data" / "sequences"
    for size in sizes:
        fine = {
            name: precision(OnnxDetector(path, confidence=0.02, input_size=size), sequences / name, step)
            for name, step in PEOPLE.items()
        }
        row: dict[str, Any] = {"model": str(path.name), "size": size, **fine}
        if size == max(sizes):
            (case,) = cases.find("pets", shared, shared)
            row["occupancy"] = occupancy(Model(path, size), case, rates, detections.default_cache())
        rows.append(row)
    return rows


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, action="append")
    parser.add_argument("--size", type=int, action="append")
    parser.add_argument("--rate", type=float, action="append")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    sequences = asked.shared / "data" / "sequences"
    if not sequences.is_dir():
        sys.exit(f"{sequences} is absent: these sequences are not part of the project")
    reference = asked.shared / "models" / "yolo11n.onnx"
    models = asked.model or [resolve_model("starter"), *([reference] if reference.exists() else [])]
    rows = [
        row
        for path in models
        for row in measure(path, asked.size or [352, 640], asked.rate or [10.0, 5.0, 2.5], asked.shared)
    ]
    out = sys.stderr if asked.json else sys.stdout
    for row in rows:
        parts = [f"{name} AP50 {row[name]['ap50']} (count {row[name]['count_error']})" for name in PEOPLE]
        print(f"{row['model']} at {row['size']}: {', '.join(parts)}", file=out)
        for item in row.get("occupancy", []):
            print(
                f"  occupancy error at {item['rate']} frames/s: {item['sum']} of {item['true_sum']} people",
                file=out,
            )
    if asked.json:
        print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
