"""The road's two memories (`edge.background`) on pictures made here, and the whole way of a camera's roads (`edge.road`)."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from contract.messages import AnomalyBody
from edge.background import LEARN_S, SETTLED_S, Ground
from edge.cases import KeptCases
from edge.config import CameraEntry
from edge.records import Detections, Frame, ImageArray, Track
from edge.road import Roads
from edge.still import Look
from edge.timeline import Timeline
from edge.zones import Layout, Zone

WH = (320, 180)
BOX = np.array([150, 90, 180, 112])
NOBODY = np.zeros((0, 4), np.float32)
Paint = Callable[[ImageArray], None]


def street(seed: int = 0) -> ImageArray:
    """Asphalt with a kerb, a dashed line and the grain of a sensor, (180, 320, 3) uint8."""
    image = np.full((WH[1], WH[0], 3), (92, 94, 96), np.uint8)
    cv2.line(image, (0, 40), (320, 60), (150, 150, 150), 3)
    for x in range(10, 320, 60):
        cv2.line(image, (x, 140), (x + 30, 142), (215, 215, 215), 3)
    noise = np.random.default_rng(seed).normal(0, 1.5, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def carton(image: ImageArray) -> None:
    x1, y1, x2, y2 = BOX.tolist()
    cv2.rectangle(image, (x1, y1), (x2, y2), (70, 110, 150), -1)
    cv2.rectangle(image, (x1, y1), (x1 + 12, y2), (40, 70, 100), -1)


def looks(ground: Ground, start: int, end: int, paint: Paint | None = None, fps: int = 1) -> list[Look]:
    found = []
    for number in range(start * fps, end * fps):
        image = street(number)
        if paint is not None:
            paint(image)
        found.append(ground.look(image, number / fps, NOBODY))
    return found


def whole() -> Ground:
    return Ground(np.ones((WH[1], WH[0]), bool))


@pytest.mark.parametrize("fps", [1, 4])
def test_a_thing_is_a_blob_in_its_place_once_it_has_settled(fps: int) -> None:
    ground = whole()
    empty = looks(ground, 0, 40, fps=fps)
    assert all(not seen.blobs for seen in empty)
    after = looks(ground, 40, 60, carton, fps=fps)
    first = next(number for number, seen in enumerate(after) if seen.blobs)
    assert SETTLED_S <= first / fps <= SETTLED_S + 4
    (blob,) = after[-1].blobs
    assert np.abs(blob.xyxy - BOX).max() <= 8
    assert blob.edge_now > 3 * blob.edge_then
    assert blob.one_way < 0.5


def test_light_that_changes_everywhere_is_no_blob() -> None:
    ground = whole()
    looks(ground, 0, 40)
    for second in range(40, 120):
        gain = 0.65 + 0.35 * np.cos((second - 40) / 6)
        image = np.clip(street(second) * gain, 0, 255).astype(np.uint8)
        assert not ground.look(image, float(second), NOBODY).blobs, second


def test_a_soft_shadow_is_no_blob_and_the_edge_of_a_hard_one_points_one_way() -> None:
    soft, hard = whole(), whole()
    looks(soft, 0, 40)
    looks(hard, 0, 40)
    x = np.arange(WH[0], dtype=np.float32)

    def shade(width: float) -> Paint:
        gain = 0.75 - 0.25 * np.tanh((x - 200) / width / 2)

        def paint(image: ImageArray) -> None:
            image[:] = (image * gain[None, :, None]).astype(np.uint8)

        return paint

    assert not any(seen.blobs for seen in looks(soft, 40, 70, shade(12.0)))
    sharp = looks(hard, 40, 70, shade(0.5))[-1].blobs
    assert sharp
    assert all(blob.one_way > 0.75 for blob in sharp)


def test_under_somebody_nothing_is_learnt_and_nothing_judged() -> None:
    ground, busy = whole(), BOX[None].astype(np.float32)
    looks(ground, 0, 40)
    for second in range(40, 300):
        image = street(second)
        carton(image)
        seen = ground.look(image, float(second), busy)
        assert not seen.blobs
        assert seen.open_share < 1.0
    # It was not taken into the road's memory meanwhile.
    assert looks(ground, 300, 320, carton)[-1].blobs


def test_what_is_absorbed_is_the_roads() -> None:
    ground = whole()
    looks(ground, 0, 40)
    (blob,) = looks(ground, 40, 60, carton)[-1].blobs
    ground.absorb([blob.xyxy])
    assert not any(seen.blobs for seen in looks(ground, 60, 90, carton))


def test_dark_pictures_are_said_to_be_dark() -> None:
    ground = whole()
    assert ground.look(np.full((WH[1], WH[0], 3), 4, np.uint8), 0.0, NOBODY).dark
    assert not ground.look(street(), 1.0, NOBODY).dark


def test_nothing_is_judged_before_the_road_is_learnt() -> None:
    ground = whole()
    seen = [ground.look(street(n), float(n), NOBODY) for n in range(int(LEARN_S) + 2)]
    assert seen[0].learnt == 0.0
    assert seen[-1].learnt == 1.0


def test_a_mask_without_a_road_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one point of road"):
        Ground(np.zeros((10, 10), bool))


ENTRY = CameraEntry.model_validate(
    {
        "id": "north",
        "source": "x.mp4",
        "zones": [
            {
                "id": "lane", "kind": "road", "purpose": "operational", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]],
                "operational": {"legal_basis": "order 7", "dpia_reference": "dpia 7"}, "debris": {"enabled": True, "persistence_s": 8},
            },
            {"id": "other", "kind": "road", "polygon": [[0, 0], [1, 0], [1, 1]]},
        ],
    }
)  # fmt: skip
ROAD = np.array([[0.0, 0.0], [320.0, 0.0], [320.0, 180.0], [0.0, 180.0]])
LAYOUT = Layout(WH, (Zone("lane", "road", "a" * 16, ("car",), ROAD, {}, None),), ())


def film(
    roads: Roads, start: int, end: int, paint: Paint | None = None, faults: tuple[str, ...] = ()
) -> list[AnomalyBody]:
    nothing: tuple[Track, ...] = ()
    told = []
    for number in range(4 * start, 4 * end):
        image = street(number)
        if paint is not None:
            paint(image)
        told += roads.frame(Frame(image, number / 4), LAYOUT, Detections.empty(), nothing, faults)  # type: ignore[arg-type]
    return told


def test_from_pictures_to_a_case_that_opens_and_clears() -> None:
    roads = Roads(ENTRY, 0.25, Timeline(60, 1_790_000_000.0))
    assert film(roads, 0, 30) == []
    (opened,) = film(roads, 30, 60, carton)
    assert (opened.zone, opened.kind, opened.state) == ("lane", "debris", "open")
    assert 1_790_000_028 <= opened.first_seen.timestamp() <= 1_790_000_034
    assert abs(opened.x - BOX[::2].mean() / WH[0]) < 0.02
    assert roads.sight == {"lane": "clear"}
    (cleared,) = film(roads, 60, 100)
    assert (cleared.state, cleared.revision) == ("cleared", 2)


def test_a_restart_announces_nothing_again_and_clears_what_was_taken_meanwhile() -> None:
    first = Roads(ENTRY, 0.25, Timeline(60, 1_790_000_000.0))
    film(first, 0, 30)
    (opened,) = film(first, 30, 60, carton)
    kept = KeptCases.model_validate_json(first.keep().model_dump_json())
    there, gone = (Roads(ENTRY, 0.25, Timeline(60, 1_790_000_100.0)) for _ in range(2))
    for roads in (there, gone):
        roads.resume(kept)
        assert roads.keep() == kept
    assert film(there, 0, 120, carton) == []
    assert [case.case for _, case in there.open_cases] == [opened.case]
    (cleared,) = film(gone, 0, 120)
    assert (cleared.case, cleared.state, cleared.revision) == (opened.case, "cleared", 2)
    assert cleared.first_seen == opened.first_seen


def test_a_picture_with_a_fault_neither_opens_nor_clears() -> None:
    roads = Roads(ENTRY, 0.25, Timeline(60, 1_790_000_000.0))
    film(roads, 0, 30)
    film(roads, 30, 60, carton)
    assert film(roads, 60, 120, faults=("covered",)) == []
    assert len(roads.open_cases) == 1


def test_a_camera_without_debris_costs_nothing() -> None:
    entry = ENTRY.model_copy(update={"zones": ENTRY.zones[1:]})
    roads = Roads(entry, 0.25, Timeline(60, 1_790_000_000.0))
    assert film(roads, 0, 5) == []
    assert roads.sight == {}
    assert roads.keep().cases == ()
