"""Nothing that was detected, or just was, stays visible; and when in doubt the picture is black."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.names import CLASSES
from edge import privacy_blur, regions
from edge.privacy_blur import FILL_BGR, HOLD_S, BlurredImage, Mask, mask
from edge.records import Detections

PERSON, BICYCLE, MOTORCYCLE, CAR, BUS, TRUCK = range(6)


def picture(height=120, width=160):
    """Every pixel differs from the fill and from black."""
    return np.full((height, width, 3), 200, np.uint8)


def boxes(*rows):
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, 1:], np.full(len(table), 0.5, np.float32), table[:, 0].astype(np.int64))


def at_once(running, image, detections, at, **more):
    """The frame's own picture, of a mask that does not look ahead."""
    (blurred,) = running.push(image, detections, at, **more)
    return blurred


def plain():
    return Mask(ahead_s=0)


def hidden(blurred, x1, y1, x2, y2):
    return bool((blurred.pixels[y1:y2, x1:x2] == FILL_BGR).all())


def shown(blurred, x1, y1, x2, y2):
    return bool((blurred.pixels[y1:y2, x1:x2] == 200).all())


@pytest.mark.parametrize("name", ["person", "bicycle", "motorcycle"])
def test_upper_bodies_are_hidden_and_heads_padded(name):
    blurred = mask(picture(), boxes((CLASSES.index(name), 60, 20, 90, 110)))
    assert not blurred.failed
    assert hidden(blurred, 60, 20, 90, 74)  # six tenths of the height
    assert hidden(
        blurred, 51, 11, 99, 38
    )  # the head: three tenths of the width on each side, a tenth of the height above
    assert shown(blurred, 0, 0, 160, 10)
    assert shown(blurred, 0, 38, 58, 120)
    assert shown(blurred, 0, 75, 160, 120)


def test_who_is_seen_in_part_or_bends_is_hidden_whole():
    """Of a face and shoulders in a box the lower half is a face, too."""
    blurred = mask(picture(), boxes((PERSON, 40, 30, 90, 90)))
    assert hidden(blurred, 40, 30, 90, 90)


@pytest.mark.parametrize("name", ["car", "bus", "truck"])
def test_lower_part_of_vehicles_is_hidden(name):
    blurred = mask(picture(), boxes((CLASSES.index(name), 20, 20, 120, 80)))
    assert hidden(blurred, 10, 38, 130, 86)
    assert shown(blurred, 0, 0, 160, 37)


def test_fill_is_opaque_and_the_original_is_untouched():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (120, 160, 3), np.uint8)
    before = image.copy()
    blurred = mask(image, boxes((PERSON, -20, -20, 400, 400)))
    assert (blurred.pixels == FILL_BGR).all()
    np.testing.assert_array_equal(image, before)
    assert not np.shares_memory(blurred.pixels, image)


def test_no_object_hides_nothing_and_is_no_failure():
    blurred = mask(picture(), Detections.empty())
    assert not blurred.failed
    assert shown(blurred, 0, 0, 160, 120)


def test_a_blurred_image_is_made_only_here():
    with pytest.raises(TypeError, match=r"comes from edge\.privacy_blur only"):
        BlurredImage(picture(), failed=False, token=object())
    blurred = mask(picture(), Detections.empty())
    with pytest.raises(dataclasses.FrozenInstanceError):
        blurred.pixels = picture()
    with pytest.raises(ValueError, match="read-only"):
        blurred.pixels[0, 0] = 1
    with pytest.raises(TypeError):
        copy.deepcopy(blurred)
    with pytest.raises(TypeError):
        pickle.dumps(blurred)
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(blurred, pixels=picture())


def test_annotated_draws_on_a_copy():
    blurred = mask(picture(), boxes((PERSON, 40, 30, 80, 90)))

    def draw(canvas):
        canvas[:10] = 7

    drawn = blurred.annotated(draw)
    assert (drawn.pixels[:10] == 7).all()
    assert shown(blurred, 0, 0, 160, 10)
    assert hidden(drawn, 40, 30, 80, 78)
    assert drawn.failed is blurred.failed


# Fail closed


class Hostile:
    """Raises whatever one does with it."""

    def __init__(self, error):
        self._error = error

    def __getattr__(self, name):
        raise self._error


