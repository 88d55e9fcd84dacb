"""People on two real sequences with human boxes: average precision of a model, and occupancy error of the box.

    python -m bench.real_people [--model F.onnx …] [--size N …] [--rate R …] [--shared DIR] [--json]

Needs the sequences PETS09-S2L1 and TUD-Campus under DIR/data/sequences (default ../shared); they are not part of
the project. AP: IoU 0.5, every 8th frame of PETS09 and every 2nd of TUD-Campus, with the mean error of the count in
a frame at confidence .25. Occupancy: PETS09 through the whole pipeline at each rate (frames a second), mean absolute
error of the 10-second mean occupancy, summed over three zones: the whole frame, [.30,.30]-[.75,.75], and the left 40 %.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.messages import ZoneBody
from edge.config import BoxConfig
from edge.detect import OnnxDetector, resolve_model
from edge.geometry import iou_matrix
from edge.pipeline import WEAK
from edge.replay import Replay
from edge.video_file import VideoFile

ROOT = Path(__file__).parent.parent
START = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = {"PETS09-S2L1": 8, "TUD-Campus": 2}
ZONES = {"all": (0.0, 0.0, 1.0, 1.0), "middle": (0.3, 0.3, 0.75, 0.75), "left": (0.0, 0.0, 0.4, 1.0)}
WINDOW_S, PETS_FPS, CONFIDENCE = 10, 10.0, 0.25
Array = NDArray[np.float64]


def true_boxes(folder: Path) -> Array:
    """Rows (N, 5): frame number from 0, x1, y1, x2, y2 in pixels."""
    rows = np.loadtxt(folder / "gt.txt", delimiter=",")[:, :6]
    x, y, width, height = rows[:, 2], rows[:, 3], rows[:, 4], rows[:, 5]
    return np.stack([rows[:, 0] - rows[:, 0].min(), x, y, x + width, y + height], axis=1)


def precision(detector: OnnxDetector, folder: Path, step: int) -> dict[str, float]:
    """AP50 of people, area under the interpolated curve, and the mean count error of a frame."""
    truth = true_boxes(folder)
    scored: list[tuple[float, bool]] = []
    total, errors = 0, []
    with VideoFile(folder / "video.mp4") as video:
        for number, frame in enumerate(video):
            if number % step:
                continue
            people = detector.detect(frame.image)
            people = people.where(people.class_id == 0)
            boxes = truth[truth[:, 0] == number, 1:]
            total += len(boxes)
            errors.append(abs(int((people.confidence >= CONFIDENCE).sum()) - len(boxes)))
            iou = iou_matrix(people.xyxy, boxes)
            for row in np.argsort(-people.confidence):
                best = int(iou[row].argmax()) if len(boxes) else 0
                hit = len(boxes) > 0 and bool(iou[row, best] >= 0.5)
                if hit:
                    iou[:, best] = 0.0
                scored.append((float(people.confidence[row]), hit))
    ranked = np.array([hit for _, hit in sorted(scored, key=lambda item: -item[0])], float)
    found = np.cumsum(ranked)
    curve = np.maximum.accumulate((found / np.arange(1, len(ranked) + 1))[::-1])[::-1]
    area = float(np.trapezoid(np.r_[curve[0], curve], np.r_[0.0, found / total]))
    return {"ap50": round(area, 3), "count_error": round(float(np.mean(errors)), 2), "boxes": total}


def occupancy(detector: OnnxDetector, folder: Path, rate: float) -> dict[str, Any]:
    """Mean absolute error of the windows' mean occupancy, by zone and summed."""
    zones = [
        {"id": name, "kind": "area", "polygon": [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]}
        for name, (x1, y1, x2, y2) in ZONES.items()
    ]
    box = BoxConfig.model_validate(
        {"device": "bench", "interval_s": WINDOW_S, "cameras": [{"id": "c", "source": "x", "zones": zones}]}
    )
    with VideoFile(folder / "video.mp4", rate=rate) as video:
        wh = (video.width, video.height)
        job = Replay(video, box, box.cameras[0], detector, START)
        bodies = [body for body in job.bodies() if isinstance(body, ZoneBody) and body.observed_s >= 1]
    truth = true_boxes(folder)
    x = (truth[:, 1] + truth[:, 3]) / 2 / wh[0]
    y = truth[:, 4] / wh[1]
    errors: dict[str, list[float]] = {name: [] for name in ZONES}
    means: dict[str, list[float]] = {name: [] for name in ZONES}
    for body in bodies:
        x1, y1, x2, y2 = ZONES[body.zone]
        start = (body.start - START).total_seconds()
        inside = (x >= x1) & (x < x2) & (y >= y1) & (y <= y2) if body.zone != "all" else np.ones(len(x), bool)
        at = truth[:, 0] / PETS_FPS
        length = min(WINDOW_S, truth[:, 0].max() / PETS_FPS + 1 / PETS_FPS - start)
        true = float((inside & (at >= start) & (at < start + WINDOW_S)).sum()) / PETS_FPS / length
        counts = body.counts.get("person")
        errors[body.zone].append(abs((counts.object_s / body.observed_s if counts else 0.0) - true))
        means[body.zone].append(true)
    by_zone = {name: round(float(np.mean(values)), 3) for name, values in errors.items()}
    true_sum = sum(float(np.mean(values)) for values in means.values())
    return {
        "rate": rate,
        "zones": by_zone,
        "sum": round(sum(by_zone.values()), 3),
        "true_sum": round(true_sum, 2),
    }


def measure(path: Path, sizes: list[int], rates: list[float], sequences: Path) -> list[dict[str, Any]]:
    """One row for each size: AP on both sequences; at the largest size the occupancy error at each rate."""
    rows = []
    for size in sizes:
        fine = {
            name: precision(OnnxDetector(path, confidence=0.02, input_size=size), sequences / name, step)
            for name, step in STEPS.items()
        }
        row: dict[str, Any] = {"model": str(path.name), "size": size, **fine}
        if size == max(sizes):
            detector = OnnxDetector(path, confidence=WEAK * CONFIDENCE, input_size=size)
            row["occupancy"] = [occupancy(detector, sequences / "PETS09-S2L1", rate) for rate in rates]
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
        for row in measure(path, asked.size or [352, 640], asked.rate or [10.0, 5.0, 2.5], sequences)
    ]
    out = sys.stderr if asked.json else sys.stdout
    for row in rows:
        parts = [f"{name} AP50 {row[name]['ap50']} (count {row[name]['count_error']})" for name in STEPS]
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
