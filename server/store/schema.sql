-- Times are whole seconds since 1970, UTC.
-- payload is kept where no typed table holds everything; digest (SHA-256 of the canonical JSON) always.
CREATE TABLE records (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  digest TEXT NOT NULL,
  quarantine TEXT,
  payload TEXT
);
CREATE INDEX records_by_type ON records (type, device, camera, received_at);
CREATE INDEX records_in_quarantine ON records (received_at) WHERE quarantine IS NOT NULL;

-- One row per interval of a zone, a car park or a line; kind says which columns are used.
CREATE TABLE intervals (
  record_id INTEGER PRIMARY KEY REFERENCES records (id),
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  version TEXT NOT NULL,
  start INTEGER NOT NULL,
  interval_s INTEGER NOT NULL,
  observed_s REAL NOT NULL,
  unsynced INTEGER NOT NULL,
  dark_s REAL NOT NULL,
  degraded_s REAL NOT NULL,
  moved_s REAL NOT NULL,
  covered_s REAL NOT NULL,
  frozen_s REAL NOT NULL,
  lost_s REAL NOT NULL,
  peak_vehicle INTEGER NOT NULL,
  bay_mode TEXT,
  bays INTEGER NOT NULL,
  occupied_bay_s REAL NOT NULL,
  observed_bay_s REAL NOT NULL,
  peak INTEGER NOT NULL,
  arrivals INTEGER NOT NULL,
  departures INTEGER NOT NULL,
  stay TEXT,
  stay_censored INTEGER NOT NULL
);
CREATE INDEX intervals_by_place ON intervals (device, camera, name, kind, start);

CREATE TABLE counts (
  record_id INTEGER NOT NULL REFERENCES intervals (record_id),
  class TEXT NOT NULL,
  object_s REAL NOT NULL,
  peak INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  exits INTEGER NOT NULL,
  dwell TEXT,
  dwell_censored INTEGER NOT NULL,
  PRIMARY KEY (record_id, class)
);

-- Hourly sums of intervals and counts: hours.py.
CREATE TABLE hours (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  hour INTEGER NOT NULL,
  version TEXT NOT NULL,
  interval_s INTEGER NOT NULL,
  observed_s REAL NOT NULL,
  unsynced INTEGER NOT NULL,
  dark_s REAL NOT NULL,
  degraded_s REAL NOT NULL,
  moved_s REAL NOT NULL,
  covered_s REAL NOT NULL,
  frozen_s REAL NOT NULL,
  lost_s REAL NOT NULL,
  peak_vehicle INTEGER NOT NULL,
  bays INTEGER NOT NULL,
  occupied_bay_s REAL NOT NULL,
  observed_bay_s REAL NOT NULL,
  peak INTEGER NOT NULL,
  arrivals INTEGER NOT NULL,
  departures INTEGER NOT NULL,
  PRIMARY KEY (device, camera, name, kind, hour, version)
);

CREATE TABLE hour_counts (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  hour INTEGER NOT NULL,
  version TEXT NOT NULL,
  class TEXT NOT NULL,
  object_s REAL NOT NULL,
  peak INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  exits INTEGER NOT NULL,
  PRIMARY KEY (device, camera, name, kind, hour, version, class)
);

-- What there is to report on, so that a page need not read all intervals.
CREATE TABLE places (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  first_start INTEGER NOT NULL,
  last_end INTEGER NOT NULL,
  interval_s INTEGER NOT NULL,
  PRIMARY KEY (device, camera, name, kind)
);

CREATE TABLE cameras (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  last_received INTEGER NOT NULL,
  last_end INTEGER,
  config_at INTEGER,
  config TEXT,
  health_at INTEGER,
  health TEXT,
  PRIMARY KEY (device, camera)
);

CREATE TABLE anomalies (
  record_id INTEGER PRIMARY KEY REFERENCES records (id),
  device TEXT NOT NULL,
  case_id TEXT NOT NULL,
  revision INTEGER NOT NULL
);
CREATE INDEX anomalies_by_case ON anomalies (device, case_id, revision);

CREATE TABLE devices (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
);

CREATE TABLE users (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  disabled INTEGER NOT NULL
);

CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY,
  user_name TEXT NOT NULL REFERENCES users (name),
  csrf TEXT NOT NULL,
  expires_at INTEGER NOT NULL
);

CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL
);
