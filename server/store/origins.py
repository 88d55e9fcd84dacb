"""Where figures come from: which configurations and versions of a zone a period rests on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from server.store.base import Place
from server.store.connection import Connections
from server.store.desk_base import Origin, ZoneVersion

# Configurations are few, a box sends one when it starts; this is a year of starting twice a day.
MOST = 800


def _origin(payload: str) -> Origin:
    told: dict[str, Any] = json.loads(payload)
    at = int(datetime.fromisoformat(told["at"]).timestamp())
    return Origin(at, told["run"], told["model"], told["model_sha256"], told["software"])


class SqliteOrigins:
    """Implements `Origins`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def runs(self, place: Place, start: int, end: int) -> list[Origin]:
        """What counted in ``[start, end)``: the configuration in force at its start and those that came after."""
        sql = (
            "SELECT payload FROM records WHERE type = 'parvis.config.v1' AND device = ? AND camera = ?"
            " AND quarantine IS NULL AND payload IS NOT NULL ORDER BY received_at DESC LIMIT ?"
        )
        with self._connections.read() as db:
            found = [_origin(row[0]) for row in db.execute(sql, (place.device, place.camera, MOST))]
        found.sort(key=lambda own: own.at)
        earlier = [own for own in found if own.at <= start]
        return [*earlier[-1:], *(own for own in found if start < own.at < end)]

    def versions(self, place: Place, names: Sequence[str]) -> list[ZoneVersion]:
        """These versions of a zone, the first met first."""
        sql = (
            "SELECT version, first_at, purpose, capacity FROM zone_versions"
            " WHERE device = ? AND camera = ? AND zone = ? ORDER BY first_at"
        )
        with self._connections.read() as db:
            rows = list(db.query(sql, (place.device, place.camera, place.name)))
        return [ZoneVersion(**row) for row in rows if row["version"] in names]
