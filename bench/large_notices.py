"""A year of road notices in a large base, made in SQL: two hundred open ones, the others ended. Arithmetic, not plausible."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

DAY_S: Final = 86400
OPEN: Final = 200
ENDED: Final = 14_000

_NOTICES: Final = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :all)
INSERT INTO notices (id, device, camera, zone, kind, state, severity, opened_at, changed_at, first_seen, last_seen, x, y, w, h,
  size_m, confidence, told_at, verdict, ended_at)
SELECT i, c.device, c.camera, 'z2', 'debris',
  CASE WHEN i <= :open THEN CASE i % 4 WHEN 0 THEN 'confirmed' WHEN 1 THEN 'in_work' ELSE 'to_verify' END
    ELSE CASE i % 3 WHEN 0 THEN 'nothing_there' ELSE 'cleared' END END,
  CASE i % 3 WHEN 0 THEN 'high' WHEN 1 THEN 'medium' ELSE 'low' END,
  :end - i * :step, :end - i * :step, :end - i * :step, :end - i * :step, i % 97 / 97.0, i % 89 / 89.0, .01, .01, .5, .8,
  :end - i * :step, CASE WHEN i > :open THEN i % 3 > 0 END, CASE WHEN i > :open THEN :end - i * :step + 3600 END
FROM n JOIN (SELECT device, camera, row_number() OVER (ORDER BY device, camera) - 1 AS place FROM cameras) c
  ON c.place = i % (SELECT count(*) FROM cameras)
"""
_CASES: Final = """
INSERT INTO notice_cases (device, case_id, notice, ended, revision, received_at, run, camera, zone, kind, state, first_seen,
  last_seen, x, y, w, h, size_m, confidence)
SELECT device, printf('%016x', id), id, ended_at IS NOT NULL, 1, opened_at, 'r', camera, zone, kind, 'open', first_seen,
  last_seen, x, y, w, h, size_m, confidence FROM notices
"""
_EVENTS: Final = """
INSERT INTO notice_events (notice, at, actor, what, before, after, detail, device, "case", case_revision, model, model_sha256)
SELECT id, opened_at, 'box:' || device, 'opened', NULL, 'to_verify', '', device, printf('%016x', id), 1, 'bench', '0'
FROM notices
"""


def with_notices(path: Path, end: int) -> None:
    """Put a year of notices into a base that has none."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        if db.execute("SELECT 1 FROM notices LIMIT 1").fetchone():
            return
        every = OPEN + ENDED
        db.execute("BEGIN")
        db.execute(_NOTICES, {"all": every, "open": OPEN, "end": end, "step": 365 * DAY_S // every})
        db.execute(_CASES)
        db.execute(_EVENTS)
        db.execute("COMMIT")
    finally:
        db.close()
