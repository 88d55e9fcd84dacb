"""Frames in which nothing moves are spared the detector, and nothing is counted otherwise for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.saving.films import write
from edge.config import BoxConfig
from edge.gate import RECHECK_S, REST_S, Gate, watched_cells
from edge.records import Detections, Frame, ImageArray, Track
from edge.replay import Replay, gate_of, layout_of
from edge.stillness import COLS, Stillness, rows_of
from edge.track import Tracker
from edge.video_file import VideoFile
from tests.fakes import detections, join, standing
from tests.front_door import parvis

WH = (640, 360)
ZONE = {"id": "z", "kind": "area", "polygon": [[0.3, 0.3], [0.7, 0.3], [0.7, 0.9], [0.3, 0.9]]}
START = datetime(2026, 1, 1, tzinfo=UTC)


def box(**camera: Any) -> BoxConfig:
    entry = {"id": "c", "source": "x.mp4", "zones": [ZONE]} | camera
    return BoxConfig.model_validate({"device": "d", "interval_s": 10, "cameras": [entry]})


def place(seed: int = 0) -> ImageArray:
    """A street without anybody: large soft shapes with some texture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 190, (WH[1] // 40, WH[0] // 40, 3)).astype(np.float32)
    fine = rng.normal(0, 8, (WH[1], WH[0], 3))
    return (np.kron(coarse, np.ones((40, 40, 1))) + fine).clip(0, 255).astype(np.uint8)


def with_person(image: ImageArray, x: float, y: float, height: int = 24) -> ImageArray:
    image = image.copy()
    width = max(3, round(0.35 * height))
    image[round(y) - height : round(y), round(x) : round(x) + width] = (40, 30, 35)
    return image


class Eye:
    """Says what it is told."""

    def __init__(self) -> None:
        self.answer = False

    def changed(self, image: ImageArray) -> bool:
        return self.answer

    def learn(self, at: float) -> None:
        pass

    def looked(self) -> None:
        pass


class World:
    """A gate and a tracker; each step at 5 frames a second sees the people given."""

    def __init__(self) -> None:
        self.eye, self.tracker, self.at = Eye(), Tracker(frame_wh=WH), 0.0
        self.gate = Gate(self.eye)
        self.seen = Detections.empty()

    def run(
        self, seconds: float, *people: tuple[float, float], moving: float = 0.0, settled: bool = True
    ) -> int:
        """How many frames were looked at."""
        looks = self.gate.looks
        for step in range(round(seconds * 5)):
            self.at += 0.2
            frame = Frame(np.zeros((4, 4, 3), np.uint8), self.at)
            if not self.gate.holds(frame, ways_settled=settled, bays_settled=True):
                self.seen = detections(*(standing(x + moving * step, y) for x, y in people))
            self.gate.tracked(self.tracker.update(self.seen, self.at), self.at)
        return self.gate.looks - looks


def test_an_empty_place_is_looked_at_every_two_seconds_only() -> None:
    world = World()
    world.run(4)
    assert world.run(20) == 20 / RECHECK_S


def test_who_stands_still_is_held_and_found_again_at_each_look() -> None:
    world = World()
    world.run(REST_S + 2, (300, 200))
    assert world.run(20, (300, 200)) == pytest.approx(20 / RECHECK_S, abs=1)
    assert world.seen.xyxy.shape == (1, 4)


@pytest.mark.parametrize(
    "state", [{"moving": 4.0}, {"settled": False}], ids=["somebody moves", "somebody stands on an edge"]
)
def test_the_detector_looks_at_every_frame_while(state: dict[str, Any]) -> None:
    world = World()
    world.run(4, (100, 200))
    looks = world.run(1, (100, 200), **state)
    if "moving" in state:  # found at the next look at the latest: the eye of this test sees no change
        looks = world.run(RECHECK_S, (104, 200), **state) and world.run(4, (160, 200), **state)
        assert looks >= 19
    else:
        assert looks == 5


@pytest.mark.parametrize(("confidence", "looks"), [(0.9, 15), (0.27, 37), (0.22, 37)])
def test_who_is_so_faint_that_noise_decides_is_asked_more_often_for_a_while(
    confidence: float, looks: int
) -> None:
    """Each half second for 15 s, then each two seconds."""
    gate, found = Gate(Eye(), 0.25), 0
    for step in range(300):
        at = step / 10
        if not gate.holds(Frame(np.zeros((4, 4, 3), np.uint8), at), ways_settled=True, bays_settled=True):
            found += 1
        somebody = Track(1, np.array([10, 10, 20, 40], np.float32), confidence, 0, "confirmed", 0.0, at)
        gate.tracked([somebody], at)
    # The first second is looked at whole: until then he is not at rest.
    assert found == pytest.approx(looks + 10, abs=3)


def test_a_change_is_looked_at_at_once() -> None:
    world = World()
    world.run(4)
    world.eye.answer = True
    assert world.run(2) == 10


def test_who_was_just_lost_is_looked_for() -> None:
    world = World()
    world.run(4, (300, 200))
    assert world.run(RECHECK_S + 0.2) >= 1  # the look that misses them
    assert world.run(3) == 15
    world.run(4)
    assert world.run(10) == pytest.approx(10 / RECHECK_S, abs=1)


def film(path: Path, *, walker_from: int | None = None, standing_from: int | None = None) -> Path:
    """12 s at 6 frames a second."""

    def images() -> Any:
        empty = place()
        for number in range(72):
            if standing_from is not None and number >= standing_from:
                yield with_person(empty, 330, 250)
            elif walker_from is not None and number >= walker_from:
                yield with_person(empty, 150 + 6 * (number - walker_from), 250)
            else:
                yield empty

    return write(path, images(), 6.0)


def test_noise_and_compression_of_a_still_scene_are_no_change(tmp_path: Path) -> None:
    eye = Stillness()
    changed = 0
    with VideoFile(film(tmp_path / "still.mp4")) as video:
        for number, frame in enumerate(video):
            now = eye.changed(frame.image)
            changed += now and number > 0
            eye.learn(frame.at)
            if now or number % 12 == 0:
                eye.looked()
    assert changed <= 2


@pytest.mark.parametrize("kind", ["walker_from", "standing_from"])
def test_a_small_person_is_seen_in_the_first_frame(tmp_path: Path, kind: str) -> None:
    eye = Stillness()
    first = None
    with VideoFile(film(tmp_path / "comes.mp4", **{kind: 40})) as video:
        for number, frame in enumerate(video):
            if eye.changed(frame.image) and number > 20 and first is None:
                first = number
            eye.learn(frame.at)
            if number < 38:
                eye.looked()
    assert first == 40


def test_what_creeps_in_adds_up_until_it_shows() -> None:
    eye, picture = Stillness(), np.full((WH[1], WH[0], 3), 100, np.uint8)
    eye.changed(picture)
    eye.looked()
    answers = [eye.changed((picture + level).astype(np.uint8)) for level in range(1, 20)]
    assert not answers[3]
    assert answers[-1]


def test_leaves_are_learnt_and_a_person_before_them_still_stands_out() -> None:
    rng, eye = np.random.default_rng(3), Stillness()
    picture = place().astype(np.int16)
    for number in range(300):
        leaves = picture.copy()
        leaves[100:200, 200:400] += (
            rng.integers(-11, 12, (25, 50)).repeat(4, 0).repeat(4, 1)[..., None].astype(np.int16)
        )
        image = leaves.clip(0, 255).astype(np.uint8)
        if number == 299:
            assert not eye.changed(image)
            dark = image.copy()
            dark[120:180, 290:310] = 0
            assert eye.changed(dark)
            break
        eye.changed(image)
        eye.learn(number / 5)
        eye.looked()


def test_only_what_lies_within_reach_of_a_zone_is_watched() -> None:
    layout = layout_of(box(), box().cameras[0], WH)
    cells = watched_cells(layout, rows_of(WH), COLS)
    assert cells[45, 80]
    assert not cells[45, 2]
    assert not cells[45, 157]
    eye = Stillness(cells)
    eye.changed(place())
    eye.looked()
    assert not eye.changed(with_person(place(), 5, 200, 60))
    assert eye.changed(with_person(place(), 320, 200, 60))


class Seen:
    """A detector that finds the dark figure of this test's films, and a video of theirs, for a replay."""

    label, sha256 = "dark", "0" * 64

    def detect(self, image: ImageArray) -> Detections:
        dark = (image.max(axis=2) < 50).astype(np.uint8)
        rows, columns = np.nonzero(dark)
        if len(rows) < 60:
            return Detections.empty()
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        return join(detections(tuple(map(float, found))))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["walker_from", "standing_from"])
def test_a_replay_that_skips_counts_what_one_that_does_not_counts(tmp_path: Path, kind: str) -> None:
    path = film(tmp_path / "film.mp4", **{kind: 24})
    counted, spared = [], 0
    for skip in (False, True):
        config = box()
        with VideoFile(path) as video:
            replay = Replay(video, config, config.cameras[0], Seen(), START, skip_still=skip)
            bodies = [body.model_dump() for body in replay.bodies() if body.type == "parvis.zone.v1"]
        counted.append(bodies)
        if replay.pipeline.gate is not None:
            spared = replay.pipeline.gate.held
    assert spared >= (36 if kind == "standing_from" else 12)
    assert counted[0][0]["observed_s"] == counted[1][0]["observed_s"] == 10.0
    for plain, skipping in zip(*counted, strict=True):
        before, after = (body["counts"].get("person", {}) for body in (plain, skipping))
        assert after.get("entries") == before.get("entries")
        assert after.get("object_s", 0.0) == pytest.approx(before.get("object_s", 0.0), abs=0.2)
    assert sum(body["counts"]["person"]["object_s"] for body in counted[0] if body["counts"]) > 3


