"""The preview encodes masked pictures and nothing else, and nothing else in edge encodes pixels."""

from __future__ import annotations

import ast
from pathlib import Path

import av
import numpy as np
import pytest

import edge
from edge.encode import MaskedVideo
from edge.errors import CameraError
from edge.preview import BayView, CaseView, LineView, Overlay, ZoneView, draw
from edge.privacy_blur import FILL_BGR, mask
from edge.records import Detections

EDGE = Path(edge.__file__).parent


def masked(height=360, width=640, value=200):
    person = Detections(
        np.array([[300, 100, 340, 200]], np.float32), np.array([0.5], np.float32), np.array([0])
    )
    return mask(np.full((height, width, 3), value, np.uint8), person)


def decoded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return (
            stream.codec_context.name,
            stream.average_rate,
            [frame.to_ndarray(format="bgr24") for frame in container.decode(stream)],
        )


def test_writes_a_playable_file(tmp_path):
    with MaskedVideo(tmp_path / "out.mp4", (640, 360), 12.5) as writer:
        for _ in range(10):
            writer.write(masked())
    codec, rate, frames = decoded(tmp_path / "out.mp4")
    assert codec == "h264"
    assert float(rate) == 12.5
    assert len(frames) == 10
    assert frames[0].shape == (360, 640, 3)
    assert abs(frames[5][150, 320].astype(int) - FILL_BGR).max() < 12
    assert abs(frames[5][20, 20].astype(int) - 200).max() < 12


def test_odd_sizes_lose_a_row_or_a_column(tmp_path):
    with MaskedVideo(tmp_path / "out.mp4", (101, 77), 5) as writer:
        writer.write(masked(77, 101))
    assert decoded(tmp_path / "out.mp4")[2][0].shape == (76, 100, 3)


def test_an_exception_still_finishes_the_file(tmp_path):
    writer = MaskedVideo(tmp_path / "out.mp4", (640, 360), 5)

    def interrupted():
        with writer:
            writer.write(masked())
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    writer.close()
    assert len(decoded(tmp_path / "out.mp4")[2]) == 1


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((360, 640, 3), np.uint8),
        None,
        b"pixels",
        type("BlurredImage", (), {"pixels": np.zeros((360, 640, 3))})(),
    ],
)
def test_refuses_whatever_is_not_masked(tmp_path, picture):
    with (
        MaskedVideo(tmp_path / "out.mp4", (640, 360), 5) as writer,
        pytest.raises(TypeError, match="only a BlurredImage may be encoded"),
    ):
        writer.write(picture)


def test_refuses_another_size_but_takes_the_black_of_a_failure(tmp_path):
    with MaskedVideo(tmp_path / "out.mp4", (640, 360), 5) as writer:
        with pytest.raises(ValueError, match="640x360 expected"):
            writer.write(masked(180, 320))
        failed = mask(None, None)
        assert failed.pixels.shape == (1, 1, 3)
        writer.write(failed)
    assert decoded(tmp_path / "out.mp4")[2][0].max() < 12


def test_unwritable_place(tmp_path):
    with pytest.raises(CameraError, match="must be writable"):
        MaskedVideo(tmp_path / "missing" / "out.mp4", (640, 360), 5)


FULL = Overlay(
    zones=[ZoneView("lawn", [(60, 150), (400, 150), (400, 340), (40, 340)], {"person": 4, "bicycle": 1})],
    lines=[LineView("gate", (420, 200), (600, 200), 12, 7)],
    bays=[
        BayView("b1", [(500, 20), (560, 20), (570, 70), (505, 70)], occupied)
        for occupied in (True, False, None)
    ],
    boxes=Detections(np.array([[300, 100, 340, 200]], np.float32), np.ones(1, np.float32), np.array([0])),
    cases=[CaseView("debris 45 s", (450, 250, 480, 270))],
    clock="2026-01-01 00:00:12 UTC",
)


