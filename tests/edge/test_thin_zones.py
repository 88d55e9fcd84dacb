"""Zones at their edges: thinner than a step between two frames, only grazed, or ending at the frame's border."""

from __future__ import annotations

import pytest

from tests.edge.scene import config, count, times, total, walk


@pytest.mark.parametrize("fps", [4, 6, 25])
def test_nobody_jumps_over_a_thin_zone(fps: float) -> None:
    """A runner at two heights a second, and a strip a quarter of a height wide: less than one step between frames."""
    strip = ((0.5, 0.25), (0.515, 0.25), (0.515, 0.75), (0.5, 0.75))
    thin = config(classes=("person",)).zones[0].model_copy(update={"polygon": strip})
    wire = config().model_copy(update={"zones": (thin,)})
    bodies = count([walk(40, 180, 600, 190, 1, 8)], times(10, fps), wire=wire)
    assert (total(bodies, "entries"), total(bodies, "exits")) == (1, 1)
    assert total(bodies, "object_s") == pytest.approx(10 / 80, abs=0.04 + 0.5 / fps)


def test_who_walks_past_a_corner_or_around_a_zone_was_not_in_it() -> None:
    grazing = walk(100, 92, 540, 88, 0, 20)  # along the upper edge, y 90, two pixels inside and out
    assert total(count([grazing], times(20)), "entries") == 0
    around = [
        walk(140, 60, 500, 60, 0, 10),
        walk(500, 60, 500, 300, 10, 17),
        walk(500, 300, 140, 300, 17, 27),
    ]

    def motion(at: float) -> tuple[float, float] | None:
        return next((place for leg in around if (place := leg(at)) is not None), None)

    assert total(count([motion], times(27)), "entries") == 0


def test_who_cuts_a_corner_slowly_only_grazed_the_zone() -> None:
    """A way that runs 3 pixels deep through the corner at (160, 90) for half a second."""
    assert total(count([walk(100, 155.6, 220, 35.6, 0, 14)], times(14)), "entries") == 0


def test_where_a_zone_ends_with_the_picture_nobody_is_seen_to_come_or_go() -> None:
    """One comes in through the frame's right border, another leaves there; a third comes from within the picture."""
    right = ((0.5, 0.25), (1.0, 0.25), (1.0, 0.75), (0.5, 0.75))
    zone = config().zones[0].model_copy(update={"polygon": right})
    motions = [walk(652, 150, 400, 150, 1, 9), walk(400, 200, 652, 200, 1, 9), walk(200, 250, 400, 250, 1, 9)]
    wire = config().model_copy(update={"zones": (zone,), "lines": ()})
    bodies = count(motions, times(12), wire=wire)
    assert (total(bodies, "entries"), total(bodies, "exits")) == (1, 0)
    assert total(bodies, "object_s") > 15
