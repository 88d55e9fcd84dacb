"""The check of drawn bays against each other and against the vehicles that were seen."""

from __future__ import annotations

import itertools

import numpy as np

from edge.findings import Array, Expected, Finding, percent
from edge.geometry import points_in_polygon, polygon_area
from edge.ground import GroundPlane
from edge.lint_geometry import shared_part
from edge.measured import H, Sizes, W, X, Y
from edge.zones import Zone

_OVERLAP, _SAME = 0.1, 0.5  # of the smaller bay
_SMALL, _LARGE = 0.4, 2.5  # of a bay for a car, or of the box of a vehicle there
_LEAST_SEEN = 3
BAY_M2 = 12.0  # a French bay across the lane is 2.3 to 2.5 m by 5 m (NF P91-100)


def lint_bays(zone: Zone, expected: Expected, ground: GroundPlane | None) -> list[Finding]:
    """Findings about the bays of one zone; in metres where the ground is known, else against the vehicles seen."""
    findings = [_overlap(zone, first, second) for first, second in itertools.combinations(zone.bays, 2)]
    sizes = expected.sizes(zone.classes).get("vehicle")
    for name, polygon in zone.bays.items():
        area_m2 = None if ground is None else ground.area_m2(polygon)
        if area_m2 is not None:
            findings.append(_metres(zone, name, area_m2))
        elif sizes is not None:
            findings.append(_size(zone, name, sizes, expected.wh))
    return [finding for finding in findings if finding is not None]


def _overlap(zone: Zone, first: str, second: str) -> Finding | None:
    share = shared_part(zone.bays[first], zone.bays[second])
    if share <= _OVERLAP:
        return None
    return Finding(
        "bay-overlap",
        "error" if share >= _SAME else "warning",
        f"bay {zone.id}/{second}",
        f"it and bay {first} overlap by {percent(share)} of the smaller: a car there is taken for one of them, and"
        " the other reads free or occupied by chance.",
        "Draw the two side by side along the painted line, or take one out.",
    )


def _metres(zone: Zone, name: str, area_m2: float) -> Finding | None:
    share = area_m2 / BAY_M2
    if _SMALL <= share <= _LARGE:
        return None
    found = f"it covers {area_m2:.1f} m² of the ground, and a bay for a car about {BAY_M2:.0f} m²"
    remedy = "check the four points of `ground` if the bay is drawn well."
    return _finding(zone, name, found, f"from line to line; {remedy}", small=share < _SMALL)


def _size(zone: Zone, name: str, sizes: Sizes, wh: tuple[int, int]) -> Finding | None:
    polygon, frame = zone.bays[name], wh[0] * wh[1] / 100
    box, seen = _vehicle(polygon, sizes, wh)
    share = polygon_area(polygon) / box
    if _SMALL <= share <= _LARGE:
        return None
    found = (
        f"it covers {polygon_area(polygon) / frame:.2f} % of the frame, {share:.1f} times the box of"
        f" {'the vehicles seen in it' if seen else 'a vehicle at its place'} ({box / frame:.2f} %)"
    )
    return _finding(zone, name, found, f"about {box / frame:.2f} % of the frame here.", small=share < _SMALL)


def _finding(zone: Zone, name: str, found: str, remedy: str, *, small: bool) -> Finding:
    end = "a car in it is not recognised as its own" if small else "it may be several bays drawn as one"
    return Finding(
        "bay-size",
        "warning",
        f"bay {zone.id}/{name}",
        f"{found}: {end}.",
        f"Draw the ground that one parked car takes, {remedy}",
    )


def _vehicle(polygon: Array, sizes: Sizes, wh: tuple[int, int]) -> tuple[float, bool]:
    """Area of a vehicle's box in a bay, pixels², and whether it was seen there or follows from others."""
    scale = np.array(wh, np.float64)
    rows = sizes.samples[np.isfinite(sizes.samples[:, H])]
    inside = rows[points_in_polygon(rows[:, [X, Y]] * scale, polygon)]
    if len(inside) >= _LEAST_SEEN:
        return float(np.median(inside[:, W] * inside[:, H]) * scale.prod()), True
    height = float(sizes.height.at(float(polygon[:, 1].mean()) / wh[1])) * wh[1]
    return height**2 * sizes.aspect, False
