"""How right metres are on the sample scenes: `python -m bench.ground_accuracy [--json]`.

The four ground points of each scene's configuration against the scene's truth. Places and heights: true boxes of
objects in full view, so that the figure is the plane's and the anchor rule's, not the detector's. Speeds: the bundled
detector and the tracker, each two-second speed of a track against the true one of the object it covers (IoU .5).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.messages import GroundConfig
from contract.names import CLASSES
from edge.anchor import Anchoring
from edge.config import load_config
from edge.geometry import bottom_center, iou_matrix
from edge.ground import GroundPlane
from edge.motion import WINDOW_S, Motion
from edge.replay import build_detector
from edge.track import Tracker, TrackerSettings
from edge.video_file import VideoFile
from sample_videos import scenes

FOLDER = Path(scenes.__file__).parent
FULL_VIEW, IOU = 0.99, 0.5
STILL_MS, WALKING_MS = 0.05, 0.6
Floats = NDArray[np.float64]


def measure(name: str) -> dict[str, Any]:
    """One scene."""
    truth = json.loads((FOLDER / f"{name}.truth.json").read_text())
    box = load_config(FOLDER / f"{name}.yaml")
    entry = box.cameras[0]
    if entry.ground is None:
        raise SystemExit(f"{name}.yaml has no ground points")
    plane = GroundPlane.of(
        GroundConfig.model_validate(entry.ground.model_dump()), (truth["width"], truth["height"])
    )
    view, camera = plane.view, truth["camera"]
    return {
        "scene": name,
        "focal_px": [None if view is None else round(view.focal_px, 1), camera["focal_px"]],
        "camera_height_m": [None if view is None else round(view.height_m, 2), camera["position"][2]],
        "places_m": places(truth, plane),
        "heights": heights(name, truth, plane),
        "speeds_ms": speeds(name, truth, plane),
    }


def places(truth: dict[str, Any], plane: GroundPlane) -> dict[str, Any]:
    """Metres from where a true box says its object stands to the middle of its footprint, by class."""
    found: dict[str, Any] = {}
    for cls in CLASSES:
        boxes, at, _ = whole(truth, cls)
        if len(boxes) < 50:
            continue
        kinds = np.full(len(boxes), CLASSES.index(cls))
        found[cls] = {
            "boxes": len(boxes),
            "bottom_centre": spread(distances(plane, bottom_center(boxes), at)),
            "anchor": spread(distances(plane, Anchoring(plane.wh, plane)(boxes, kinds), at)),
        }
    return found


def heights(name: str, truth: dict[str, Any], plane: GroundPlane) -> dict[str, float]:
    """Measured over true height of people in full view."""
    boxes, _, ids = whole(truth, "person")
    true = {actor.id: actor.look.height for actor in scenes.build(name).actors if actor.cls == "person"}
    share = plane.size_m(boxes)[:, 1] / np.array([true[int(who)] for who in ids])
    low, middle, high = np.percentile(share, [5, 50, 95])
    return {"p5": round(float(low), 3), "median": round(float(middle), 3), "p95": round(float(high), 3)}


def speeds(name: str, truth: dict[str, Any], plane: GroundPlane) -> dict[str, Any]:
    """Errors of speeds of moving and of still objects, by class."""
    pairs = speed_pairs(name, truth, plane)
    found: dict[str, Any] = {}
    for cls in CLASSES:
        rows = np.array([(true, said) for who, true, said in pairs if who == cls]).reshape(-1, 2)
        moving, still = rows[rows[:, 0] > WALKING_MS], rows[rows[:, 0] < STILL_MS]
        if len(moving) < 50 and len(still) < 50:
            continue
        found[cls] = {
            "moving": len(moving),
            "true_median": round(float(np.median(moving[:, 0])), 2),
            "median": round(float(np.median(moving[:, 1])), 2),
            "error": spread(np.abs(moving[:, 1] - moving[:, 0])),
            "still": len(still),
            "said_to_stand": round(float(np.mean(still[:, 1] == 0)), 3) if len(still) else None,
        }
    return found


def speed_pairs(name: str, truth: dict[str, Any], plane: GroundPlane) -> list[tuple[str, float, float]]:
    """Class, true and measured metres a second of each track in each frame."""
    box = load_config(FOLDER / f"{name}.yaml")
    detector = build_detector(box, FOLDER, box.cameras[0], spinning=True)
    tracker = Tracker(TrackerSettings(confidence=box.model.confidence), (truth["width"], truth["height"]))
    motion = Motion(plane, confidence=box.model.confidence)
    class_of = {item["id"]: item["class"] for item in truth["objects"]}
    way = {(row[0], k): row[5:7] for k, rows in enumerate(truth["track"]) for row in rows}
    pairs = []
    with VideoFile(FOLDER / f"{name}.mp4") as video:
        for k, (frame, rows) in enumerate(zip(video, truth["track"], strict=True)):
            tracks = tracker.update(detector.detect(frame.image), frame.at)
            motion.observe(tracks, frame.at)
            boxes = np.array([row[1:5] for row in rows], float).reshape(-1, 4)
            for track in (track for track in tracks if track.seen_at == frame.at and len(boxes)):
                overlap = iou_matrix(track.xyxy[None], boxes)[0]
                who = rows[int(overlap.argmax())][0]
                said, true = motion.speed_ms(track.track_id), true_speed(way, who, k, truth["fps"])
                if said is not None and true is not None and overlap.max() >= IOU:
                    pairs.append((class_of[who], true, said))
    return pairs


def true_speed(way: dict[tuple[int, int], Any], who: int, frame: int, fps: float) -> float | None:
    """The slope of the true way over the window that ends at a frame; None when it began within the window."""
    window = range(frame - round(WINDOW_S * fps), frame + 1)
    if any((who, k) not in way for k in window):
        return None
    at = np.array(window) / fps
    centred = at - at.mean()
    return float(np.hypot(*(centred @ np.array([way[who, k] for k in window]) / (centred @ centred))))


def whole(truth: dict[str, Any], cls: str) -> tuple[Floats, Floats, Floats]:
    """Boxes (N, 4), places (N, 2) in metres and ids (N,) of a class in full view and not at the frame's edge."""
    ids = {item["id"] for item in truth["objects"] if item["class"] == cls}
    rows = np.array(
        [
            row
            for rows in truth["track"]
            for row in rows
            if row[0] in ids
            and row[7] >= FULL_VIEW
            and min(row[1:3]) > 1
            and row[3] < truth["width"] - 1
            and row[4] < truth["height"] - 1
        ],
        float,
    ).reshape(-1, 8)
    return rows[:, 1:5], rows[:, 5:7], rows[:, 0]


