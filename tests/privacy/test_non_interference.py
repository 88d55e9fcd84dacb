"""R34, non-interference: who is in the picture changes nothing of what leaves the box, only where and when they are.

Two films with the same motion, but other faces, plates, colours and backgrounds, and other track ids inside: the bytes
that the real spool and the real uplink put on the wire are equal, to the last one.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from contract.batch import parse_record
from edge import track
from edge.config import load_config
from edge.encode import MaskedVideo
from edge.privacy_blur import mask
from edge.records import Detections, ImageArray
from edge.replay import Replay, build_detector
from edge.spool import Spool
from edge.uplink import Uplink
from edge.video_file import VideoFile
from tests.fakes import ScriptedDetector, detections, join, standing

ROOT = Path(__file__).parents[2]
FPS, FRAMES, WH = 6.0, 180, (320, 180)
START = datetime(2026, 1, 1, tzinfo=UTC)
BOX = """\
device: box-test
server: {url: "http://127.0.0.1:1", token_file: token}
interval_s: 10
cameras:
  - id: cam
    source: film.mp4
    zones:
      - {id: lawn, kind: area, polygon: [[0.1, 0.2], [0.9, 0.2], [0.9, 0.95], [0.1, 0.95]], classes: [person, bicycle]}
      - {id: lane, kind: road, polygon: [[0.0, 0.6], [1.0, 0.6], [1.0, 1.0], [0.0, 1.0]]}
      - {id: bays, kind: parking, bays: {b1: [[0.02, 0.3], [0.2, 0.3], [0.2, 0.6], [0.02, 0.6]]}}
    lines:
      - {id: gate, points: [[0.1, 0.5], [0.9, 0.5]], classes: [person, bicycle]}
"""


def scene(frame: int) -> Detections:
    """Walkers that cross, stop and meet, a cyclist, a car that passes and one that parks."""
    at = frame / FRAMES
    people = [standing(40 + 240 * at, 60 + 100 * at), standing(280 - 240 * at, 150 - 90 * at)]
    people += [standing(160 + 3 * np.sin(frame), 120)] if frame > 30 else []
    parts = [detections(*people), detections((300 * at, 90, 300 * at + 60, 140), name="car")]
    parts.append(detections((8, 50, 60, 104), name="car"))
    if 40 < frame < 120:
        parts.append(detections(standing(320 * (frame - 40) / 80, 170), name="bicycle"))
    return join(*parts)


class Named:
    """The scripted detector as the replay wants it; ``label`` and ``sha256`` name a model."""

    label, sha256 = "stub", "0" * 64

    def __init__(self) -> None:
        self._inner = ScriptedDetector([scene(k) for k in range(FRAMES)])

    def detect(self, image: ImageArray) -> Detections:
        return self._inner.detect(image)


def film(path: Path, seed: int) -> Path:
    """The scene with faces, plates, clothes, paint and a background of its own."""
    rng = np.random.default_rng(seed)
    back = cv2.resize(rng.integers(60, 200, (18, 32, 3), np.uint8), WH)
    skins = rng.integers(0, 256, (10, 24, 12, 3), np.uint8)
    nobody = Detections.empty()
    with MaskedVideo(path, WH, FPS) as writer:
        for k in range(FRAMES):
            image = back.copy()
            for skin, box in zip(skins, scene(k).xyxy, strict=False):
                x1, y1, x2, y2 = box.clip(0, (WH[0], WH[1]) * 2).astype(int)
                if x2 > x1 and y2 > y1:
                    image[y1:y2, x1:x2] = cv2.resize(skin, (int(x2 - x1), int(y2 - y1)))
            writer.write(mask(image, nobody))
    return path


class Wire(httpx.BaseTransport):
    """Takes everything, and remembers every byte of it."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, list[tuple[bytes, bytes]], bytes]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        self.requests.append((str(request.url), request.headers.raw, body))
        keys = [parse_record(item).key for item in json.loads(gzip.decompress(body))["records"]]
        answer = json.dumps({"accepted": keys, "rejected": []}).encode()
        return httpx.Response(200, stream=httpx.ByteStream(answer))


