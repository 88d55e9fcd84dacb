-- Notices: what a crew receives of cases (server/notices.py). Numbers are never used twice: letters and cursors hold them.
-- x, y, w, h: middle and size of the box, fractions of the picture. told_at: when it first waited for a person;
-- verdict: what a person answered, 0 nothing there, 1 something, null not answered; ended_at null: open.
CREATE TABLE notices (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  version INTEGER NOT NULL DEFAULT 1,
  site TEXT REFERENCES sites (id) ON DELETE SET NULL,
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  zone TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  held TEXT,
  held_until INTEGER,
  severity TEXT NOT NULL,
  opened_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  x REAL NOT NULL,
  y REAL NOT NULL,
  w REAL NOT NULL,
  h REAL NOT NULL,
  lon REAL,
  lat REAL,
  size_m REAL,
  confidence REAL NOT NULL,
  cases INTEGER NOT NULL DEFAULT 1,
  assigned_to TEXT NOT NULL DEFAULT '',
  later_until INTEGER,
  told_at INTEGER,
  verdict INTEGER,
  ended_at INTEGER
);
CREATE INDEX notices_by_state ON notices (state, site);
CREATE INDEX notices_by_change ON notices (changed_at);
CREATE INDEX notices_by_opening ON notices (opened_at);
CREATE INDEX notices_told ON notices (site, told_at);
CREATE INDEX notices_ended ON notices (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX notices_held ON notices (held_until) WHERE state = 'new';

-- Every case at the highest revision that came, and the notice it is gathered under; notice null: of none. state 'silent':
-- its box began anew and told the object under another case. ended: whether the notice has.
CREATE TABLE notice_cases (
  device TEXT NOT NULL,
  case_id TEXT NOT NULL,
  notice INTEGER REFERENCES notices (id),
  ended INTEGER NOT NULL DEFAULT 0,
  revision INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  run TEXT NOT NULL,
  camera TEXT NOT NULL,
  zone TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  x REAL NOT NULL,
  y REAL NOT NULL,
  w REAL NOT NULL,
  h REAL NOT NULL,
  lon REAL,
  lat REAL,
  size_m REAL,
  confidence REAL NOT NULL,
  PRIMARY KEY (device, case_id)
) WITHOUT ROWID;
CREATE INDEX notice_cases_by_notice ON notice_cases (notice);
CREATE INDEX notice_cases_live ON notice_cases (device, camera, kind) WHERE ended = 0 AND notice IS NOT NULL;
CREATE INDEX notice_cases_on_earth ON notice_cases (lat) WHERE ended = 0 AND lat IS NOT NULL;

-- What became of notices, step by step; the channels follow the numbers.
CREATE TABLE notice_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  notice INTEGER NOT NULL REFERENCES notices (id),
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  what TEXT NOT NULL,
  before TEXT,
  after TEXT NOT NULL,
  detail TEXT NOT NULL,
  device TEXT NOT NULL,
  "case" TEXT NOT NULL,
  case_revision INTEGER NOT NULL,
  model TEXT NOT NULL,
  model_sha256 TEXT NOT NULL,
  config_at INTEGER
);
CREATE INDEX notice_events_by_notice ON notice_events (notice, id);

CREATE TABLE vetoes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  zone TEXT NOT NULL,
  x REAL NOT NULL,
  y REAL NOT NULL,
  radius REAL NOT NULL,
  made_at INTEGER NOT NULL,
  made_by TEXT NOT NULL,
  notice INTEGER NOT NULL,
  ends_at INTEGER NOT NULL,
  times INTEGER NOT NULL,
  lifted_at INTEGER,
  lifted_by TEXT
);
CREATE INDEX vetoes_by_camera ON vetoes (device, camera, made_at);

-- Rules of a site; site null: of every place that has none of its own. quiet_*: minutes of the local day.
CREATE TABLE notice_rules (
  site TEXT REFERENCES sites (id) ON DELETE CASCADE,
  cap INTEGER NOT NULL,
  quiet_from INTEGER,
  quiet_to INTEGER,
  high_passes INTEGER NOT NULL,
  cooldown_s INTEGER NOT NULL,
  veto_days INTEGER NOT NULL
);
CREATE UNIQUE INDEX notice_rules_by_site ON notice_rules (ifnull(site, ''));

-- How far each channel (letters, webhooks, ...) has followed the events.
CREATE TABLE notice_cursors (
  channel TEXT PRIMARY KEY,
  event INTEGER NOT NULL
);

-- Revisions whose notices are still to be written. A mark on each row and no number to compare with: numbers of records come
-- again when the newest ones were purged.
ALTER TABLE anomalies ADD COLUMN taken INTEGER;
CREATE INDEX anomalies_waiting ON anomalies (record_id) WHERE taken IS NULL;