def broken_detections(kind):
    good = boxes((PERSON, 40, 30, 80, 90), (CAR, 5, 5, 50, 50))
    values = {
        "xyxy": good.xyxy.copy(),
        "confidence": good.confidence.copy(),
        "class_id": good.class_id.copy(),
    }
    if kind == "none":
        return None
    if kind == "hostile":
        return Hostile(RuntimeError("lost"))
    if kind == "nan":
        values["xyxy"][0, 1] = np.nan
    elif kind == "infinite":
        values["xyxy"][1, 2] = np.inf
    elif kind == "inside out":
        values["xyxy"][0, [0, 2]] = values["xyxy"][0, [2, 0]]
    elif kind == "three columns":
        values["xyxy"] = values["xyxy"][:, :3]
    elif kind == "classes missing":
        values["class_id"] = values["class_id"][:1]
    elif kind == "scores missing":
        values["confidence"] = values["confidence"][:1]
    elif kind == "unknown class":
        values["class_id"][0] = 17
    elif kind == "negative class":
        values["class_id"][0] = -1
    elif kind == "boxes as text":
        values["xyxy"] = np.array([["a"] * 4] * 2)
    elif kind == "no arrays":
        values["xyxy"] = None
    return Detections(**values)


FAULTS = (
    "none",
    "hostile",
    "nan",
    "infinite",
    "inside out",
    "three columns",
    "classes missing",
    "scores missing",
    "unknown class",
    "negative class",
    "boxes as text",
    "no arrays",
)


@pytest.mark.parametrize("fault", FAULTS)
def test_missing_or_broken_detections_make_the_picture_black(fault):
    blurred = mask(picture(), broken_detections(fault))
    assert blurred.failed
    assert blurred.pixels.shape == (120, 160, 3)
    assert not blurred.pixels.any()


@pytest.mark.parametrize(
    "image",
    [
        None,
        "picture",
        np.zeros(5, np.uint8),
        np.full((10, 10), 9, np.uint8),
        np.full((10, 10, 4), 9, np.uint8),
        np.full((10, 10, 3), 0.5),
        Hostile(AttributeError("no image")),
    ],
)
def test_what_is_no_picture_becomes_black(image):
    for blurred in (mask(image, Detections.empty()), at_once(plain(), image, Detections.empty(), 1.0)):
        assert blurred.failed
        assert not blurred.pixels.any()


def test_two_hundred_injected_faults_are_two_hundred_black_pictures(monkeypatch):
    """Something inside fails, at any of its steps, while a masked video runs."""
    steps = ("checked", "regions_of", "found_again", "_paint", "carried", "small_grey", "_within_bounds")
    errors = (
        RuntimeError,
        MemoryError,
        ValueError,
        IndexError,
        KeyError,
        OSError,
        ZeroDivisionError,
        TypeError,
    )
    kinds = [("step", step, error) for step in steps for error in errors]
    kinds += [("data", fault, None) for fault in FAULTS]
    kinds += [("time", value, None) for value in (float("nan"), float("inf"), None)]
    rng = np.random.default_rng(5)
    running = plain()
    black = 0
    for i in range(200):
        kind, what, error = kinds[i % len(kinds)] if i < len(kinds) else kinds[rng.integers(len(kinds))]
        at = i / 10
        with monkeypatch.context() as patch:
            if kind == "step":

                def failing(*_args, error=error):
                    raise error("injected")

                patch.setattr(privacy_blur, what, failing)
                blurred = at_once(running, picture(), boxes((PERSON, 40, 30, 80, 90)), at)
            elif kind == "data":
                blurred = at_once(running, picture(), broken_detections(what), at)
            else:
                blurred = at_once(running, picture(), boxes((PERSON, 40, 30, 80, 90)), what)
        black += blurred.failed and not blurred.pixels.any()
        sound = at_once(running, picture(), boxes((PERSON, 40, 30, 80, 90)), at + 0.05)
        assert not sound.failed
        assert hidden(sound, 40, 25, 80, 78)
    assert black == 200


# Holding


def test_a_lost_region_stays_hidden_for_half_a_second():
    running = plain()
    at_once(running, picture(), boxes((PERSON, 40, 30, 80, 90)), 10.0)
    for at in (10.04, 10.3, 10.0 + HOLD_S):
        assert hidden(at_once(running, picture(), Detections.empty(), at), 40, 25, 80, 78)
    assert shown(at_once(running, picture(), Detections.empty(), 10.51), 0, 0, 160, 120)


