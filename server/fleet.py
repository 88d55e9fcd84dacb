"""What is wrong with a box, by how much it costs: from its last words and from what came of it. Pure.

Rules:
1. The weight of a problem is what it costs: 3 no figures come, 2 figures are fewer, worse or doubtful, 1 look at it some
   day. A camera's weight is that of its worst problem; the list begins with the heaviest, then the longest.
2. The last words of a silent box say nothing of now: only its silence counts.
3. A box too old to name its reasons is judged by its figures, with the limits by which newer ones judge themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

LATE_S: Final = 600
LOW_COVERAGE: Final = 0.9
HOT_C: Final = 80.0
DISK_LOW_MB: Final = 500
BACKLOG_S: Final = 900.0
HEAVY: Final = frozenset(
    {
        "loop_stalled",
        "camera_lost",
        "picture_blind",
        "inference_stalled",
        "nothing_closed",
        "disk_refuses",
        "disk_full",
        "not_delivering",
    }
)
LIGHT: Final = frozenset({"starting", "camera_ended", "throttled", "hot", "disk_low"})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, what it costs (1 to 3), and for how many seconds it has been so where that is known."""

    name: str
    weight: int
    for_s: float | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of one camera, or of a box without one. ``health`` is its last words as on the wire.

    ``coverage`` of the last 24 h, 0..1; ``doubled`` whether hours were told twice, ``quarantined`` how many records
    were kept out of the reports, both within the last two days.
    """

    now: int
    created_at: int
    last_received: int | None
    last_end: int | None = None
    interval_s: int = 60
    health: Mapping[str, Any] | None = None
    coverage: float | None = None
    doubled: bool = False
    quarantined: int = 0
    revoked: bool = False


def _weight(reason: str) -> int:
    return 3 if reason in HEAVY else 1 if reason in LIGHT else 2


def _judged(health: Mapping[str, Any]) -> list[str]:
    """The reasons that a box did not name, as its figures tell them."""
    measured = (
        ("camera_lost", health.get("state") == "lost"),
        ("camera_ended", health.get("state") == "ended"),
        ("clock_unsynced", health.get("clock") == "unsynced"),
        ("throttled", bool(health.get("throttled"))),
        ("hot", (health.get("temperature_c") or 0.0) >= HOT_C),
        ("disk_low", (health.get("disk_free_mb") or DISK_LOW_MB) < DISK_LOW_MB),
        ("backlog", (health.get("spool_age_s") or 0.0) >= BACKLOG_S),
        ("records_refused", bool(health.get("dead_letters"))),
    )
    return [name for name, so in measured if so]


def problems(one: Condition) -> list[Problem]:
    """What is wrong, the heaviest first; nothing is expected of a revoked box."""
    if one.revoked:
        return []
    if one.last_received is None:
        return [Problem("never", 3, one.now - one.created_at)]
    found: dict[str, Problem] = {}
    silent_s = one.now - one.last_received
    if silent_s > LATE_S:
        found["silent"] = Problem("silent", 3, silent_s)
    elif one.health is None:
        found["no_health"] = Problem("no_health", 1)
    else:
        named = one.health.get("reasons") or ()
        for reason in [*named, *([] if one.health.get("verdict") else _judged(one.health))]:
            found[reason] = Problem(reason, _weight(reason))
        if not any(problem.weight == 3 for problem in found.values()):
            late_s = None if one.last_end is None else one.now - one.last_end
            if late_s is None or late_s > LATE_S + one.interval_s:
                found["no_intervals"] = Problem("no_intervals", 3, late_s)
    if one.doubled:
        found["doubled"] = Problem("doubled", 3)
    if one.quarantined:
        found["quarantined"] = Problem("quarantined", 2)
    if one.coverage is not None and one.coverage < LOW_COVERAGE and "silent" not in found:
        found["low_coverage"] = Problem("low_coverage", 2)
    return sorted(found.values(), key=lambda p: (-p.weight, -(p.for_s or 0.0), p.name))


def attention(found: list[Problem]) -> tuple[int, float]:
    """How a list of cameras is sorted: what needs attention most comes first."""
    return (-found[0].weight, -(found[0].for_s or 0.0)) if found else (0, 0.0)
