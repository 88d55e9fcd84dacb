-- What each version of a zone was: its capacity decides how full an interval was, and a report names what it rests on.
CREATE TABLE zone_versions (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  zone TEXT NOT NULL,
  version TEXT NOT NULL,
  first_at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  purpose TEXT NOT NULL,
  capacity INTEGER,
  classes TEXT NOT NULL,
  PRIMARY KEY (device, camera, zone, version)
) WITHOUT ROWID;

-- Observed seconds of intervals whose capacity is known, and of those that were nearly full and full: fullness.py.
ALTER TABLE hours ADD COLUMN sized_s REAL NOT NULL DEFAULT 0;
ALTER TABLE hours ADD COLUMN nearly_s REAL NOT NULL DEFAULT 0;
ALTER TABLE hours ADD COLUMN full_s REAL NOT NULL DEFAULT 0;
