"""What stands around a case: its zone, site, rules, the notices next to it, and what holds it back. Inside the caller's
transaction; what does not change within a batch is looked up once.
"""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final
from zoneinfo import ZoneInfo

from contract.messages import ZoneConfig
from server.notice_place import DEGREE_M, GAP, depth, metres, reach_m, same_object, severity
from server.notice_rules import SiteRules, holding
from server.notices import CaseRevision, Held, Notice, Severity
from server.reports import local_midnight
from server.store.notice_rows import NOTICE, rules_of, vetoed_until
from server.store.purposes import zones_of

_LIVE: Final = "SELECT c.* FROM notice_cases c WHERE c.ended = 0 AND c.notice IS NOT NULL AND c.kind = ?"
_IN_PICTURE: Final = f"{_LIVE} AND c.device = ? AND c.camera = ? AND abs(c.x - ?) <= (c.w + ?) / 2 + ? AND abs(c.y - ?) <= (c.h + ?) / 2 + ?"
# Latitude only: it has the index, and leaves few.
_ON_EARTH: Final = f"{_LIVE} AND c.lat IS NOT NULL AND c.lat BETWEEN ? AND ?"
_SIZE_MOST_M: Final = 100.0
_SITES: Final = ("device = ? AND camera = ? AND name = ?", "device = ? AND camera = ?", "device = ?")


class Around:
    """The surroundings of the cases of one batch."""

    def __init__(self, db: Any, tz: ZoneInfo) -> None:
        self._db = db
        self._tz = tz
        self._zones: dict[tuple[str, str], Mapping[str, ZoneConfig]] = {}
        self._sites: dict[tuple[str, str, str], str | None] = {}
        self._rules: dict[str | None, SiteRules] = {}

    def zone(self, device: str, camera: str, zone: str) -> ZoneConfig | None:
        """A zone as its camera's newest configuration has it."""
        if (device, camera) not in self._zones:
            sql = "SELECT config FROM cameras WHERE device = ? AND camera = ?"
            row = self._db.execute(sql, (device, camera)).fetchone()
            self._zones[device, camera] = zones_of(row[0] if row else None)
        return self._zones[device, camera].get(zone)

    def operational(self, one: CaseRevision | Notice) -> bool:
        """Whether the zone of a case is operational now."""
        zone = self.zone(one.device, one.camera, one.zone)
        return zone is not None and zone.purpose == "operational"

    def site(self, rev: CaseRevision) -> str | None:
        """The zone's site; else the one site of its camera's places, else of its box's."""
        key = (rev.device, rev.camera, rev.zone)
        if key not in self._sites:
            self._sites[key] = None
            for known in _SITES:
                sql = f"SELECT DISTINCT site FROM place_details WHERE {known} AND site IS NOT NULL"
                found = self._db.execute(sql, key[: known.count("?")]).fetchall()
                if len(found) == 1:
                    self._sites[key] = found[0][0]
                    break
        return self._sites[key]

    def rules(self, site: str | None) -> SiteRules:
        """The rules of a site."""
        if site not in self._rules:
            self._rules[site] = rules_of(self._db, site)
        return self._rules[site]

    def vetoed_until(self, one: CaseRevision | Notice, at: int) -> int | None:
        """The end of the last veto on a place."""
        return vetoed_until(self._db, one.device, one.camera, one.x, one.y, at)

    def severity(self, rev: CaseRevision) -> Severity:
        """How grave a case is, by the place of its foot in its zone."""
        zone, deep = self.zone(rev.device, rev.camera, rev.zone), None
        if zone is not None and zone.polygon is not None:
            deep = depth(rev.x, min(1.0, rev.y + rev.h / 2), zone.polygon)
        return severity(rev.kind, rev.size_m, rev.w, rev.h, rev.confidence, deep)

    def match(self, rev: CaseRevision) -> int | None:
        """The open notice whose case is the same object, the nearest if there are several."""
        own = (rev.device, rev.camera, rev.x, rev.w, GAP, rev.y, rev.h, GAP)
        rows: list[Any] = [SimpleNamespace(**row) for row in self._db.query(_IN_PICTURE, (rev.kind, *own))]
        if rows:
            return int(min(rows, key=lambda one: (one.x - rev.x) ** 2 + (one.y - rev.y) ** 2).notice)
        if rev.lon is None or rev.lat is None:
            return None
        far = (reach_m(rev.size_m) + _SIZE_MOST_M / 2) / DEGREE_M
        rows = [
            SimpleNamespace(**row)
            for row in self._db.query(_ON_EARTH, (rev.kind, rev.lat - far, rev.lat + far))
        ]
        near = [one for one in rows if same_object(rev, one)]
        best = min(near, key=lambda one: metres(rev, one) or 0.0, default=None)
        return None if best is None else int(best.notice)

    def hold(
        self, one: CaseRevision | Notice, site: str | None, grave: Severity, at: int
    ) -> tuple[Held, int] | None:
        """What is against a notice at ``at``, and until when; None: nothing."""
        rules = self.rules(site)
        day = (local_midnight(at, self._tz), local_midnight(at, self._tz, 1))
        sql = "SELECT count(*) FROM notices WHERE site IS ? AND told_at >= ? AND told_at < ?"
        shown = int(self._db.execute(sql, (site, *day)).fetchone()[0])
        sql = f"SELECT {NOTICE} FROM notices WHERE ended_at > ? AND kind = ?"
        recent = (Notice(**row) for row in self._db.query(sql, (at - rules.cooldown_s, one.kind)))
        ends = [ended.ended_at or 0 for ended in recent if same_object(one, ended)]
        return holding(
            rules,
            at,
            self._tz,
            grave,
            shown=shown,
            vetoed_until=self.vetoed_until(one, at),
            cooled_until=max(ends) + rules.cooldown_s if ends else None,
        )