def test_draw_shows_zones_lines_bays_boxes_cases_and_clock():
    plain, drawn = masked(), draw(masked(), FULL)
    changed = (plain.pixels != drawn.pixels).any(axis=2)
    assert changed[200:330, 60:390].mean() > 0.99  # the zone is tinted all over
    assert changed[0:18, 0:150].mean() > 0.9  # the clock
    assert changed[100:201, 300].all()  # the edge of the person's box
    assert changed[200, 420:600].all()  # the line
    assert changed[215:225, 505:515].any()  # its arrow points downwards: in, for a line from left to right
    assert changed[246:275, 446].all()  # the box around what lies on the road
    assert changed[278:290, 450:480].mean() > 0.9  # and its words
    assert not changed[252:268, 452:478].any()  # the thing itself can be seen
    assert not changed[90:130, 420:600].any()


def test_arrow_turns_with_the_line():
    upward = draw(masked(), Overlay(lines=[LineView("gate", (600, 200), (420, 200))]))
    changed = (masked().pixels != upward.pixels).any(axis=2)
    assert changed[175:185, 505:515].any()


def test_what_was_masked_stays_masked_under_the_drawing():
    """The picture below the drawing differs in nothing but the masked region: the results must be equal."""
    person = Detections(np.array([[300, 100, 340, 200]], np.float32), np.ones(1, np.float32), np.array([0]))
    one, other = np.full((360, 640, 3), 200, np.uint8), np.full((360, 640, 3), 200, np.uint8)
    other[95:140, 302:338] = np.random.default_rng(0).integers(0, 256, (45, 36, 3))
    np.testing.assert_array_equal(
        draw(mask(one, person), FULL).pixels, draw(mask(other, person), FULL).pixels
    )


@pytest.mark.parametrize("size", [(48, 64), (360, 640), (1080, 1920)])
def test_drawing_outside_the_picture_is_harmless(size):
    overlay = Overlay(
        zones=[
            ZoneView("far", [(-500, -500), (-400, -500), (-400, -400)]),
            ZoneView("over", [(-9, -9), (9e3, 0), (0, 9e3)]),
        ],
        lines=[LineView("point", (5, 5), (5, 5)), LineView("out", (5e3, 5e3), (6e3, 6e3))],
        boxes=Detections(np.array([[-50, -50, 9000, 20]], np.float32), np.ones(1, np.float32), np.array([5])),
        cases=[CaseView("debris", (-50, -50, -20, -20)), CaseView("obstruction", (-9, -9, 9e3, 9e3))],
        clock="a clock that is far too long for a picture as small as this one",
    )
    assert draw(masked(*size), overlay).pixels.shape == (*size, 3)


def test_a_failed_picture_stays_black_below_the_drawing():
    drawn = draw(mask(np.full((360, 640, 3), 200, np.uint8), None), Overlay(clock="12:00"))
    assert drawn.failed
    assert not drawn.pixels[100:].any()


ENCODERS = {
    "imwrite", "imencode", "imwritemulti", "imencodemulti", "VideoWriter", "imshow", "add_stream",
    "add_stream_from_template", "tofile", "save", "savez", "savez_compressed", "imsave", "to_image", "plot_image",
    "plot_images_grid", "ImageSink", "VideoSink", "JpegEncoder",
}  # fmt: skip


def test_only_one_module_encodes_pixels():
    """Names with which cv2, PyAV, PIL, numpy, matplotlib and supervision write pictures."""
    found = {}
    for path in EDGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        names |= {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
        }
        names |= {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in ENCODERS
        }
        if names & ENCODERS:
            found[path.name] = names & ENCODERS
    assert found == {"encode.py": {"add_stream", "imencode"}}


def test_only_the_mask_makes_blurred_images():
    """The name is called nowhere else, and the token is read nowhere else."""
    for path in EDGE.rglob("*.py"):
        if path.name == "privacy_blur.py":
            continue
        tree = ast.parse(path.read_text())
        called = {
            getattr(n.func, "attr", getattr(n.func, "id", ""))
            for n in ast.walk(tree)
            if isinstance(n, ast.Call)
        }
        read = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        assert "BlurredImage" not in called, path.name
        assert "_TOKEN" not in read, path.name
