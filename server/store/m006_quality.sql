-- What counted: one start of a box's program, and what it announced to count with one camera (origins.py).
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  run TEXT NOT NULL,
  configured_at INTEGER,
  config TEXT,
  interval_s INTEGER,
  model TEXT,
  model_sha256 TEXT,
  software TEXT,
  UNIQUE (device, camera, run)
);
CREATE INDEX runs_by_time ON runs (configured_at);

-- What a configuration draws (zones, lines, ground points, interval), under the digest of just that.
CREATE TABLE configurations (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  version TEXT NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (device, camera, version)
);

-- From which runs the hours of a place come.
CREATE TABLE run_places (
  id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs (id),
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  version TEXT NOT NULL,
  first_start INTEGER NOT NULL,
  last_end INTEGER NOT NULL,
  UNIQUE (run_id, name, kind, version)
);
CREATE INDEX run_places_by_end ON run_places (device, camera, name, kind, last_end);
CREATE TABLE run_hours (
  run_place INTEGER NOT NULL,
  hour INTEGER NOT NULL,
  records INTEGER NOT NULL,
  observed_s REAL NOT NULL,
  PRIMARY KEY (run_place, hour)
) WITHOUT ROWID;

-- Hours in which a place told more seconds than there were.
CREATE TABLE doubled_hours (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  hour INTEGER NOT NULL,
  doubled_s REAL NOT NULL,
  PRIMARY KEY (device, camera, name, kind, hour)
);
CREATE INDEX doubled_by_hour ON doubled_hours (hour);

-- How many records went into quarantine, by UTC day of receipt, and which times they told.
CREATE TABLE quarantine_days (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  reason TEXT NOT NULL,
  day INTEGER NOT NULL,
  records INTEGER NOT NULL,
  first_told INTEGER NOT NULL,
  last_told INTEGER NOT NULL,
  PRIMARY KEY (device, camera, reason, day)
);
CREATE INDEX quarantine_by_day ON quarantine_days (day);

-- Health records by the hour.
CREATE TABLE health_hours (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  hour INTEGER NOT NULL,
  samples INTEGER NOT NULL,
  live INTEGER NOT NULL,
  unsynced INTEGER NOT NULL,
  throttled INTEGER NOT NULL,
  queue_most INTEGER NOT NULL,
  age_most REAL,
  temperature_least REAL,
  temperature_most REAL,
  disk_least INTEGER,
  last_at INTEGER NOT NULL,
  queue_last INTEGER NOT NULL,
  age_last REAL,
  temperature_last REAL,
  PRIMARY KEY (device, camera, hour)
);

-- Presence grids: cells is a JSON list, row by row, null where too few were to be shown.
CREATE TABLE grids (
  record_id INTEGER PRIMARY KEY REFERENCES records (id),
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  class TEXT NOT NULL,
  start INTEGER NOT NULL,
  cols INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  observed_s REAL NOT NULL,
  cells TEXT NOT NULL
);
CREATE INDEX grids_by_camera ON grids (device, camera, class, start);
