"""What two configurations count differently in the same video: records against records. Pure.

Rules:
1. A class that a record does not name counted nothing; a record without a partner is a difference.
2. Intervals are compared only where both sides have the same ``interval_s``; totals always.
3. Who sends (the envelope) and which drawing was counted (the zone's version, told once for each place) are no
   differences of a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from contract.messages import Body, ConfigBody, GridBody, LineConfig, ZoneConfig, format_time
from contract.names import BINS, GRID_INTERVAL_S
from edge.totals import FIGURES, Figures, Kind, Record, place_of, totals

Side = Literal["both", "a", "b"]
Key = tuple[Kind, str, str, int]  # kind, place, start, interval_s
# What a class counted that a record does not name.
_NOTHING: Final[dict[str, Any]] = {
    "object_s": 0.0,
    "peak": 0,
    "entries": 0,
    "exits": 0,
    "dwell": [0] * BINS,
    "dwell_censored": 0,
    "in": 0,
    "out": 0,
}
_NAMES: Final = {"type", "camera", "zone", "line", "object_class", "zone_version", "start", "interval_s"}


@dataclass(frozen=True, slots=True)
class RecordDiff:
    """One interval of one place. ``fields`` maps a path like ``counts.person.entries`` to its two values."""

    kind: Kind
    place: str
    start: str
    interval_s: int
    fields: dict[str, tuple[Any, Any]]
    a: Record | None
    b: Record | None

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: without the records themselves, which `as_pair` gives."""
        return {
            "kind": self.kind,
            "id": self.place,
            "start": self.start,
            "interval_s": self.interval_s,
            "in": _side(self.a, self.b),
            "fields": {path: {"a": a, "b": b} for path, (a, b) in self.fields.items()},
        }

    def as_pair(self) -> dict[str, Any]:
        """Both records as on the wire, without envelope; null where one side has none."""
        return {
            "a": None if self.a is None else self.a.model_dump(mode="json"),
            "b": None if self.b is None else self.b.model_dump(mode="json"),
        }


@dataclass(frozen=True, slots=True)
class PlaceDiff:
    """One zone or line. ``totals`` maps a class (or ``bays``) to its figures in A and in B."""

    kind: Kind
    place: str
    side: Side
    versions: tuple[str | None, str | None]  # of a zone
    changed: bool  # its drawing or rules differ, or one side lacks it
    intervals: int
    differing: int
    totals: dict[str, tuple[Figures, Figures]]

    @property
    def differs(self) -> bool:
        """Whether it counts differently or is another place."""
        return bool(self.changed or self.differing or any(a != b for a, b in self.totals.values()))

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "kind": self.kind,
            "id": self.place,
            "in": self.side,
            "zone_version": {"a": self.versions[0], "b": self.versions[1]},
            "changed": self.changed,
            "intervals": self.intervals,
            "differing": self.differing,
            "totals": {
                name: {
                    figure: {"a": a[figure], "b": b[figure], "difference": round(b[figure] - a[figure], 3)}
                    for figure in a
                }
                for name, (a, b) in self.totals.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of it; ``intervals_differ`` when A and B count in intervals of different length."""

    places: tuple[PlaceDiff, ...]
    records: tuple[RecordDiff, ...]
    intervals_differ: bool

    @property
    def identical(self) -> bool:
        """Same places, same drawing, same counts in same intervals."""
        return not self.intervals_differ and not any(place.differs for place in self.places)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "identical": self.identical,
            "intervals_differ": self.intervals_differ,
            "places": [place.as_dict() for place in self.places],
            "records": [record.as_dict() for record in self.records],
        }


def compare(a: Sequence[Body], b: Sequence[Body]) -> Comparison:
    """Compare the bodies of two runs over one video, each beginning with its `ConfigBody`.

    Raises:
        ValueError: when a run does not begin with its configuration.
    """
    config_a, config_b = _config(a), _config(b)
    same_grid = config_a.interval_s == config_b.interval_s
    by_key = (_by_key(a), _by_key(b)) if same_grid else ({}, {})
    keys = list(dict.fromkeys([*by_key[0], *by_key[1]]))
    records = [diff for key in keys if (diff := _record(key, by_key[0].get(key), by_key[1].get(key)))]
    places = []
    for kind, place in dict.fromkeys([*_places(a), *_places(b)]):
        drawings = _drawing(config_a, kind, place), _drawing(config_b, kind, place)
        places.append(
            PlaceDiff(
                kind=kind,
                place=place,
                side="both" if kind == "grid" else _side(*drawings),
                versions=(_version(drawings[0]), _version(drawings[1])),
                changed=drawings[0] != drawings[1],
                intervals=sum(key[:2] == (kind, place) for key in keys),
                differing=sum((diff.kind, diff.place) == (kind, place) for diff in records),
                totals=_paired(kind, totals(a, kind, place), totals(b, kind, place)),
            )
        )
    return Comparison(tuple(places), tuple(records), not same_grid)


def _config(bodies: Sequence[Body]) -> ConfigBody:
    if not bodies or not isinstance(bodies[0], ConfigBody):
        raise ValueError("a run begins with its configuration body")
    return bodies[0]


def _places(bodies: Iterable[Body]) -> list[tuple[Kind, str]]:
    return [place for body in bodies if (place := place_of(body)) is not None]


def _by_key(bodies: Iterable[Body]) -> dict[Key, Record]:
    found: dict[Key, Record] = {}
    for body in bodies:
        place = place_of(body)
        if place is not None and isinstance(body, Record):
            interval_s = GRID_INTERVAL_S if isinstance(body, GridBody) else body.interval_s
            found[*place, format_time(body.start), interval_s] = body
    return found


def _record(key: Key, a: Record | None, b: Record | None) -> RecordDiff | None:
    left, right = _flat(a), _flat(b)
    for path in {*left, *right}:
        if path.startswith("counts."):
            nothing = _NOTHING[path.rpartition(".")[2]]
            for side, record in ((left, a), (right, b)):
                if record is not None:
                    side.setdefault(path, nothing)
    paths = dict.fromkeys([*left, *right])
    fields = {path: (left.get(path), right.get(path)) for path in paths if left.get(path) != right.get(path)}
    return RecordDiff(*key, fields, a, b) if fields else None


def _flat(record: Record | None) -> dict[str, Any]:
    """The counted fields by their path; lists stay whole."""
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(f"{prefix}.{key}" if prefix else key, item)
        else:
            flat[prefix] = value

    if record is not None:
        walk("", record.model_dump(mode="json", exclude=_NAMES))
    return flat


def _drawing(config: ConfigBody, kind: Kind, place: str) -> ZoneConfig | LineConfig | None:
    if kind == "line":
        return next((line for line in config.lines if line.id == place), None)
    zones = (zone for zone in config.zones if zone.id == place)
    return next((zone for zone in zones if (zone.kind == "parking") == (kind == "parking")), None)


def _version(drawing: ZoneConfig | LineConfig | None) -> str | None:
    return drawing.version if isinstance(drawing, ZoneConfig) else None


def _paired(kind: Kind, a: dict[str, Figures], b: dict[str, Figures]) -> dict[str, tuple[Figures, Figures]]:
    none = dict.fromkeys(FIGURES[kind], 0.0)
    return {name: (a.get(name, none), b.get(name, none)) for name in dict.fromkeys([*a, *b])}


def _side(a: object, b: object) -> Side:
    return "a" if b is None else "b" if a is None else "both"
