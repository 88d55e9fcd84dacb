"""The invented town of `parvis server simulate`: its sites, and what the box of each counts. Pure.

Names, sizes and shares are invented; that a site resembles a real one is neither meant nor measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from contract.layout import ZoneConfig
from contract.names import VEHICLES, ObjectClass, Purpose, ZoneKind

SiteKind = Literal["square", "car_park", "street", "park", "station"]
# What people come for decides when they come: `server/simulate_demand.py`.
Habit = Literal[
    "market", "terrace", "shopping", "traffic", "lawn", "playground", "commute", "parking", "brief"
]

# Slug, kind, French and English name, and metres east and north of the town hall.
NAMED: Final[tuple[tuple[str, SiteKind, str, str, int, int], ...]] = (
    ("place-du-marche", "square", "Place du Marché", "Market Square", 0, 60),
    ("parking-des-halles", "car_park", "Parking des Halles", "Market Hall Car Park", 140, 120),
    ("rue-de-la-republique", "street", "Rue de la République", "Republic Street", -120, -40),
    ("parc-du-chateau", "park", "Parc du Château", "Castle Park", 420, -260),
    ("gare", "station", "Parvis de la gare", "Station Forecourt", -620, 380),
    ("parking-de-la-gare", "car_park", "Parking de la Gare", "Station Car Park", -540, 440),
    ("place-de-la-mairie", "square", "Place de la Mairie", "Town Hall Square", 20, -110),
    ("quai-des-tanneurs", "street", "Quai des Tanneurs", "Tanners' Quay", 260, 330),
    ("jardin-public", "park", "Jardin public", "Public Garden", -300, -420),
    ("parking-saint-michel", "car_park", "Parking Saint-Michel", "Saint-Michel Car Park", 330, 20),
    ("rue-des-ecoles", "street", "Rue des Écoles", "School Street", -420, -150),
    ("parking-du-stade", "car_park", "Parking du Stade", "Stadium Car Park", 780, 520),
)
KINDS: Final[tuple[SiteKind, ...]] = ("square", "car_park", "street", "park")
LONLAT: Final = (1.4437, 47.5861)
_METRE_LAT: Final = 1 / 111_320
_METRE_LON: Final = _METRE_LAT / 0.6745


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: ``mean`` objects present at the busiest usual hour; bays where it is a car park."""

    config: ZoneConfig
    habit: Habit
    mean: float
    dwell_s: float
    shares: tuple[tuple[ObjectClass, float], ...]
    bay_mode: Literal["drawn", "capacity"] | None = None

    def at(self, layout: int) -> ZoneConfig:
        """The zone after its box was installed anew ``layout`` times: drawn a little otherwise, so another version."""

        def moved(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
            return tuple((x, round(y - 0.01 * layout, 4)) for x, y in points)

        config = self.config
        bays = {name: moved(corners) for name, corners in config.bays.items()}
        return config.model_copy(update={"polygon": config.polygon and moved(config.polygon), "bays": bays})


# Every invented count line crosses the frame like this.
LINE_POINTS: Final = ((0.05, 0.6), (0.95, 0.6))


@dataclass(frozen=True, slots=True)
class Line:
    """A line: crossings of both ways at the busiest usual hour."""

    name: str
    habit: Habit
    per_hour: float
    shares: tuple[tuple[ObjectClass, float], ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A place of the town with one box and one camera; ``market`` holds the weekdays of its market, Monday 0."""

    device: str
    kind: SiteKind
    label_fr: str
    label_en: str
    lon: float
    lat: float
    market: frozenset[int]
    zones: tuple[Zone, ...]
    lines: tuple[Line, ...]
    camera: str = "cam1"


def zone_config(
    name: str, kind: ZoneKind, purpose: Purpose, box: tuple[float, float, float, float], **changes: Any
) -> ZoneConfig:
    """A rectangular zone; ``box`` is left, top, right, bottom, fractions of the frame."""
    left, top, right, bottom = box
    polygon = ((left, top), (right, top), (right, bottom), (left, bottom))
    fields = {"polygon": polygon, "bays": {}, "capacity": None, "classes": ("person",)} | changes
    return ZoneConfig(id=name, kind=kind, purpose=purpose, **fields)


def _bays(count: int) -> dict[str, tuple[tuple[float, float], ...]]:
    rows = -(-count // 20)
    found = {}
    for number in range(count):
        left, top = 0.02 + 0.048 * (number % 20), 0.3 + 0.6 * (number // 20) / rows
        right, bottom = left + 0.04, top + 0.5 / rows
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        found[f"b{number + 1}"] = tuple((round(x, 4), round(y, 4)) for x, y in corners)
    return found


_ON_FOOT: Final = (("person", 0.92), ("bicycle", 0.08))
_PEOPLE: Final = (("person", 1.0),)
_TRAFFIC: Final = (("car", 0.8), ("motorcycle", 0.06), ("bus", 0.04), ("truck", 0.1))
_MIXED: Final = (("person", 0.55), ("bicycle", 0.12), ("car", 0.33))
_CARS: Final = (("car", 0.96), ("motorcycle", 0.04))
_BOTH: Final[tuple[ObjectClass, ...]] = ("person", "bicycle")


def _area(
    name: str,
    habit: Habit,
    mean: float,
    dwell_s: float,
    box: tuple[float, float, float, float],
    **changes: Any,
) -> Zone:
    shares = changes.pop("shares", _PEOPLE)
    changes.setdefault("classes", tuple(name for name, _ in shares))
    purpose = changes.pop("purpose", "statistics")
    return Zone(zone_config(name, "area", purpose, box, **changes), habit, mean, dwell_s, shares)


def _parking(name: str, habit: Habit, bays: int, mode: Literal["drawn", "capacity"]) -> Zone:
    box = (0.02, 0.3, 0.98, 0.95)
    shape: dict[str, Any] = {"bays": _bays(bays), "polygon": None} if mode == "drawn" else {"capacity": bays}
    made = zone_config(name, "parking", "operational", box, classes=VEHICLES, **shape)
    return Zone(made, habit, bays, 0.0, (), mode)


def _contents(kind: SiteKind, size: float) -> tuple[tuple[Zone, ...], tuple[Line, ...]]:
    """What the box of a site of a kind counts; ``size`` 1 is usual."""
    if kind == "square":
        return (
            _area(
                "place",
                "market",
                45 * size,
                420,
                (0.05, 0.35, 0.75, 0.95),
                capacity=round(260 * size),
                shares=_ON_FOOT,
            ),
            _area(
                "terrasse",
                "terrace",
                14 * size,
                2100,
                (0.78, 0.45, 0.98, 0.9),
                capacity=round(48 * size),
                purpose="operational",
            ),
        ), (Line("acces", "market", 620 * size, _ON_FOOT),)
    if kind == "street":
        return (
            _area("trottoir", "shopping", 16 * size, 75, (0.02, 0.4, 0.4, 0.98), capacity=round(90 * size)),
            Zone(
                zone_config("chaussee", "road", "operational", (0.42, 0.3, 0.98, 0.98), classes=(*VEHICLES, "bicycle")),
                "traffic", 3.5 * size, 12, (*_TRAFFIC, ("bicycle", 0.15)),
            ),
        ), (Line("coupe", "shopping", 900 * size, _MIXED),)  # fmt: skip
    if kind == "park":
        return (
            _area(
                "pelouse",
                "lawn",
                30 * size,
                1500,
                (0.05, 0.4, 0.6, 0.95),
                shares=_ON_FOOT,
                capacity=round(300 * size),
            ),
            _area(
                "aire-de-jeux",
                "playground",
                11 * size,
                1300,
                (0.64, 0.5, 0.97, 0.95),
                capacity=round(60 * size),
            ),
        ), (Line("entree", "lawn", 210 * size, _ON_FOOT),)
    if kind == "station":
        return (
            _area(
                "parvis",
                "commute",
                38 * size,
                150,
                (0.05, 0.35, 0.95, 0.75),
                shares=_ON_FOOT,
                capacity=round(320 * size),
            ),
            _parking("depose-minute", "brief", 12, "drawn"),
        ), (Line("portes", "commute", 1400 * size, _PEOPLE),)
    return (
        _parking("nord", "parking", round(36 * size), "drawn"),
        _parking("sud", "parking", round(110 * size), "capacity"),
    ), (Line("barriere", "parking", 95 * size, _CARS),)


def plan(sites: int, seed: int) -> tuple[Site, ...]:
    """The sites of a town, the best known ones first; the same for the same seed.

    Raises:
        ValueError: when there are not 1 to 200 sites.
    """
    if not 1 <= sites <= 200:
        raise ValueError(f"a town has 1 to 200 sites (got {sites})")
    found = []
    for number in range(sites):
        rng = np.random.default_rng([seed, 1, number])
        if number < len(NAMED):
            slug, kind, fr, en, east, north = NAMED[number]
        else:
            kind = KINDS[number % len(KINDS)]
            slug, fr, en = f"quartier-{number + 1}", f"Quartier {number + 1}", f"District {number + 1}"
            east, north = (int(value) for value in rng.integers(-2500, 2500, 2))
        zones, lines = _contents(kind, float(rng.uniform(0.75, 1.3)))
        market = frozenset({2, 5}) if number == 0 else frozenset({6}) if kind == "square" else frozenset()
        lon = round(LONLAT[0] + east * _METRE_LON, 6)
        lat = round(LONLAT[1] + north * _METRE_LAT, 6)
        found.append(Site(slug, kind, fr, en, lon, lat, market, zones, lines))
    return tuple(found)
