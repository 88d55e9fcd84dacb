"""The whole chain on the sample scenes: box, spool, uplink, server, and the count error against the truth.

Nothing here is a shortcut: videos are replayed by the box's own pipeline, records go through the durable spool
and over HTTP, and what is compared with the truth is what was sent.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import sample_videos
from contract.messages import Body
from edge.config import load_config
from edge.detect import OnnxDetector
from edge.replay import Replay, build_detector
from edge.spool import Spool
from edge.uplink import Uplink
from edge.video_file import VideoFile
from parvis.local_server import LocalServer
from parvis.tally import compare

SCENES: Final = ("square", "car_park", "street")
FOLDER: Final = Path(sample_videos.__file__).parent
_DELIVERY_S: Final = 60.0

Progress = Callable[[str, int, int], None]  # scene, frames done, frames in all


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What `parvis demo --json` prints."""

    scenes: tuple[dict[str, Any], ...]
    records: dict[str, int]
    url: str

    def as_json(self) -> str:
        """One JSON object on one line."""
        return json.dumps({"scenes": self.scenes, "records": self.records, "url": self.url})


def run_demo(
    data: Path, server: LocalServer, now: datetime, progress: Progress, scenes: Sequence[str] = SCENES
) -> DemoResult:
    """Count the scenes, deliver the records, compare with the truth.

    Args:
        data: a fresh folder for the box's spool.
        server: where to deliver.
        now: the scenes' intervals end before it.
        progress: told after every frame.
        scenes: names of the scenes.
    """
    spool = Spool(data / "spool.db", device="box-demo", run=secrets.token_hex(8))
    uplink = Uplink(spool, url=server.url, token=server.token)
    stop = threading.Event()
    delivery = threading.Thread(target=uplink.run, args=(stop,), kwargs={"idle_s": 0.2}, daemon=True)
    delivery.start()
    try:
        counted = tuple(_scene(name, spool, now, progress) for name in scenes)
    finally:
        stop.set()
        delivery.join(_DELIVERY_S)
    uplink.drain(_DELIVERY_S)
    uplink.close()
    stats = spool.stats()
    spool.close()
    records = {
        "closed": stats.closed_total,
        "accepted": stats.accepted_total,
        "rejected": stats.rejected_total,
    }
    return DemoResult(counted, records, server.url)


def _scene(name: str, spool: Spool, now: datetime, progress: Progress) -> dict[str, Any]:
    path = FOLDER / f"{name}.yaml"
    box = load_config(path)
    (camera,) = box.cameras
    detector: OnnxDetector = build_detector(box, FOLDER, camera, spinning=True)
    truth = json.loads((FOLDER / f"{name}.truth.json").read_text())
    bodies: list[Body] = []
    with VideoFile(FOLDER / camera.source) as video:
        start = _start(now, truth["frames"] / truth["fps"], box.interval_s)
        job = Replay(video, box, camera, detector, start)
        done = 0

        def watch(*_: object) -> None:
            nonlocal done
            done += 1
            progress(name, done, truth["frames"])

        for body in job.bodies(watch):
            spool.append([body])
            bodies.append(body)
    result = job.result
    return {
        "name": name,
        "frames": result.frames,
        "seconds": round(result.seconds, 2),
        "wall_s": round(result.wall_s, 2),
        **compare(bodies, truth),
    }


def _start(now: datetime, seconds: float, interval_s: int) -> datetime:
    """The latest start on the interval grid from which the scene's last interval ends before ``now``."""
    intervals = -(-seconds // interval_s)
    grid = now.timestamp() // interval_s * interval_s
    return datetime.fromtimestamp(grid, UTC) - timedelta(seconds=intervals * interval_s)
