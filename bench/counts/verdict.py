"""Whether the stated goals are met (issue "Counts you can trust"). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.counts.summary import occupancy_of

SHARE, OBJECTS = 0.08, 0.15  # of a zone's mean occupancy, the larger of both
FLOW_SHARE, FLOW_ONE = 0.05, 1
BAYS = 0.98
BETTER_OCCUPANCY, BETTER_LINES = 0.85, 0.7
SLOWER, SLOWER_FPS = 1.2, 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One goal at one model and rate: what was asked, what was found."""

    where: str
    goal: str
    met: bool
    found: str

    def row(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def judge(runs: Sequence[dict[str, Any]]) -> list[Verdict]:
    """Every goal for every run that has one: rendered scenes with any model, PETS09-S2L1 with those given."""
    found: list[Verdict] = []
    for run in runs:
        where = f"{run['set']} {run['model']} {run['rate']:g} fps"
        if run["set"] == "scenes":
            found += _scene_goals(where, run)
        elif run["set"] == "pets" and "ratio" in run["occupancy"]:
            found += _pets_goals(where, run, runs)
    return found


def _scene_goals(where: str, run: dict[str, Any]) -> Iterator[Verdict]:
    zones = [(video, zone) for video in run["videos"] for zone in video["zones"]]
    bays = {(video["video"], part["zone"]) for video in run["videos"] for part in video["bays"]}
    bad = []
    for video, zone in zones:
        error, mean = (occupancy_of(zone, "ours") or {})["error"], zone["true_mean"]
        if error > max(SHARE * mean, OBJECTS) + 1e-9:
            bad.append(f"{video['video']}/{zone['zone']} {error:.2f} of {mean:.2f}")
    yield _each(where, "occupancy of each zone within 8 % or .15 objects", bad, len(zones))
    flows = [(v, z) for v, z in zones if (v["video"], z["zone"]) not in bays]
    for way in ("entries", "exits"):
        for true, which in (("true", ""), ("lasting", " that are no glance")):
            wrong = [
                _off(f"{v['video']}/{z['zone']}", z[way], true) for v, z in flows if not _close(z[way], true)
            ]
            yield _each(where, f"{way}{which} of each zone within 5 % or 1", wrong, len(flows))
    lines = [(v, line, way) for v in run["videos"] for line in v["lines"] for way in ("in", "out")]
    wrong = [_off(f"{v['video']}/{x['line']} {way}", x[way]) for v, x, way in lines if not _close(x[way])]
    yield _each(where, "crossings of each line, each way, within 5 % or 1", wrong, len(lines))
    if run["bays"]:
        right = run["bays"]["ours"]["right"]
        yield Verdict(
            where, "bay state right in 98 % of settled bay-seconds", right >= BAYS, f"{100 * right:.2f} %"
        )
        parked = [(v, z) for v, z in zones if (v["video"], z["zone"]) in bays]
        moves = [(f"{v['video']}/{z['zone']} {word}", z[way]) for v, z in parked
                 for way, word in (("entries", "arrivals"), ("exits", "departures"))]  # fmt: skip
        wrong = [_off(name, way) for name, way in moves if way["ours"] != way["true"]]
        yield _each(where, "arrivals and departures exact", wrong, len(moves))


def _pets_goals(where: str, run: dict[str, Any], runs: Sequence[dict[str, Any]]) -> Iterator[Verdict]:
    part = run["occupancy"]
    low, high = part["interval"] or (float("nan"), float("nan"))
    yield Verdict(
        where,
        f"occupancy error at most {BETTER_OCCUPANCY} of the better baseline's",
        part["ratio"] <= BETTER_OCCUPANCY,
        f"{part['ratio']:.2f} [{low:.2f}, {high:.2f}] ({part['ours']:.2f} to {part[part['baseline']]:.2f},"
        f" {part['baseline']})",
    )
    lines = run["lines"]
    yield Verdict(
        where,
        f"line error at most {BETTER_LINES} of LineZone's",
        lines["ours"] <= BETTER_LINES * lines["tracks"],
        f"{lines['ours']} to {lines['tracks']} of {lines['true']} crossings (tuned baseline {lines['tuned']})",
    )
    if run["rate"] == SLOWER_FPS:
        full = max(
            (r for r in runs if (r["set"], r["model"]) == ("pets", run["model"])), key=lambda r: r["rate"]
        )
        yield Verdict(
            where,
            f"line error at most {SLOWER} of that at {full['rate']:g} fps",
            lines["ours"] <= SLOWER * full["lines"]["ours"],
            f"{lines['ours']} to {full['lines']['ours']}",
        )


def _close(way: dict[str, int], true: str = "true") -> bool:
    return abs(way["ours"] - way[true]) <= max(FLOW_SHARE * way[true], FLOW_ONE)


def _off(name: str, way: dict[str, int], true: str = "true") -> str:
    return f"{name} {way['ours']} of {way[true]}"


def _each(where: str, goal: str, bad: list[str], total: int) -> Verdict:
    return Verdict(
        where, goal, not bad, f"{total - len(bad)} of {total}" + (f"; not {', '.join(bad)}" if bad else "")
    )
