"""Cameras on plans, in SQLite."""

from __future__ import annotations

import json
from typing import Any

from server.pairs import Ground, Pair, Placing
from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.connection import Connections


def _pairs(points: list[list[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in points)


def _placing(row: dict[str, Any]) -> Placing:
    ground = json.loads(row["ground"]) if row["ground"] else None
    return Placing(
        row["device"],
        row["camera"],
        row["site"],
        row["plan"],
        row["fit"],
        tuple(Pair(*one) for one in json.loads(row["pairs"])),
        Ground(_pairs(ground["image"]), _pairs(ground["metres"])) if ground else None,
        row["at"],
    )


class SqlitePlacings:
    """Implements `Placings`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def placing(self, device: str, camera: str) -> Placing | None:
        """Where a camera was placed."""
        sql = "SELECT * FROM placings WHERE device = ? AND camera = ?"
        with self._connections.read() as db:
            return next((_placing(row) for row in db.query(sql, (device, camera))), None)

    def put(self, new: Placing, audit: AuditEntry) -> bool:
        """Place a camera, in place of what was said of it before; False when the site does not exist."""
        ground = json.dumps({"image": new.ground.image, "metres": new.ground.metres}) if new.ground else None
        pairs = json.dumps([[one.x, one.y, one.u, one.v] for one in new.pairs])
        with self._connections.write() as db:
            if db.execute("SELECT 1 FROM sites WHERE id = ?", (new.site,)).fetchone() is None:
                return False
            db.execute(
                "INSERT OR REPLACE INTO placings (device, camera, site, plan, fit, pairs, ground, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (new.device, new.camera, new.site, new.plan, new.fit, pairs, ground, new.at),
            )
            insert_audit(db, audit)
            return True

    def drop(self, device: str, camera: str, audit: AuditEntry) -> bool:
        """Take a camera off its plan; False when it was on none."""
        with self._connections.write() as db:
            sql = "DELETE FROM placings WHERE device = ? AND camera = ?"
            gone = bool(db.execute(sql, (device, camera)).rowcount)
            if gone:
                insert_audit(db, audit)
            return gone
