"""Cases of the invented town's streets: what lay on their roads, and what the crew answered. Pure.

How often things lie on a road and how often a camera is wrong is invented, so that a board is not empty; it measures nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from contract.base import format_time
from server.notices import CaseKind, NoticeState
from server.simulate_town import Site

DAY_S: Final = 86400
DAYS: Final = 45
ROAD: Final = "chaussee"
_KINDS: Final[tuple[CaseKind, ...]] = ("debris", "debris", "debris", "stopped_vehicle", "obstruction")
_SIZE_M: Final = {"debris": (0.15, 1.2), "stopped_vehicle": (3.8, 6.0), "obstruction": (1.5, 4.0)}
# What the crew says of a notice of a day that is over; None: nothing, its box sees it go.
_ANSWERS: Final[tuple[NoticeState | None, ...]] = (
    "confirmed", "confirmed", "confirmed", "nothing_there", "confirmed", "not_ours", "confirmed", None,
)  # fmt: skip
_METRE: Final = 1 / 111_320


def answer(number: int) -> NoticeState | None:
    """What the crew says of the ``number``-th notice."""
    return _ANSWERS[number % len(_ANSWERS)]


def _time(at: float) -> str:
    return format_time(datetime.fromtimestamp(int(at), UTC))


def _revisions(site: Site, rng: np.random.Generator, began: float, hours: float, end: int) -> list[Any]:
    """A case as its box told it: seen, seen again, gone, as far as that was before the end."""
    kind = _KINDS[int(rng.integers(len(_KINDS)))]
    size = float(rng.uniform(*_SIZE_M[kind]))
    near = float(rng.uniform(0.4, 0.9))
    x = float(rng.uniform(0.48, 0.92))
    width = min(0.2, 0.06 * size * near)
    place = {
        "x": round(x, 4), "y": round(near - 0.35 * width, 4), "w": round(width, 4), "h": round(0.7 * width, 4),
        "lon": round(site.lon + (x - 0.7) * 14 * _METRE / 0.6745, 7), "lat": round(site.lat + (0.9 - near) * 40 * _METRE, 7),
        "size_m": round(size, 2),
    }  # fmt: skip
    case = f"{int(rng.integers(2**62)):016x}"
    told = [
        (began, "open", 0.6), (began + 0.4 * hours * 3600, "updated", 0.8), (began + hours * 3600, "cleared", 0.85),
    ]  # fmt: skip
    return [
        (
            at,
            {
                "type": "parvis.anomaly.v1", "camera": site.camera, "case": case, "revision": number, "kind": kind,
                "state": state, "zone": ROAD, "first_seen": _time(began), "last_seen": _time(at),
                "confidence": round(sure + 0.1 * float(rng.random()), 3), **place,
            },
        )
        for number, (at, state, sure) in enumerate(told, 1)
        if at < end
    ]  # fmt: skip


def cases(site: Site, start: int, end: int, seed: int, number: int) -> list[tuple[float, dict[str, Any]]]:
    """What a street's box told of cases: when (seconds since 1970) and what, by time; nothing of other sites."""
    if site.kind != "street":
        return []
    rng = np.random.default_rng([seed, 7, number])
    found = []
    for day in range(min(DAYS, (end - start) // DAY_S), 0, -1):
        for _ in range(int(rng.integers(0, 3))):
            began = end - day * DAY_S + float(rng.uniform(0, 0.6)) * DAY_S
            found += _revisions(site, rng, began, float(rng.uniform(0.5, 8)), end)
    for _ in range(4):
        # These lie there at the end.
        found += _revisions(site, rng, end - float(rng.uniform(0.3, 5)) * 3600, 24, end)
    return sorted(found, key=lambda one: one[0])
