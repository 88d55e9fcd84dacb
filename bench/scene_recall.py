"""Which of the true objects of the sample scenes a detector finds: do the scenes look real to it?

    python -m bench.scene_recall [--model F.onnx …] [--size 640] [--json]

A true object counts when its box is at least 24 px tall and at least half of it is visible. It is found when a
detection of its group (person, bicycle, vehicle) at confidence .25 overlaps it with IoU 0.5 or more; each detection
finds one object. Without --model: the bundled starter and, where it is present, the reference yolo11n.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from contract.names import CLASSES, GROUP_OF, GROUPS
from edge.detect import OnnxDetector, resolve_model
from edge.geometry import iou_matrix
from edge.video_file import VideoFile

ROOT = Path(__file__).parent.parent
SCENES = ("square", "car_park", "street")
REFERENCE = ROOT.parent / "shared" / "models" / "yolo11n.onnx"
LEAST_HEIGHT_PX, LEAST_VISIBLE, IOU, CONFIDENCE = 24, 0.5, 0.5, 0.25


def scene(name: str, detector: OnnxDetector) -> dict[str, list[int]]:
    """[found, true, detections] by class group."""
    truth = json.loads((ROOT / "sample_videos" / f"{name}.truth.json").read_text())
    group_of = {item["id"]: GROUP_OF[item["class"]] for item in truth["objects"]}
    tally: dict[str, list[int]] = {group: [0, 0, 0] for group in GROUPS}
    with VideoFile(ROOT / "sample_videos" / f"{name}.mp4") as video:
        for frame, rows in zip(video, truth["track"], strict=True):
            detections = detector.detect(frame.image)
            groups = np.array([GROUP_OF[CLASSES[number]] for number in detections.class_id])
            for group, counts in tally.items():
                wanted = [row for row in rows if group_of[row[0]] == group]
                boxes = detections.xyxy[groups == group] if len(groups) else detections.xyxy
                found = match(np.array([row[1:5] for row in wanted], float).reshape(-1, 4), boxes)
                for row, hit in zip(wanted, found, strict=True):
                    if row[4] - row[2] >= LEAST_HEIGHT_PX and row[7] >= LEAST_VISIBLE:
                        counts[0] += int(hit)
                        counts[1] += 1
                counts[2] += len(boxes)
    return tally


def match(true: Any, found: Any) -> list[bool]:
    """Which true boxes (N, 4) have a detection (M, 4) of their own, the best overlaps first."""
    hits = [False] * len(true)
    if not len(true) or not len(found):
        return hits
    iou = iou_matrix(true, found)
    while iou.max() >= IOU:
        row, column = divmod(int(iou.argmax()), iou.shape[1])
        hits[row] = True
        iou[row], iou[:, column] = 0.0, 0.0
    return hits


def model(path: Path, size: int) -> dict[str, Any]:
    """Recall of one model: over all scenes, by scene and by group."""
    scenes: dict[str, Any] = {}
    overall = np.zeros(2, int)
    for name in SCENES:
        tally = scene(name, OnnxDetector(path, confidence=CONFIDENCE, input_size=size, spinning=True))
        found, true = sum(t[0] for t in tally.values()), sum(t[1] for t in tally.values())
        overall += (found, true)
        scenes[name] = {
            "recall": round(found / true, 3),
            "true": true,
            "by_group": {group: {"found": f, "true": t} for group, (f, t, _) in tally.items() if t},
        }
    return {
        "model": path.stem,
        "size": size,
        "recall": round(int(overall[0]) / int(overall[1]), 3),
        "true": int(overall[1]),
        "scenes": scenes,
    }


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, action="append")
    parser.add_argument("--size", type=int, default=640)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    models = asked.model or [resolve_model("starter"), *([REFERENCE] if REFERENCE.exists() else [])]
    results = [model(path, asked.size) for path in models]
    for result in results:
        parts = ", ".join(f"{name} {part['recall']}" for name, part in result["scenes"].items())
        print(
            f"{result['model']} at {result['size']}: {result['recall']} of {result['true']} objects ({parts})",
            file=sys.stderr if asked.json else sys.stdout,
        )
    if asked.json:
        print(json.dumps({"models": results}))


if __name__ == "__main__":
    main()
