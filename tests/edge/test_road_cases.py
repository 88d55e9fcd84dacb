"""Cases of a road through the front doors: `parvis edge replay`, and `parvis edge run` over a kill -9."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from contract.batch import parse_record
from contract.messages import AnomalyBody
from edge import spool_view
from tests.edge.media import MILLISECOND
from tests.front_door import parvis

BOX = """
device: box-a
model: {path: starter}
interval_s: 60
clock: trusted
status: {port: 0}
cameras:
  - id: north
    source: road.mp4
    zones:
      - id: lane
        kind: road
        purpose: operational
        operational: {legal_basis: "order 2026-7", dpia_reference: "dpia-7"}
        debris: {enabled: true, persistence_s: 8}
        polygon: [[0.02, 0.1], [0.98, 0.1], [0.98, 0.98], [0.02, 0.98]]
"""


def film(path: Path, seconds: int, lies: tuple[int, int], fps: int = 2) -> Path:
    """A road on which a carton lies in [lies) seconds."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "20", "g": "20", "threads": "1"}
        stream.codec_context.time_base = MILLISECOND
        for number in range(seconds * fps):
            image = np.full((180, 320, 3), (92, 94, 96), np.uint8)
            cv2.line(image, (0, 30), (320, 45), (150, 150, 150), 3)
            if lies[0] <= number / fps < lies[1]:
                cv2.rectangle(image, (150, 90), (180, 112), (70, 110, 150), -1)
                cv2.rectangle(image, (150, 90), (162, 112), (40, 70, 100), -1)
            grain = np.random.default_rng(number).normal(0, 1.5, image.shape)
            picture = np.clip(image + grain, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number * 1000 // fps, MILLISECOND
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def box(folder: Path) -> Path:
    path = folder / "box.yaml"
    path.write_text(BOX)
    return path


def cases(lines: list[str]) -> list[dict[str, Any]]:
    return [item for item in map(json.loads, lines) if item["type"] == "parvis.anomaly.v1"]


def test_a_replay_tells_a_case_that_opens_and_clears_and_repeats_exactly(tmp_path: Path) -> None:
    video = film(tmp_path / "road.mp4", 80, (20, 45))
    outs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for out in outs:
        done = parvis("edge", "replay", str(video), "--config", str(box(tmp_path)), "--out", str(out))
        assert done.code == 0, done.err
        assert re.search(r"^  lane: debris from (19|2\d) s to 4[3-7] s$", done.err, re.MULTILINE), done.err
    assert outs[0].read_text() == outs[1].read_text()
    opened, cleared = (parse_record(item) for item in cases(outs[0].read_text().splitlines()))
    assert isinstance(opened, AnomalyBody)
    assert isinstance(cleared, AnomalyBody)
    assert (opened.kind, opened.state, opened.zone) == ("debris", "open", "lane")
    assert (cleared.case, cleared.state, cleared.revision) == (opened.case, "cleared", 2)
    assert abs(opened.x - 165 / 320) < 0.02
    assert 18 <= opened.first_seen.second <= 24


def told(folder: Path) -> list[dict[str, Any]]:
    return cases([seen.payload for seen in spool_view.waiting(folder / "state" / "spool.db")])


@pytest.mark.nightly
def test_a_box_that_is_killed_and_started_again_announces_nothing_twice(tmp_path: Path) -> None:
    film(tmp_path / "road.mp4", 300, (20, 300))
    command = [sys.executable, "-m", "parvis", "edge", "run", "--config", str(box(tmp_path))]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not ((tmp_path / "state" / "spool.db").exists() and told(tmp_path)):
            assert time.monotonic() < deadline, "no case was told"
            time.sleep(0.5)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    (opened,) = told(tmp_path)
    # The next run begins with the thing lying there, and sees it go.
    film(tmp_path / "road.mp4", 120, (0, 40))
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 150
        while len(told(tmp_path)) < 2 and child.poll() is None:
            assert time.monotonic() < deadline, "the case was not cleared"
            time.sleep(0.5)
    finally:
        child.terminate()
        child.wait(30)
    after = told(tmp_path)[1:]
    assert [(item["case"], item["state"], item["revision"]) for item in after] == [
        (opened["case"], "cleared", 2)
    ]
