-- Intervals that start before this are no longer all there: purge.py.
ALTER TABLE places ADD COLUMN purged_before INTEGER NOT NULL DEFAULT 0;

-- What the intervals say of visits and stays, so that it outlives them. bay_mode: '' where there are no bays.
ALTER TABLE hours ADD COLUMN bay_mode TEXT NOT NULL DEFAULT '';
ALTER TABLE hours ADD COLUMN stay_0 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hours ADD COLUMN stay_1 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hours ADD COLUMN stay_2 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hours ADD COLUMN stay_3 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hours ADD COLUMN stay_4 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hours ADD COLUMN stay_5 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hours ADD COLUMN stay_6 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hours ADD COLUMN stay_7 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hours ADD COLUMN stay_censored INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_counts ADD COLUMN dwell_0 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_counts ADD COLUMN dwell_1 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_counts ADD COLUMN dwell_2 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_counts ADD COLUMN dwell_3 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_counts ADD COLUMN dwell_4 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_counts ADD COLUMN dwell_5 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_counts ADD COLUMN dwell_6 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_counts ADD COLUMN dwell_7 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE hour_counts ADD COLUMN dwell_censored INTEGER NOT NULL DEFAULT 0;

-- Numbers that arrived, by device and run (or case), both ends included: keys.py.
CREATE TABLE received_keys (
  device TEXT NOT NULL,
  run TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (device, run, first)
) WITHOUT ROWID;

-- What an installation chose, and when it was last purged, as JSON.
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);

-- The audit is append-only. A purge states first how far it goes, and can delete nothing later than that.
CREATE TABLE purging (before INTEGER NOT NULL);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
WHEN old.at >= coalesce((SELECT max(before) FROM purging), 0)
BEGIN
  SELECT RAISE(ABORT, 'the audit is append-only');
END;
