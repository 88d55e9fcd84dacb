"""Recordings: every frame once, at its time, and a clear word about everything that is no recording."""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.camera import VideoFile
from edge.decode import Rate, StreamChangedError, Timeline, mask
from edge.errors import CameraError
from tests.edge import media


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_every_frame_once_at_its_time(tmp_path: Path) -> None:
    with VideoFile(media.video(tmp_path / "a.mp4", 25)) as file:
        assert (file.width, file.height, file.fps, file.frames) == (64, 48, 25.0, 25)
        assert file.duration_s == pytest.approx(1.0)
        frames = list(file)
    assert [frame.at for frame in frames] == pytest.approx([i / 25 for i in range(25)], abs=1e-3)
    assert frames[0].at == 0.0
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert {frame.image.dtype for frame in frames} == {np.dtype(np.uint8)}
    assert [frame.image.mean() for frame in frames] == pytest.approx(
        [media.grey(i) for i in range(25)], abs=4
    )
    assert (file.decoded, file.skipped, file.warning) == (25, 0, None)


def test_a_frame_stays_valid_after_the_next(tmp_path: Path) -> None:
    frames = iter(VideoFile(media.video(tmp_path / "a.mp4", 8)))
    first = next(frames).image
    kept = first.copy()
    list(frames)
    assert (first == kept).all()


def test_colours_are_blue_green_red(tmp_path: Path) -> None:
    import av

    path = tmp_path / "red.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        image = np.zeros((48, 64, 3), np.uint8)
        image[..., 0] = 255
        for _ in range(3):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode(None))
    blue, green, red = next(iter(VideoFile(path))).image.mean(axis=(0, 1))
    assert red > 200
    assert max(blue, green) < 60


def test_variable_frame_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [0, 40, 50, 400, 405, 2000, 2500]
    file = VideoFile(media.video(tmp_path / "v.mkv", len(times), times_ms=times))
    assert [frame.at for frame in file] == pytest.approx([t / 1000 for t in times], abs=2e-3)
    assert file.warning is None


def test_a_late_first_time_becomes_zero(tmp_path: Path) -> None:
    path = media.video(tmp_path / "v.mkv", 3, times_ms=[5000, 5040, 5080])
    assert [frame.at for frame in VideoFile(path)] == pytest.approx([0, 0.04, 0.08], abs=2e-3)


@pytest.mark.parametrize(("rate", "count"), [(5, 5), (10, 10), (25, 25), (100, 25), (1, 1), (None, 25)])
def test_thinning_is_by_time(tmp_path: Path, rate: float | None, count: int) -> None:
    file = VideoFile(media.video(tmp_path / "a.mp4", 25), rate=rate)
    frames = list(file)
    assert len(frames) == count
    assert file.decoded == 25
    assert frames[0].at == 0.0


def test_thinning_spares_a_slow_stretch() -> None:
    rate = Rate(10)
    times = [0, 0.02, 0.04, 0.06, 0.08, 0.1, 1.0, 2.0, 2.02, 2.1]
    assert [t for t in times if rate.keeps(t)] == [0, 0.1, 1.0, 2.0, 2.1]


def test_repeats_and_stops_early(tmp_path: Path) -> None:
    file = VideoFile(media.video(tmp_path / "a.mp4", 25))
    for _ in range(3):
        for index, _frame in enumerate(file):
            if index == 2:
                break
    assert len(list(file)) == len(list(file)) == 25


def test_a_telephones_upright_film_is_turned(tmp_path: Path) -> None:
    file = VideoFile(media.turned(media.video(tmp_path / "a.mp4", 3), tmp_path / "t.mp4"))
    assert (file.width, file.height) == (48, 64)
    assert next(iter(file)).image.shape == (64, 48, 3)


