"""The records of one invented box, slot by slot, as JSON would carry them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from contract.messages import format_time
from contract.names import VEHICLES
from server.simulate_demand import demand
from server.simulate_faults import Faults
from server.simulate_grid import COLS, ROWS, cells, pattern
from server.simulate_plan import GROUND
from server.simulate_series import bays, crossings, presence
from server.simulate_town import LINE_POINTS, Line, Site, Zone
from server.simulate_world import Array, World

SOFTWARE: Final = ("parvis-0.1.0", "parvis-0.1.1")
MODEL: Final = ("starter", "c0ffee" + 58 * "0")
HEALTH_S: Final = 3600
_Columns = dict[str, Any]


def _text(at: int) -> str:
    return format_time(datetime.fromtimestamp(at, UTC))


class Story:
    """What one site's box sees, suffers and says.

    Args:
        site: the site.
        world: what it shares with the town.
        told: its faults.
        rng: where its chance comes from.
        grids_from: from when on presence grids are made, seconds since 1970.
    """

    def __init__(
        self, site: Site, world: World, told: Faults, rng: np.random.Generator, grids_from: int
    ) -> None:
        self._site, self._world, self._told, self._rng = site, world, told, rng
        self._grids_from = grids_from
        sighted = (told.blind == "") & ~told.off
        # A few frames are always late; now and then a network camera stutters for minutes.
        share = (
            1
            - rng.beta(1, 140, len(world))
            - np.where(rng.random(len(world)) < 0.01, rng.random(len(world)) * 0.6, 0)
        )
        self._seen: Array = np.where(sighted, share.clip(0.05, 1), 0.0)
        self._observed: list[float] = np.round(self._seen * world.step, 1).tolist()
        self._flags: list[dict[str, float]] = [self._flagged(slot) for slot in range(len(world))]
        layouts = range(int(told.layout.max()) + 1)
        self._configs = {zone.config.id: [zone.at(layout) for layout in layouts] for zone in site.zones}
        self._versions = {name: [one.version for one in found] for name, found in self._configs.items()}
        self._zones = [(zone, self._zone(zone)) for zone in site.zones]
        self._lines = [(line, self._line(line)) for line in site.lines]
        self._pattern = pattern(rng)

    def _flagged(self, slot: int) -> dict[str, float]:
        told, step, seen = self._told, self._world.step, self._observed[slot]
        blind = str(told.blind[slot])
        if blind:
            return {blind: float(step)}
        shares = {"dark": told.dark[slot], "degraded": told.degraded[slot]}
        return {name: round(float(share) * seen, 1) for name, share in shares.items() if share > 0.01}

    def _zone(self, zone: Zone) -> _Columns:
        """A zone's series as lists, by class; of a car park under ``""``."""
        share = demand(self._world, zone.habit, self._site.market)
        step = self._world.step
        if zone.bay_mode is not None:
            counted: Any = bays(
                self._rng, share, int(zone.mean), step, self._seen, brief=zone.habit == "brief"
            )
            return {"": _lists(counted)}
        return {
            name: _lists(
                presence(
                    self._rng,
                    share * zone.mean * part,
                    zone.dwell_s,
                    step,
                    self._seen,
                    vehicle=name in VEHICLES,
                )
            )
            for name, part in zone.shares
        }

    def _line(self, line: Line) -> _Columns:
        share = demand(self._world, line.habit, self._site.market) * line.per_hour * self._world.step / 3600
        found: _Columns = {}
        for name, part in line.shares:
            come, go = crossings(self._rng, share * part, self._world.hour, self._seen)
            found[name] = (come.tolist(), go.tolist())
        return found

    def config(self, slot: int) -> dict[str, Any]:
        """What the box counts from the start of a slot on."""
        layout = int(self._told.layout[slot])
        return {
            "type": "parvis.config.v1",
            "camera": self._site.camera,
            "at": _text(int(self._world.starts[slot])),
            "interval_s": self._world.step,
            "zones": [found[layout].model_dump(mode="json") for found in self._configs.values()],
            "lines": [
                {
                    "id": line.name,
                    "points": LINE_POINTS,
                    "classes": [name for name, _ in line.shares],
                }
                for line in self._site.lines
            ],
            "ground": {"image": GROUND.image, "metres": GROUND.metres, "lonlat": None},
            "model": MODEL[0],
            "model_sha256": MODEL[1],
            "software": SOFTWARE[min(layout, 1)],
        }

    def at(self, slot: int) -> list[dict[str, Any]]:
        """The records that are made when a slot ends."""
        world = self._world
        found = [self._zone_item(zone, columns, slot) for zone, columns in self._zones]
        found += [self._line_item(line, columns, slot) for line, columns in self._lines]
        ends = int(world.starts[slot]) + world.step
        if ends % HEALTH_S == 0:
            found.append(self._health(slot, ends))
            if ends > self._grids_from:
                found += self._grids(slot, ends - 3600)
        return found

    def _interval(self, kind: str, slot: int) -> dict[str, Any]:
        return {
            "type": f"parvis.{kind}.v1",
            "camera": self._site.camera,
            "start": _text(int(self._world.starts[slot])),
            "interval_s": self._world.step,
            "observed_s": self._observed[slot],
            "flag_s": self._flags[slot],
            "time_quality": "unsynced" if self._told.unsynced[slot] else "synced",
        }

    def _zone_item(self, zone: Zone, columns: _Columns, slot: int) -> dict[str, Any]:
        observed = self._observed[slot]
        name = zone.config.id
        item = self._interval("parking" if zone.bay_mode else "zone", slot)
        item |= {"zone": name, "zone_version": self._versions[name][int(self._told.layout[slot])]}
        if zone.bay_mode:
            return item | _parking(zone, columns[""], slot, observed)
        item["counts"] = {each: _counts(own, slot, observed) for each, own in columns.items()}
        item["peak_vehicle"] = max(
            (own["peak"][slot] for each, own in columns.items() if each in VEHICLES), default=0
        )
        return item

    def _line_item(self, line: Line, columns: _Columns, slot: int) -> dict[str, Any]:
        counts = {name: {"in": come[slot], "out": go[slot]} for name, (come, go) in columns.items()}
        return self._interval("line", slot) | {"line": line.name, "counts": counts}

    def _grids(self, slot: int, start: int) -> list[dict[str, Any]]:
        """Where people were in the hour that ends with a slot, all zones together."""
        slots = range(max(0, slot + 1 - 3600 // self._world.step), slot + 1)
        own = [columns["person"] for _, columns in self._zones if "person" in columns]
        if not own:
            return []
        observed = round(sum(self._observed[one] for one in slots), 1)
        mean = sum(sum(columns["mean"][one] * self._observed[one] for one in slots) for columns in own)
        passed = sum(sum(columns["entries"][one] for one in slots) for columns in own)
        body = {"cols": COLS, "rows": ROWS, "observed_s": min(observed, 3600.0), "class": "person"}
        body["object_s"] = cells(self._rng, self._pattern, mean, passed)
        return [{"type": "parvis.grid.v1", "camera": self._site.camera, "start": _text(start), **body}]

    def _health(self, slot: int, at: int) -> dict[str, Any]:
        told, world = self._told, self._world
        blind = str(told.blind[slot])
        away = next(((slot - first) for first, last in told.offline if first <= slot < last), 0)
        places = len(self._zones) + len(self._lines)
        warm = round(41 + 0.7 * float(world.celsius[slot]) + 4 * float(world.light[slot]), 1)
        reasons = (["camera_lost"] if blind == "lost" else ["picture_blind"] if blind else []) + (
            ["not_delivering", "backlog"] if away else []
        ) + (["clock_unsynced"] if told.unsynced[slot] else [])  # fmt: skip
        return {
            "type": "parvis.health.v1",
            "camera": self._site.camera,
            "at": _text(at),
            "state": "lost" if blind == "lost" else "live",
            "fps": 0.0 if blind == "lost" else round(9.6 * float(self._seen[slot]) or 9.6, 1),
            "frames_dropped": int(8 * (1 - float(self._seen[slot])) * world.step) if not blind else 0,
            "reconnects": int(blind == "lost"),
            "inference_ms": 41.0,
            "spool_depth": places + away * places,
            "spool_age_s": float((1 + away) * world.step),
            "dead_letters": 0,
            "last_acknowledged": _text(int(world.starts[max(0, slot - away)])),
            "disk_free_mb": 9000 - slot // 96,
            "temperature_c": warm,
            "throttled": warm > 75,
            "clock": "unsynced" if told.unsynced[slot] else "synced",
            "software": SOFTWARE[min(int(told.layout[slot]), 1)],
            "model": MODEL[0],
            "verdict": "failing" if blind else "degraded" if reasons else "healthy",
            "reasons": reasons,
            "flags": [blind] if blind else ["dark"] if told.dark[slot] > 0.5 else [],
            "uptime_s": float(at - int(world.starts[max(run for run in told.runs if run <= slot)])),
        }


def _lists(counted: Any) -> _Columns:
    return {name: getattr(counted, name).tolist() for name in counted.__slots__}


def _counts(own: _Columns, slot: int, observed: float) -> dict[str, Any]:
    return {
        "object_s": round(own["mean"][slot] * observed, 1),
        "peak": own["peak"][slot] if observed else 0,
        "entries": own["entries"][slot],
        "exits": own["exits"][slot],
        "dwell": own["lengths"][slot],
        "dwell_censored": own["censored"][slot],
    }


def _parking(zone: Zone, own: _Columns, slot: int, observed: float) -> dict[str, Any]:
    size = int(zone.mean)
    drawn = zone.bay_mode == "drawn"
    return {
        "bay_mode": zone.bay_mode,
        "bays": size,
        "occupied_bay_s": round(own["mean"][slot] * observed, 1),
        "observed_bay_s": round(size * observed, 1),
        "peak": own["peak"][slot],
        "arrivals": own["arrivals"][slot],
        "departures": own["departures"][slot],
        "stay": own["lengths"][slot] if drawn else None,
        "stay_censored": own["censored"][slot] if drawn else 0,
    }
