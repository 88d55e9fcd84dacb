"""Faults of the picture, each from its pixels to the record: through a station, through a replay, and none on clean scenes."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from contract.names import UNOBSERVED_FLAGS, Flag
from edge.config import load_config
from edge.records import Frame, ImageArray
from edge.replay import Replay
from edge.sight import LEARN_S, Sight
from edge.station import Station
from edge.video_file import VideoFile
from edge.view import look_at
from edge.watching import PictureWatch
from tests.edge.sight_world import FAULTS, WH, drops, knocked, lorry, street
from tests.fakes import ScriptedDetector, detections
from tests.front_door import blind_model, box_file, parvis

NOBODY = np.zeros((0, 4), np.float32)
RATE = 2
# From when to when the fault lasts, and all of it; intervals of 10 s.
BEGIN, END, LAST = 20.0, 60.0, 90.0
SCENES = Path(__file__).parent.parent.parent / "sample_videos"


def picture(flag: Flag, at: float) -> ImageArray:
    image = street(at)
    if flag == "dark":  # by lamplight: what goes black at once by day is a cap on the lens
        image = (image * 0.4).astype(np.uint8)
    return FAULTS[flag](image) if BEGIN <= at < END else image


class Person(ScriptedDetector):
    """Sees one person in the middle, whatever the picture shows."""

    label, sha256 = "person", "0" * 64

    def __init__(self) -> None:
        super().__init__([])

    def detect(self, image: ImageArray) -> Any:
        return detections((150, 60, 170, 120))


class Reel:
    """A camera that plays pictures."""

    state, reason, dropped, reconnects, fps = "live", "", 0, 0, float(RATE)

    def __init__(self) -> None:
        self.frame: Frame | None = None

    def latest(self, timeout_s: float) -> Frame | None:
        return self.frame

    def close(self) -> None:
        """Nothing to give back."""


def zones(bodies: list[Any]) -> list[Any]:
    return [body for body in bodies if body.type == "parvis.zone.v1"]


def check(bodies: list[Any], flag: Flag) -> None:
    """The fault's 40 s are flagged, and missing from the observed ones if it blinds; no second is lost or invented."""
    closed = zones(bodies)
    flagged = sum(body.flag_s.get(flag, 0.0) for body in closed)
    observed = sum(body.observed_s for body in closed)
    blind = flag in UNOBSERVED_FLAGS
    assert flagged == pytest.approx(END - BEGIN, abs=13)
    assert observed == pytest.approx(LAST - (flagged if blind else 0), abs=1.0)
    assert {other for body in closed for other in body.flag_s} == {flag}
    for body in closed:
        counted = body.counts["person"].object_s if "person" in body.counts else 0.0
        assert counted == pytest.approx(body.observed_s, abs=0.6)
        assert body.observed_s + (body.flag_s.get(flag, 0.0) if blind else 0.0) == pytest.approx(10, abs=0.6)
    assert [body.entries + body.exits for zone in closed for body in zone.counts.values()] == [0] * sum(
        len(zone.counts) for zone in closed
    )


@pytest.mark.parametrize("flag", sorted(FAULTS))
def test_r11_a_fault_of_the_picture_marks_the_interval(
    tmp_path: Path, flag: Flag, caplog: pytest.LogCaptureFixture
) -> None:
    clock, camera = [0.0], Reel()
    box = load_config(box_file(tmp_path))
    station = Station(
        box, box.cameras[0], camera, Person(), ("tiny", "0" * 64), 1_000_000_000.0, lambda: clock[0]
    )
    bodies: list[Any] = []
    told: dict[float, tuple[Flag, ...]] = {}
    with caplog.at_level(logging.WARNING, logger="parvis.edge"):
        for step in range(round(LAST * RATE)):
            clock[0] = step / RATE
            camera.frame = Frame(picture(flag, clock[0]), clock[0])
            bodies += station.step(0)
            told[clock[0]] = station.faults
    bodies += station.finish(LAST)
    check(bodies, flag)
    assert told[BEGIN - 1] == told[LAST - 1] == ()
    found = min(at for at, faults in told.items() if faults) - BEGIN
    assert found <= (25 if flag == "moved" else 10)
    lines = [record.getMessage() for record in caplog.records if "picture" in record.getMessage()]
    assert len(lines) == 2
    assert f"cam: the picture is {flag}: " in lines[0]
    assert lines[1] == f"cam: the picture is no longer {flag}"


def film(path: Path, flag: Flag) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=RATE)
        stream.width, stream.height = WH
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "12", "g": "250", "threads": "1"}
        for step in range(round(LAST * RATE)):
            image = picture(flag, step / RATE)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("flag", sorted(set(FAULTS) - {"moved"}))
def test_r11_a_replay_marks_it_too(tmp_path: Path, flag: Flag) -> None:
    box = load_config(box_file(tmp_path))
    with VideoFile(film(tmp_path / "clip.mp4", flag)) as video:
        replay = Replay(video, box, box.cameras[0], Person(), datetime(2026, 1, 1, tzinfo=UTC))
        check(list(replay.bodies()), flag)