def distances(plane: GroundPlane, pixels: Floats, metres: Floats) -> Floats:
    """Metres (N,) between pixels (N, 2) and places (N, 2)."""
    length: Floats = np.sqrt(((plane.to_metres(pixels) - metres) ** 2).sum(axis=1))
    return length


def spread(errors: Floats) -> dict[str, float]:
    """Median and 95th percentile."""
    return {
        "median": round(float(np.median(errors)), 2),
        "p95": round(float(np.percentile(errors, 95)), 2),
    }


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    out = sys.stderr if asked.json else sys.stdout
    results = []
    for name in scenes.NAMES:
        result = measure(name)
        results.append(result)
        print(
            f"{name}: focal {result['focal_px'][0]} of {result['focal_px'][1]} px, camera"
            f" {result['camera_height_m'][0]} of {result['camera_height_m'][1]} m up, heights of people"
            f" x{result['heights']['median']} ({result['heights']['p5']} to {result['heights']['p95']})",
            file=out,
        )
        for cls, row in result["places_m"].items():
            print(f"  {cls} places: anchor {row['anchor']}, bottom centre {row['bottom_centre']} m", file=out)
        for cls, row in result["speeds_ms"].items():
            print(f"  {cls} speeds: {row}", file=out)
    if asked.json:
        print(json.dumps({"scenes": results}))


if __name__ == "__main__":
    main()
