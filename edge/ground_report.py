"""What four ground points add to a replay: areas, densities and speeds by zone. Part of the composition root.

Nothing of it goes on the wire: areas follow from the configuration that the server has, densities from its records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from contract.messages import Body, ZoneBody
from contract.names import CLASSES, ObjectClass
from edge.anchor import Anchoring
from edge.geometry import points_in_polygon
from edge.ground import GroundPlane
from edge.motion import Motion
from edge.records import Track
from edge.zones import Layout, Zone

KMH = 3.6


class GroundReport:
    """Collects one replay: give it every frame and every record."""

    def __init__(self, plane: GroundPlane, layout: Layout, confidence: float) -> None:
        self._plane, self._layout, self._confidence = plane, layout, confidence
        self._anchors = Anchoring(layout.wh, plane)
        self._motion = Motion(plane, confidence=confidence)
        self._speeds: defaultdict[tuple[str, int], list[float]] = defaultdict(list)  # m/s by zone and track
        self._class_of: dict[int, ObjectClass] = {}
        self._people_s: defaultdict[str, float] = defaultdict(float)
        self._observed_s: defaultdict[str, float] = defaultdict(float)
        self._peak: defaultdict[str, int] = defaultdict(int)

    @staticmethod
    def of(layout: Layout, confidence: float) -> GroundReport | None:
        """A report for a camera whose configuration has ground points, else None."""
        return None if layout.ground is None else GroundReport(layout.ground, layout, confidence)

    def frame(self, tracks: Sequence[Track], at: float) -> None:
        """The tracks after a frame; those with ``seen_at == at`` are in it."""
        self._motion.observe(tracks, at)
        seen = [track for track in tracks if track.seen_at == at and track.confidence >= self._confidence]
        boxes = np.array([track.xyxy for track in seen], np.float64).reshape(-1, 4)
        kinds = np.array([track.class_id for track in seen], np.int64)
        anchors = self._anchors(boxes, kinds)
        speeds = [self._motion.speed_ms(track.track_id) for track in seen]
        for zone in self._layout.zones:
            if zone.polygon is None:
                continue
            inside = points_in_polygon(anchors, zone.polygon)
            for track, speed, within in zip(seen, speeds, inside, strict=True):
                if within and speed is not None:
                    self._speeds[zone.id, track.track_id].append(speed)
                    self._class_of[track.track_id] = CLASSES[track.class_id]

    def record(self, body: Body) -> None:
        """A record that closed."""
        if isinstance(body, ZoneBody):
            self._observed_s[body.zone] += body.observed_s
            people = body.counts.get("person")
            if people is not None:
                self._people_s[body.zone] += people.object_s
                self._peak[body.zone] = max(self._peak[body.zone], people.peak)

    def summary(self) -> dict[str, Any]:
        """For ``--json``. None: a zone that reaches the horizon has no area, one that counts no people no density."""
        view = self._plane.view
        return {
            "focal_px": None if view is None else round(view.focal_px, 1),
            "camera_height_m": None if view is None else round(view.height_m, 2),
            "heights_from": self._plane.height_from,
            "zones": [self._zone(zone) for zone in self._layout.zones],
        }

    def lines(self) -> list[str]:
        """For people: one line a zone."""
        return [_line(row) for row in self.summary()["zones"]]

    def _zone(self, zone: Zone) -> dict[str, Any]:
        area = self._area(zone)
        people = None
        observed_s = self._observed_s[zone.id]
        if area and "person" in zone.classes and zone.kind != "parking" and observed_s:
            mean = self._people_s[zone.id] / observed_s
            people = {"mean": round(mean / area, 4), "peak": round(self._peak[zone.id] / area, 4)}
        return {
            "zone": zone.id,
            "area_m2": None if area is None else round(area, 1),
            "people_per_m2": people,
            "speed_kmh": {name: speeds for name in zone.classes if (speeds := self._speed(zone.id, name))},
        }

    def _area(self, zone: Zone) -> float | None:
        parts = [zone.polygon] if zone.polygon is not None else list(zone.bays.values())
        areas = [self._plane.area_m2(part) for part in parts]
        return None if None in areas else sum(area for area in areas if area is not None)

    def _speed(self, zone: str, name: ObjectClass) -> dict[str, Any] | None:
        """Each track counts once, by its median speed in the zone; who stands is counted apart."""
        medians = [
            float(np.median(speeds))
            for (where, track), speeds in self._speeds.items()
            if where == zone and self._class_of[track] == name
        ]
        moving = np.array([speed for speed in medians if speed > 0]) * KMH
        if not medians:
            return None
        return {
            "moving": len(moving),
            "standing": len(medians) - len(moving),
            "median": round(float(np.median(moving)), 1) if len(moving) else None,
            "p85": round(float(np.percentile(moving, 85)), 1) if len(moving) else None,
        }


def _line(row: dict[str, Any]) -> str:
    parts = ["no area: it reaches the horizon" if row["area_m2"] is None else f"{row['area_m2']:.0f} m²"]
    if row["people_per_m2"]:
        mean, peak = row["people_per_m2"]["mean"], row["people_per_m2"]["peak"]
        parts.append(f"{mean:.3f} people per m² (peak {peak:.3f})")
    for name, speed in row["speed_kmh"].items():
        if speed["moving"]:
            parts.append(
                f"{name} {speed['median']:.1f} km/h (85 % up to {speed['p85']:.1f}; {speed['moving']} moving,"
                f" {speed['standing']} standing)"
            )
        else:
            parts.append(f"{name} {speed['standing']} standing")
    return f"  {row['zone']}: " + ", ".join(parts)
