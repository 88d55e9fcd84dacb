"""Sites, plans and what is said of places, in SQLite."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from server.pictures import Picture
from server.sites import PlaceDetail, PlaceKey, Plan, Site
from server.store.accounts import insert_audit
from server.store.base import AuditEntry
from server.store.calendar import CalendarRows

_SITES: Final = (
    "SELECT s.id, s.label_fr, s.label_en, s.school_zone, s.region, s.lon, s.lat,"
    " p.media_type, p.width, p.height, p.sha256 FROM sites s LEFT JOIN plans p ON p.site = s.id"
)
_DETAIL: Final = (
    "INSERT INTO place_details"
    " (device, camera, name, kind, site, label_fr, label_en, area_m2, x, y, lon, lat)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, camera, name, kind) DO UPDATE SET"
    " site = excluded.site, label_fr = excluded.label_fr, label_en = excluded.label_en,"
    " area_m2 = excluded.area_m2, x = excluded.x, y = excluded.y, lon = excluded.lon, lat = excluded.lat"
)


def _site(row: dict[str, Any]) -> Site:
    plan = {name: row.pop(name) for name in ("media_type", "width", "height", "sha256")}
    return Site(**row, plan=Plan(**plan) if plan["sha256"] else None)


def _exists(db: Any, site: str) -> bool:
    return db.execute("SELECT 1 FROM sites WHERE id = ?", (site,)).fetchone() is not None


class SqliteSites(CalendarRows):
    """Implements `Sites`."""

    def add(self, site: Site, audit: AuditEntry) -> bool:
        """Create a site; False when the id is taken."""
        sql = (
            "INSERT INTO sites (id, label_fr, label_en, school_zone, region, lon, lat) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING"
        )
        values = (
            site.id, site.label_fr, site.label_en, site.school_zone, site.region, site.lon, site.lat,
        )  # fmt: skip
        return self._changed(sql, values, audit)

    def change(self, site: Site, audit: AuditEntry) -> bool:
        """Replace what is said of a site; its plan stays. False when there is no such site."""
        sql = "UPDATE sites SET label_fr = ?, label_en = ?, school_zone = ?, region = ?, lon = ?, lat = ? WHERE id = ?"
        values = (
            site.label_fr, site.label_en, site.school_zone, site.region, site.lon, site.lat, site.id,
        )  # fmt: skip
        return self._changed(sql, values, audit)

    def remove(self, site: str, audit: AuditEntry) -> bool:
        """Forget a site, its plan and its calendar; its places stay and belong to none. False when there is none."""
        with self._connections.write() as db:
            # A position on a plan that is gone would be one on the next site's plan.
            db.execute("UPDATE place_details SET x = NULL, y = NULL WHERE site = ?", (site,))
            gone = bool(db.execute("DELETE FROM sites WHERE id = ?", (site,)).rowcount)
            if gone:
                insert_audit(db, audit)
            return gone

    def sites(self) -> list[Site]:
        """All sites, by id."""
        with self._connections.read() as db:
            return [_site(row) for row in db.query(f"{_SITES} ORDER BY s.id")]

    def site(self, site: str) -> Site | None:
        """One site."""
        with self._connections.read() as db:
            return next((_site(row) for row in db.query(f"{_SITES} WHERE s.id = ?", (site,))), None)

    def set_plan(self, site: str, picture: Picture | None, audit: AuditEntry) -> bool:
        """Give a site a plan, or take it away; False when there is no such site."""
        with self._connections.write() as db:
            if not _exists(db, site):
                return False
            db.execute("DELETE FROM plans WHERE site = ?", (site,))
            if picture is not None:
                db.execute(
                    "INSERT INTO plans (site, media_type, width, height, sha256, content) VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        site,
                        picture.media_type,
                        picture.width,
                        picture.height,
                        picture.sha256,
                        picture.content,
                    ),
                )
            insert_audit(db, audit)
            return True

    def plan(self, site: str) -> Picture | None:
        """A site's plan."""
        sql = "SELECT media_type, width, height, content FROM plans WHERE site = ?"
        with self._connections.read() as db:
            row = db.execute(sql, (site,)).fetchone()
        return Picture(*row) if row else None

    def details(self) -> dict[PlaceKey, PlaceDetail]:
        """What is said of places, by their keys."""
        with self._connections.read() as db:
            found = [PlaceDetail(**row) for row in db.query("SELECT * FROM place_details")]
        return {detail.key: detail for detail in found}

    def describe(self, details: Iterable[PlaceDetail], audit: Iterable[AuditEntry]) -> bool:
        """Replace what is said of these places, all of it or nothing; False when a site does not exist."""
        kept = list(details)
        with self._connections.write() as db:
            if not all(_exists(db, site) for site in {d.site for d in kept if d.site is not None}):
                return False
            for d in kept:
                db.execute(
                    _DETAIL,
                    (*d.key, d.site, d.label_fr, d.label_en, d.area_m2, d.x, d.y, d.lon, d.lat),
                )
            for entry in audit:
                insert_audit(db, entry)
            return True

    def observed(self, since: int, until: int) -> dict[PlaceKey, float]:
        """Observed seconds of every place in the whole hours that begin in ``[since, until)``."""
        # By place, for that is how the hours are sorted: 24 rows of each, however many years there are.
        sql = (
            "SELECT p.device, p.camera, p.name, p.kind, (SELECT sum(h.observed_s) FROM hours h"
            " WHERE h.device = p.device AND h.camera = p.camera AND h.name = p.name AND h.kind = p.kind"
            " AND h.hour >= ? AND h.hour < ?) FROM places p"
        )
        with self._connections.read() as db:
            return {
                (device, camera, name, kind): float(seconds or 0.0)
                for device, camera, name, kind, seconds in db.execute(sql, (since, until))
            }

    def in_quarantine(self) -> int:
        """The number of records kept out of the reports."""
        with self._connections.read() as db:
            return int(db.execute("SELECT count(*) FROM records WHERE quarantine IS NOT NULL").fetchone()[0])