def sent(folder: Path, clip: Path, detector: Any) -> list[tuple[str, list[tuple[bytes, bytes]], bytes]]:
    """What the box puts on the wire for a film: replayed, spooled, delivered."""
    folder.mkdir()
    (folder / "box.yaml").write_text(BOX)
    box = load_config(folder / "box.yaml")
    wire = Wire()
    with VideoFile(clip) as video, Spool(folder / "spool.db", device=box.device, run="ab" * 8) as spool:
        job = Replay(video, box, box.cameras[0], detector, START)
        for body in job.bodies():
            spool.append([body])
        uplink = Uplink(spool, url="http://127.0.0.1:1", token="t0ken", transport=wire)
        while uplink.push_once().outcome == "delivered":
            pass
        uplink.close()
    return wire.requests


def permuted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other track ids, in another order."""
    state = track.State

    def other(track_id: int, *args: Any, **more: Any) -> Any:
        return state((track_id * 7919) % 100_003, *args, **more)

    monkeypatch.setattr(track, "State", other)


def test_other_people_leave_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = film(tmp_path / "one.mp4", 1)
    other = film(tmp_path / "other.mp4", 2)
    first = sent(tmp_path / "a", one, Named())
    permuted(monkeypatch)
    second = sent(tmp_path / "b", other, Named())
    assert first == second
    records = [r for _, _, body in first for r in json.loads(gzip.decompress(body))["records"]]
    counted = sum(
        c["object_s"] for r in records if r["type"] == "parvis.zone.v1" for c in r["counts"].values()
    )
    crossed = sum(
        sum(c.values()) for r in records if r["type"] == "parvis.line.v1" for c in r["counts"].values()
    )
    assert counted > 50, "the films must hold something to count"
    assert crossed >= 2


def test_the_proof_would_see_a_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that carries an id, or anything that depends on pixels, changes the bytes."""
    clip = film(tmp_path / "one.mp4", 1)
    other = film(tmp_path / "other.mp4", 2)

    class Leaking(Named):
        def detect(self, image: ImageArray) -> Detections:
            found = super().detect(image)
            return found.where(np.arange(len(found)) < len(found) - int(image.mean() > LIMIT[0]))

    with VideoFile(clip) as a, VideoFile(other) as b:
        means = [float(next(iter(video)).image.mean()) for video in (a, b)]
    LIMIT[0] = sum(means) / 2
    assert sent(tmp_path / "a", clip, Leaking()) != sent(tmp_path / "b", other, Leaking())


LIMIT = [0.0]


def shape(value: Any) -> Any:
    """The fields of a record and the kinds of their values, without the values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return ["list", *{json.dumps(shape(item), sort_keys=True) for item in value}]
    return (
        "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__
    )


@pytest.mark.parametrize("turn", [lambda i: i[..., ::-1], lambda i: i[:, ::-1]], ids=["colours", "mirrored"])
def test_the_real_model_sends_the_same_fields_whoever_is_there(
    tmp_path: Path, turn: Callable[[ImageArray], ImageArray]
) -> None:
    fields = []
    for name, change in (("a", lambda i: i), ("b", turn)):
        clip = tmp_path / f"{name}.mp4"
        with (
            VideoFile(ROOT / "sample_videos" / "street.mp4") as video,
            MaskedVideo(clip, (640, 360), 6) as writer,
        ):
            for frame, _ in zip(video, range(70), strict=False):
                writer.write(mask(np.ascontiguousarray(change(frame.image)), Detections.empty()))
        (tmp_path / "box.yaml").write_text(BOX)
        box = load_config(tmp_path / "box.yaml")
        found = sent(tmp_path / name, clip, build_detector(box, tmp_path, box.cameras[0]))
        records = [r for _, _, body in found for r in json.loads(gzip.decompress(body))["records"]]
        fields.append({r["type"]: set(r) for r in records})
        assert all(set(r) == fields[-1][r["type"]] for r in records)
    assert fields[0] == fields[1]