def test_truncated_delivers_and_warns(tmp_path: Path) -> None:
    whole = media.video(tmp_path / "w.mp4", 100, movflags="faststart", noise=True)
    file = VideoFile(media.cut(whole, tmp_path / "t.mp4", 0.5))
    frames = list(file)
    assert 30 < len(frames) < 70
    assert file.warning is not None
    assert f"{file.decoded} of 100 frames" in file.warning
    assert f"{frames[-1].at:.2f} s of 4.00 s" in file.warning


def test_truncated_without_a_stated_count_warns(tmp_path: Path) -> None:
    whole = media.video(tmp_path / "w.mkv", 100, noise=True)
    file = VideoFile(media.cut(whole, tmp_path / "t.mkv", 0.5))
    assert 30 < len(list(file)) < 70
    assert file.frames is None
    assert file.warning is not None
    assert "of 4.00 s" in file.warning


def test_a_hole_is_left_out_and_told(tmp_path: Path) -> None:
    whole = media.video(tmp_path / "w.mp4", 100, movflags="faststart", noise=True)
    file = VideoFile(media.holed(whole, tmp_path / "h.mp4", 0.5, 0.1))
    times = [frame.at for frame in file]
    assert times == sorted(times)
    assert times[-1] > 3.8
    assert file.warning is not None
    assert "damaged" in file.warning


def test_glued_recordings_count_on(tmp_path: Path) -> None:
    part = media.video(tmp_path / "p.ts", 60)
    file = VideoFile(media.joined(tmp_path / "two.ts", part, part))
    times = [frame.at for frame in file]
    assert all(later > earlier for earlier, later in pairwise(times))
    assert times[-1] == pytest.approx(120 / 25, abs=0.2)


def test_a_changed_size_ends_it(tmp_path: Path) -> None:
    small = media.video(tmp_path / "s.ts", 10, wh=(64, 48))
    large = media.video(tmp_path / "l.ts", 10, wh=(128, 96))
    file = VideoFile(media.joined(tmp_path / "c.ts", small, large))
    with pytest.raises(StreamChangedError, match=r"stream_changed.*64x48.*128x96"):
        list(file)
    assert 5 <= file.decoded <= 10


def test_a_frame_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    small = media.video(tmp_path / "s.mjpeg", 8, codec="mjpeg", container="mjpeg")
    large = media.video(tmp_path / "l.mjpeg", 2, codec="mjpeg", container="mjpeg", wh=(1600, 1200))
    bomb = media.joined(tmp_path / "b.mjpeg", small, large)
    with pytest.raises(StreamChangedError, match="64x48 pixels and is now larger than allowed"):
        list(VideoFile(bomb, max_side_px=512))
    with pytest.raises(CameraError, match="at most 512x512 pixels"):
        VideoFile(media.video(tmp_path / "big.mp4", 2, wh=(640, 480)), max_side_px=512)
    with pytest.raises(CameraError, match="512"):  # few pixels, but too wide
        VideoFile(media.video(tmp_path / "wide.mp4", 2, wh=(600, 48)), max_side_px=512)


def _text(folder: Path) -> Path:
    path = folder / "x.mp4"
    path.write_text("no pictures here\n" * 50)
    return path


def _playlist(folder: Path) -> Path:
    secret = media.video(folder / "secret.ts", 5)
    path = folder / "x.mp4"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n")
    return path


def _concat_script(folder: Path) -> Path:
    media.video(folder / "secret.mp4", 5)
    path = folder / "x.mp4"
    path.write_text("ffconcat version 1.0\nfile secret.mp4\n")
    return path


def _jpeg(folder: Path) -> Path:
    return media.video(folder / "x.mp4", 1, codec="mjpeg", container="mjpeg")


def _headless(folder: Path) -> Path:
    return media.cut(media.video(folder / "w.mp4", 25), folder / "x.mp4", 0.5)


def _first_frame_cut(folder: Path) -> Path:
    whole = media.video(folder / "w.mp4", 25, movflags="faststart", noise=True)
    data = whole.read_bytes()
    path = folder / "x.mp4"
    path.write_bytes(data[: data.index(b"mdat") + 40])
    return path


