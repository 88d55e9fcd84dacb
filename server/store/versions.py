"""What each version of a zone was, as its box said, inside the caller's transaction."""

from __future__ import annotations

import json
from typing import Any, Final

from contract.batch import ConfigRecord
from server.store.hours import remake

_NOTE: Final = (
    "INSERT INTO zone_versions (device, camera, zone, version, first_at, kind, purpose, capacity, classes)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, camera, zone, version) DO NOTHING RETURNING 1"
)
_PLACES: Final = (
    "SELECT device, camera, name, kind, purged_before FROM places"
    " WHERE device = ? AND camera = ? AND name = ? AND kind <> 'line'"
)
_CAME_FIRST: Final = (
    "SELECT 1 FROM intervals WHERE device = ? AND camera = ? AND name = ? AND version = ? LIMIT 1"
)


def note_versions(db: Any, record: ConfigRecord, *, remade: bool = True) -> None:
    """Remember the versions a configuration names.

    ``remade``: make the hours again whose intervals came before their configuration; False where the caller will.
    """
    at = int(record.at.timestamp())
    for zone in record.zones:
        place = (record.device, record.camera, zone.id)
        classes = json.dumps(list(zone.classes))
        row = (*place, zone.version, at, zone.kind, zone.purpose, zone.capacity, classes)
        if not list(db.execute(_NOTE, row)) or not remade:
            continue
        if list(db.execute(_CAME_FIRST, (*place, zone.version))):
            for *key, purged_before in list(db.execute(_PLACES, place)):
                remake(db, key, purged_before)
