"""What of the notes beside the records is past its time (`server.store.purge` deletes it)."""

from __future__ import annotations

from typing import Any, Final

from server.retention import DAY_S, Cutoffs
from server.store.notice_purge import notice_notes

# Health by the hour holds figures of machines only; a month of it shows whether a fault comes again.
HEALTH_HOURS_S: Final = 35 * DAY_S

_RUNS: Final = (
    "SELECT id FROM runs WHERE coalesce(configured_at, 0) < ?"
    " AND NOT EXISTS (SELECT 1 FROM run_places p WHERE p.run_id = runs.id)"
)
_CONFIGURATIONS: Final = (
    "SELECT rowid FROM configurations AS c WHERE NOT EXISTS (SELECT 1 FROM runs r"
    " WHERE r.device = c.device AND r.camera = c.camera AND r.config = c.version)"
)
Note = tuple[str, str, tuple[Any, ...], tuple[tuple[str, str], ...]]


def notes(cut: Cutoffs) -> list[Note]:
    """What it is, which rows (a statement and its values), and where these stand in which column."""
    return [
        (
            "origins",
            "SELECT id FROM run_places WHERE last_end <= ?",
            (cut.rollups,),
            (("run_hours", "run_place"), ("run_places", "id")),
        ),
        (
            "runs",
            _RUNS,
            (cut.rollups,),
            (("runs", "id"),),
        ),
        ("drawn versions", _CONFIGURATIONS, (), (("configurations", "rowid"),)),
        (
            "doubled hours",
            "SELECT rowid FROM doubled_hours WHERE hour < ?",
            (cut.rollups,),
            (("doubled_hours", "rowid"),),
        ),
        (
            "quarantine days",
            "SELECT rowid FROM quarantine_days WHERE day + 86400 <= ?",
            (cut.statistics,),
            (("quarantine_days", "rowid"),),
        ),
        (
            "health hours",
            "SELECT rowid FROM health_hours WHERE hour < ?",
            (cut.now - HEALTH_HOURS_S,),
            (("health_hours", "rowid"),),
        ),
        *notice_notes(cut),
    ]