def _empty(folder: Path) -> Path:
    path = folder / "x.mp4"
    path.touch()
    return path


def _pipe(folder: Path) -> Path:
    path = folder / "x.mp4"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    ("make", "got"),
    [
        (lambda folder: folder / "none.mp4", "not there"),
        (lambda folder: folder, "a folder"),
        (_empty, "empty"),
        (_pipe, "no plain file"),
        (_text, "no video"),
        (_playlist, "no video"),
        (_concat_script, "no video"),
        (_jpeg, "no video"),
        (lambda folder: media.audio(folder / "x.m4a"), "no video stream"),
        (_headless, "cut off"),
        (_first_frame_cut, "no picture|no video|cut off"),
    ],
)
def test_what_is_no_recording(tmp_path: Path, make, got: str) -> None:
    path = make(tmp_path)
    with pytest.raises(CameraError, match=got) as caught:
        VideoFile(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["http:x.mp4", "concat:a|b.mp4", "-i.mp4", "%03d.mp4", "été 1.mp4"])
def test_odd_names_are_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(media.video(tmp_path / "a.mp4", 5), tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(list(VideoFile(Path(name)))) == 5


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_damage_anywhere_is_told_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    whole = media.video(tmp_path / f"w.{suffix}", 20, movflags="faststart" if suffix == "mp4" else None)
    rng = random.Random(suffix)
    path = tmp_path / f"d.{suffix}"
    for _ in range(40):
        data = bytearray(whole.read_bytes())
        for _ in range(rng.choice((1, 10, 100))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.choice((len(data), rng.randrange(1, len(data))))])
        try:
            times = [frame.at for frame in VideoFile(path)]
        except CameraError:
            continue
        assert all(later > earlier for earlier, later in pairwise(times))


def test_reading_ahead_is_bounded(tmp_path: Path) -> None:
    path = media.video(tmp_path / "a.mp4", 60, wh=(1280, 720))
    list(VideoFile(path))
    before = psutil.Process().memory_info().rss
    for _frame in VideoFile(path):
        grown = psutil.Process().memory_info().rss - before
    assert grown < 40e6


times = st.one_of(st.none(), st.floats(-1e4, 1e7, allow_nan=False))


@given(st.lists(times, max_size=40), st.sampled_from([0.0, 1.0, 12.5, 25.0]))
def test_time_always_increases(stated: list[float | None], fps: float) -> None:
    timeline = Timeline(fps)
    stamps = [stamp for value in stated if (stamp := timeline.stamp(value)) is not None]
    assert all(later > earlier for earlier, later in pairwise(stamps))
    assert not stamps or stamps[0] == 0.0


@given(st.lists(st.floats(0.001, 100), max_size=40), st.floats(-1e4, 1e4))
def test_increasing_times_are_kept(steps: list[float], start: float) -> None:
    timeline = Timeline(25)
    stated = [start]
    for step in steps:
        stated.append(stated[-1] + step)
    assert [timeline.stamp(value) for value in stated] == pytest.approx([t - start for t in stated], abs=1e-6)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://admin:s3cret@10.0.0.5:554/a?b=c", "rtsp://admin:***@10.0.0.5:554"),
        ("rtsp://admin:s3@cret@10.0.0.5/a", "rtsp://admin:***@10.0.0.5"),
        ("rtsp://admin:s3/cret@10.0.0.5/a", "rtsp://***"),
        ("rtsp://10.0.0.5/user=admin&password=s3cret", "rtsp://10.0.0.5"),
        ("rtsp://10.0.0.5/a?password=s3cret", "rtsp://10.0.0.5"),
        ("RTSPS://admin@10.0.0.5", "RTSPS://admin@10.0.0.5"),
        ("http://u:s3cret@h/x", "http://u:***@h"),
        ("sample_videos/square.mp4", "sample_videos/square.mp4"),
    ],
)
def test_no_password_is_shown(source: str, shown: str) -> None:
    assert mask(source) == shown
