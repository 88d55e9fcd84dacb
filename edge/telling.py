"""From a case of the road to what is said of it: `parvis.anomaly.v1`, and what a restart goes on from. Pure.

Rules:
1. A case is told in UTC. While the time is not known, only its latest revision waits, and is told once it is.
2. What is kept is what was told: a case that nobody has heard of begins anew after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np

from contract.messages import AnomalyBody
from edge.cases import Box, Case, KeptCase, KeptCases
from edge.geometry import bottom_center
from edge.timeline import Timeline
from edge.zones import Layout

_MOST_M: Final = 100.0


class CaseBook:
    """What was told and what waits, of one camera."""

    def __init__(self, camera: str, timeline: Timeline) -> None:
        self._camera, self._timeline = camera, timeline
        self._waiting: dict[str, tuple[str, Case]] = {}
        self._told: dict[str, KeptCase] = {}

    def tell(self, told: Sequence[tuple[str, Case]], layout: Layout, at: float) -> list[AnomalyBody]:
        """Revisions (zone, case) of one frame; returns what may be said at ``at``, seconds within the run."""
        for zone, case in told:
            if case.state == "cleared" and case.case not in self._told:
                self._waiting.pop(case.case, None)  # it came and went before anybody could be told when
            else:
                self._waiting[case.case] = zone, case
        stretch = self._timeline.at(at)
        if not stretch.known:
            return []
        waiting, self._waiting = self._waiting, {}
        return [self._say(zone, case, stretch.anchor, layout) for zone, case in waiting.values()]

    def keep(self) -> KeptCases:
        """The open cases that were told."""
        return KeptCases(camera=self._camera, cases=tuple(self._told.values()))

    def take_over(self, kept: KeptCases, layout: Layout, at: float) -> dict[str, list[Case]]:
        """By zone the open cases of an earlier watch; their times are within this run, and not after ``at``.

        A case whose zone is no longer the same is left out: nobody looks at its place any more. What waits is forgotten.
        """
        stretch, scale = self._timeline.at(at), np.tile(np.array(layout.wh, np.float64), 2)
        versions = {zone.id: zone.version for zone in layout.zones}
        self._waiting.clear()  # whoever watched them is gone, and would never say that they cleared
        self._told = {one.case: one for one in kept.cases if versions.get(one.zone) == one.zone_version}
        found: dict[str, list[Case]] = {}
        for one in self._told.values():
            # While the time is not known, what was told before is all that is known of when it was seen.
            anchor = stretch.anchor if stretch.known else one.last_seen - at
            first, last = (min(unix - anchor, at) for unix in (one.first_seen, one.last_seen))
            box = np.array([one.x1, one.y1, one.x2, one.y2]) * scale
            case = Case(
                one.case, one.revision, one.kind, "updated", box, first, last, one.confidence, one.slope_now, one.slope_then,
            )  # fmt: skip
            found.setdefault(one.zone, []).append(case)
        return found

    def _say(self, zone: str, case: Case, anchor: float, layout: Layout) -> AnomalyBody:
        before = self._told.pop(case.case, None)
        first = case.first_seen + anchor if before is None else before.first_seen
        last = max(case.last_seen + anchor, first if before is None else before.last_seen)
        if case.state != "cleared":
            self._told[case.case] = _kept(zone, case, first, last, layout)
        state = case.state if case.state == "cleared" else "open" if before is None else "updated"
        x1, y1, x2, y2 = _fractions(case, layout)
        lon, lat = lonlat(case, layout)
        return AnomalyBody(
            camera=self._camera,
            case=case.case,
            revision=case.revision,
            kind=case.kind,
            state=state,
            zone=zone,
            first_seen=datetime.fromtimestamp(int(first), UTC),
            last_seen=datetime.fromtimestamp(int(last), UTC),
            x=round((x1 + x2) / 2, 4),
            y=round((y1 + y2) / 2, 4),
            w=round(x2 - x1, 4),
            h=round(y2 - y1, 4),
            lon=lon,
            lat=lat,
            size_m=size_m(case.xyxy, layout),
            confidence=round(case.confidence, 2),
        )


def lonlat(case: Case, layout: Layout) -> tuple[float, float] | tuple[None, None]:
    """Longitude and latitude, degrees, of where it touches the ground; None without a ground plane on the earth."""
    found = None if layout.ground is None else layout.ground.to_lonlat(bottom_center(case.xyxy))
    if found is None or not np.isfinite(found).all():
        return None, None
    return round(float(found[0, 0]), 6), round(float(found[0, 1]), 6)


def size_m(xyxy: Box, layout: Layout) -> float | None:
    """Metres of the longer side of a box (4,), by the ground under it, at most 100; None where that is not known."""
    if layout.ground is None:
        return None
    metre = float(layout.ground.px_per_metre(bottom_center(xyxy))[0])
    if not np.isfinite(metre) or metre <= 0:
        return None
    return round(min(float((xyxy[2:] - xyxy[:2]).max()) / metre, _MOST_M), 2)


def _fractions(case: Case, layout: Layout) -> tuple[float, float, float, float]:
    width, height = layout.wh
    x1, y1, x2, y2 = (float(v) for v in case.xyxy)
    return tuple(min(max(v, 0.0), 1.0) for v in (x1 / width, y1 / height, x2 / width, y2 / height))  # type: ignore[return-value]


def _kept(zone: str, case: Case, first: float, last: float, layout: Layout) -> KeptCase:
    x1, y1, x2, y2 = (round(v, 5) for v in _fractions(case, layout))
    version = next(known.version for known in layout.zones if known.id == zone)
    return KeptCase(
        case=case.case, revision=case.revision, kind=case.kind, zone=zone, zone_version=version,
        x1=x1, y1=y1, x2=x2, y2=y2, first_seen=first, last_seen=last,
        confidence=case.confidence, slope_now=case.slope_now, slope_then=case.slope_then,
    )  # fmt: skip