def test_a_gate_is_made_for_the_zones_of_a_camera() -> None:
    gate = gate_of(layout_of(box(), box().cameras[0], WH), 0.25)
    assert not gate.holds(Frame(place(), 0.0), ways_settled=True, bays_settled=True)


class OnEdge:
    """Somebody who stands on a zone's edge, now with a box that is a little larger, now smaller."""

    label, sha256 = "edge", "0" * 64

    def __init__(self) -> None:
        self.rng = np.random.default_rng(5)
        self.calls = 0

    def detect(self, image: ImageArray) -> Detections:
        self.calls += 1
        return detections(standing(0.3 * WH[0] + self.rng.normal(0, 2.0), 250, 60))


class Film:
    """A still picture, six times a second."""

    width, height, fps, frames, warning = *WH, 6.0, None, None

    def __iter__(self) -> Any:
        picture = place()
        for number in range(6 * 60):
            yield Frame(picture, number / 6)


def test_who_stands_on_an_edge_is_no_coming_and_going_because_a_box_was_held() -> None:
    config, detector, film = box(), OnEdge(), Film()
    replay = Replay(film, config, config.cameras[0], detector, START, skip_still=True)  # type: ignore[arg-type]
    counts = [body.counts for body in replay.bodies() if body.type == "parvis.zone.v1"]  # type: ignore[attr-defined]
    assert detector.calls < 6 * 60
    assert sum(found.entries + found.exits for one in counts for found in one.values()) == 0


def test_a_preview_looks_at_every_frame(tmp_path: Path) -> None:
    said = parvis("edge", "replay", "x.mp4", "--skip-still", "--preview", tmp_path / "p.mp4", "--config", "y")
    assert said.code == 2
    assert "--skip-still" in said.err