def test_the_hold_counts_from_the_last_detection_not_from_the_last_hold():
    running = plain()
    at_once(running, picture(), boxes((PERSON, 40, 30, 80, 90)), 0.0)
    at_once(running, picture(), Detections.empty(), 0.4)
    assert shown(at_once(running, picture(), Detections.empty(), 0.8), 0, 0, 160, 120)


def test_a_region_found_again_moves_without_a_trail():
    running = plain()
    at_once(running, picture(), boxes((PERSON, 40, 30, 80, 90)), 0.0)
    moved = at_once(running, picture(), boxes((PERSON, 50, 30, 90, 90)), 0.1)
    assert shown(moved, 0, 42, 47, 120)
    assert hidden(moved, 50, 25, 90, 78)


def test_another_object_does_not_end_the_hold():
    running = plain()
    at_once(running, picture(), boxes((PERSON, 40, 30, 80, 90)), 0.0)
    other = at_once(running, picture(), boxes((PERSON, 100, 30, 140, 90)), 0.1)
    assert hidden(other, 40, 25, 80, 78)
    assert hidden(other, 100, 25, 140, 78)


def test_an_error_neither_ends_nor_prolongs_the_hold():
    running = plain()
    at_once(running, picture(), boxes((PERSON, 40, 30, 80, 90)), 0.0)
    assert at_once(running, picture(), None, 0.2).failed
    assert hidden(at_once(running, picture(), Detections.empty(), 0.4), 40, 25, 80, 78)
    assert shown(at_once(running, picture(), Detections.empty(), 0.6), 0, 0, 160, 120)


def test_memory_is_bounded_by_the_hold():
    running = plain()
    rng = np.random.default_rng(1)
    for i in range(500):
        rows = [(PERSON, x, y, x + 4, y + 9) for x, y in rng.integers(0, 100, (5, 2))]
        at_once(running, picture(), boxes(*rows), i / 10)
    assert len(running._held) <= 2 * 5 * 7


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 5)], *[st.floats(-50, 250, width=32)] * 4), max_size=12))
def test_every_pixel_of_a_detected_upper_body_is_hidden(rows):
    ordered = [(c, min(a, x), min(b, y), max(a, x), max(b, y)) for c, a, b, x, y in rows]
    blurred = mask(picture(), boxes(*ordered))
    assert not blurred.failed
    for name, x1, y1, x2, y2 in ordered:
        if name <= MOTORCYCLE:
            left, top = (int(np.clip(np.floor(v), 0, side)) for v, side in ((x1, 160), (y1, 120)))
            waist = y1 + 0.6 * (y2 - y1)
            right, bottom = (int(np.clip(np.floor(v), 0, side)) for v, side in ((x2, 160), (waist, 120)))
            assert hidden(blurred, left, top, right, bottom)


# Looking ahead, being carried, a second pair of eyes


