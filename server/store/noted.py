"""What is noted of each record beside its own row: its run, its hour of health, its grid, or why it is in quarantine."""

from __future__ import annotations

import json
from typing import Any, Final

from contract.batch import ConfigRecord, GridRecord, HealthRecord, Record, parse_record
from server.store.run_sums import Origins, backfill, note_configuration
from server.store.vitals import DAY_S, Quarantine, note_grid, note_health, told_in

_OF_TYPE: Final = (
    "SELECT id, payload FROM records WHERE type = ? AND quarantine IS NULL AND payload IS NOT NULL"
)


class Noted:
    """One batch, inside the caller's transaction."""

    def __init__(self, db: Any) -> None:
        self._db = db
        self._origins = Origins(db)
        self._quarantine = Quarantine(db)

    def add(self, record_id: int, record: Record, quarantine: str | None, received_at: int) -> None:
        """Note a record that was stored just now."""
        if quarantine is not None:
            self._quarantine.add(record, quarantine, received_at)
            return
        self._origins.add(record)
        if isinstance(record, HealthRecord):
            note_health(self._db, record)
        elif isinstance(record, GridRecord):
            note_grid(self._db, record_id, record)

    def store(self) -> None:
        """Write what was gathered."""
        self._origins.store()
        self._quarantine.store()


def renote(db: Any) -> None:
    """Note everything that is stored already, for a database that is older than these notes."""
    backfill(db)
    for kind in ("parvis.config.v1", "parvis.health.v1", "parvis.grid.v1"):
        for record_id, payload in list(db.execute(_OF_TYPE, (kind,))):
            record = parse_record(json.loads(payload))
            if isinstance(record, ConfigRecord):
                note_configuration(db, record)
            elif isinstance(record, HealthRecord):
                note_health(db, record)
            elif isinstance(record, GridRecord):
                note_grid(db, record_id, record)
    db.execute("UPDATE records SET payload = NULL WHERE id IN (SELECT record_id FROM grids)")
    sums: dict[tuple[str, str, str, int], tuple[int, int, int]] = {}
    sql = "SELECT device, camera, quarantine, received_at, payload FROM records WHERE quarantine IS NOT NULL"
    for device, camera, reason, received_at, payload in db.execute(sql):
        key = (device, camera, reason, received_at - received_at % DAY_S)
        at = told_in(payload)
        number, first, last = sums.get(key, (0, at, at))
        sums[key] = (number + 1, min(first, at), max(last, at))
    for key, found in sums.items():
        db.execute("INSERT INTO quarantine_days VALUES (?, ?, ?, ?, ?, ?, ?)", (*key, *found))