def test_r11_replay_through_the_front_door_says_moved_and_how_to_mend_it(tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4", "moved")
    model = blind_model(tmp_path / "blind.onnx")
    said = parvis("edge", "replay", clip, "--config", box_file(tmp_path), "--model", model)
    closed = [item for item in said.records if item["type"] == "parvis.zone.v1"]
    assert sum(item["flag_s"].get("moved", 0) for item in closed) == pytest.approx(END - BEGIN, abs=13)
    assert sum(item["observed_s"] for item in closed) == pytest.approx(LAST - (END - BEGIN), abs=13)
    assert said.err.count("the picture is moved") == 1
    assert "draw the zones anew" in " ".join(said.err.split())


def seen(sight: Sight, pictures: list[ImageArray], at: float = 0.0) -> list[str]:
    """The faults that began, with a look a second."""
    return [
        change.flag
        for second, image in enumerate(pictures)
        for change in sight.see(look_at(image, NOBODY, at + second))
        if change.began
    ]


def test_a_camera_that_stays_moved_stays_moved_until_the_service_starts_anew() -> None:
    sight = Sight()
    assert seen(sight, [street(second) for second in range(30)]) == []
    assert seen(sight, [knocked(street(second), turn=5) for second in range(30, 120)], 30) == ["moved"]
    assert sight.current == ("moved",)
    assert seen(Sight(), [knocked(street(second), turn=5) for second in range(30)]) == []


@pytest.mark.nightly
def test_a_mast_that_sags_little_by_little_is_moved() -> None:
    sight = Sight()
    pictures = [knocked(street(second), right=0.05 * max(0, second - 150) / 900) for second in range(1050)]
    assert seen(sight, pictures) == ["moved"]


def test_who_stands_in_the_picture_at_the_start_is_no_part_of_the_reference() -> None:
    """A van that fills a third of the view leaves after a minute: nothing has moved, nothing is covered."""

    def van(image: ImageArray) -> ImageArray:
        image = image.copy()
        image[60:170, 80:240:8] = 240
        image[60:170, 84:240:8] = 10
        return image

    box = np.array([[80, 60, 240, 170]], np.float32)
    sight = Sight()
    for second in range(90):
        parked = second < 60
        image = street(second)
        look = look_at(van(image) if parked else image, box if parked else NOBODY, second)
        assert sight.see(look) == []


def test_a_lens_that_is_covered_from_the_start_is_told() -> None:
    flat = [np.full((90, 160, 3), 100 + second % 9, np.uint8) for second in range(60)]
    assert seen(Sight(), flat[:25]) == []
    assert seen(Sight(), flat) == ["covered"]


def test_a_cap_by_day_is_covered_and_lamps_that_go_out_are_dark() -> None:
    black = [(street(second) * 0.01).astype(np.uint8) + second % 5 for second in range(20)]
    by_day, by_night = Sight(), Sight()
    seen(by_day, [street(second) for second in range(20)])
    seen(by_night, [(street(second) * 0.3).astype(np.uint8) for second in range(20)])
    assert seen(by_day, black, 20) == ["covered"]
    assert seen(by_night, black, 20) == ["dark"]


def test_drops_on_the_lens_are_told_and_what_stands_before_it_is_none() -> None:
    clean = [street(second) for second in range(20)]
    for alter, called in ((drops, ["degraded"]), (lorry, [])):
        sight = Sight()
        assert seen(sight, clean) == []
        assert seen(sight, [alter(street(second)) for second in range(20, 40)], 20) == called
    # Light that goes, and the noise of a night, are none either.
    sight = Sight()
    seen(sight, clean)
    rng = np.random.default_rng(2)
    night = [street(second) * 0.5 + rng.normal(0, 4, (*WH[::-1], 3)) for second in range(20, 40)]
    assert seen(sight, [image.clip(0, 255).astype(np.uint8) for image in night], 20) == []


def test_a_decoder_that_repeats_the_last_pictures_is_frozen_and_a_still_scene_is_not() -> None:
    loop = [street(second % 3) for second in range(30)]
    assert seen(Sight(), loop) == ["frozen"]
    # One pixel by one level is enough: that is how little a quiet night may change.
    quiet = [street(0).copy() for _ in range(30)]
    for second, image in enumerate(quiet):
        image[0, second, 0] ^= 1
    assert seen(Sight(), quiet) == []


def test_faults_are_judged_in_seconds_whatever_the_rate() -> None:
    watches = [PictureWatch("cam") for _ in range(2)]
    for watch, rate in zip(watches, (1, 12), strict=True):
        for step in range(40 * rate):
            at = step / rate
            image = street(at) if at < 20 else FAULTS["covered"](street(at))
            watch.frame(Frame(image, at), detections())
    first, second = (watch.sight.blind_spans(0, 40) for watch in watches)
    assert first == pytest.approx(np.array(second), abs=1.0)


@pytest.mark.parametrize("name", ["square", "car_park", "street"])
def test_the_sample_scenes_have_no_fault(name: str) -> None:
    sight = Sight()
    with VideoFile(SCENES / f"{name}.mp4") as video:
        for number, frame in enumerate(video):
            if number % 6 == 0:
                assert sight.see(look_at(frame.image, NOBODY, frame.at)) == []
    assert sight.ready
    assert sight._learnt_s > LEARN_S


def test_records_of_a_scene_without_a_fault_are_what_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = load_config(box_file(tmp_path))

    def records() -> list[Any]:
        with VideoFile(SCENES / "square.mp4") as video:
            replay = Replay(video, box, box.cameras[0], Person(), datetime(2026, 1, 1, tzinfo=UTC))
            return [body.model_dump() for body in replay.bodies()]

    watched = records()
    monkeypatch.setattr(PictureWatch, "frame", lambda *words: None)
    assert watched == records()