def textured(shift=0, seed=3, height=120, width=160):
    """Noise that can be followed; ``shift`` moves its left half to the right, over what is there."""
    image = np.repeat(
        np.kron(
            np.random.default_rng(seed).integers(0, 180, (height // 4, width // 4, 1)), np.ones((4, 4, 1))
        ),
        3,
        axis=2,
    ).astype(np.uint8)
    moved = image.copy()
    moved[20:100, 20 + shift : 60 + shift] = image[20:100, 20:60]
    return moved


def covered(blurred, x1, y1, x2, y2):
    return float((blurred.pixels[y1:y2, x1:x2] == FILL_BGR).all(axis=2).mean())


def test_what_appears_is_masked_half_a_second_before():
    running, out = Mask(), []
    for k in range(20):
        found = boxes((PERSON, 40, 30, 80, 90)) if k >= 10 else Detections.empty()
        out += running.push(textured(), found, k / 10)
    out += running.flush()
    assert len(out) == 20
    assert [covered(frame, 40, 30, 80, 78) > 0.95 for frame in out] == [False] * 5 + [True] * 15


def test_frames_come_out_once_in_order_and_late():
    running = Mask()
    sizes = [len(running.push(picture(), Detections.empty(), k / 8)) for k in range(12)]
    assert sizes == [0] * 4 + [1] * 8
    assert len(running.flush()) == 4
    assert running.flush() == []


def test_a_lost_region_is_carried_along_what_moves_in_it():
    running = plain()
    at_once(running, textured(0), boxes((PERSON, 20, 20, 60, 100)), 0.0)
    for k in range(1, 5):
        last = at_once(running, textured(8 * k), Detections.empty(), k / 10)
    assert covered(last, 52, 20, 92, 68) > 0.9
    assert covered(last, 0, 40, 40, 120) < 0.1  # no trail where nobody is any more


def test_what_appears_is_carried_backwards_too():
    running, out = Mask(), []
    for k in range(6):
        found = boxes((PERSON, 60, 20, 100, 100)) if k == 5 else Detections.empty()
        out += running.push(textured(8 * k), found, k / 10)
    out += running.flush()
    assert covered(out[1], 28, 20, 68, 68) > 0.9


class Eyes:
    """A finder that finds the same box each time, and counts how often it looks."""

    def __init__(self, *found):
        self.found, self.looked = found, 0

    def detect(self, image):
        self.looked += 1
        box = self.found[(self.looked - 1) % len(self.found)]
        if isinstance(box, Exception):
            raise box
        return np.array(box, float).reshape(-1, 4)


def test_what_a_finder_finds_is_hidden_and_padded_by_thirty_percent():
    blurred = mask(picture(), Detections.empty(), (Eyes((50, 50, 70, 80)),))
    assert hidden(blurred, 44, 41, 76, 89)
    assert shown(blurred, 0, 0, 44, 120)


def test_finders_look_as_seldom_as_they_are_told_and_are_held_between():
    eyes = Eyes((50, 50, 70, 80))
    running = Mask(finders=(eyes,), every=4)
    out = []
    for k in range(12):
        out += running.push(textured(), Detections.empty(), k / 10)
    out += running.flush()
    assert eyes.looked == 3
    assert all(covered(frame, 50, 50, 70, 80) > 0.95 for frame in out)


@pytest.mark.parametrize(
    ("finder", "reason"),
    [
        (Eyes(OSError("/secret/path")), "OSError"),
        (Eyes((1, 2, 3, float("nan"))), "broken boxes"),
        (Eyes((9, 9, 3, 3)), "broken boxes"),
        (Eyes(np.zeros((0, 4))), ""),
    ],
)
def test_a_finder_that_fails_makes_the_picture_black_and_says_why(finder, reason):
    blurred = mask(picture(), Detections.empty(), (finder,))
    assert blurred.failed is bool(reason)
    assert blurred.reason == reason


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"detected_at": 0.4}, "a result too old for the frame"),
        ({"detected_at": 1.2}, "a result too old for the frame"),
        ({"lag_s": 2.5}, "a queue that lags"),
        ({"lag_s": float("nan")}, "a queue that lags"),
        ({"detected_at": 0.9, "lag_s": 1.0}, ""),
    ],
)
def test_old_results_and_lagging_queues_make_the_picture_black(more, reason):
    running = plain()
    blurred = at_once(running, picture(), boxes((PERSON, 40, 30, 80, 90)), 1.0, **more)
    assert (blurred.failed, blurred.reason) == (bool(reason), reason)
    assert running.reasons == ({reason: 1} if reason else {})


def test_more_regions_than_can_be_followed_make_the_picture_black():
    most = regions.MOST // 2  # a body and a head each
    rows = [(PERSON, i % 20 * 8, i // 20 * 5, i % 20 * 8 + 6, i // 20 * 5 + 4) for i in range(most + 1)]
    assert not mask(picture(), boxes(*rows[:-1])).failed
    assert mask(picture(), boxes(*rows)).reason == "more people and vehicles than the mask can follow"


def test_a_frame_without_a_time_lets_no_other_out_early():
    running = Mask()
    assert running.push(picture(), Detections.empty(), 1.0) == []
    assert running.push(picture(), Detections.empty(), float("nan")) == []
    assert running.push(picture(), boxes((PERSON, 40, 30, 80, 90)), 1.2) == []
    out = running.flush()
    assert [frame.failed for frame in out] == [False, True, False]
    assert hidden(out[0], 40, 30, 80, 78)


def test_large_pictures_wait_less():
    image = np.zeros((4000, 6000, 3), np.uint8)  # 72 MB
    running = Mask()
    ready = [len(running.push(image, Detections.empty(), k / 100)) for k in range(6)]
    assert ready == [0, 0, 0, 1, 1, 1]
