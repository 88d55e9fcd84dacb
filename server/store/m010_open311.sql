-- Keys of tools that may ask this server (hashes alone): open311.py.
CREATE TABLE open311_keys (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  key_hash TEXT NOT NULL UNIQUE,
  may_write INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  used_at INTEGER,
  revoked_at INTEGER,
  revoked_by TEXT
);

-- What is official of each notice, made of its events: since when it was confirmed, and its last official state.
CREATE TABLE open311_told (
  notice INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  requested_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  closed INTEGER NOT NULL
);
CREATE INDEX open311_told_by_time ON open311_told (requested_at);
CREATE TABLE open311_followed (one INTEGER PRIMARY KEY CHECK (one = 1), event INTEGER NOT NULL);

-- Objects that another system told us of: a place and a kind, nothing of whoever reported it.
CREATE TABLE open311_known (
  id INTEGER PRIMARY KEY,
  key INTEGER NOT NULL REFERENCES open311_keys (id),
  kind TEXT NOT NULL,
  lon REAL NOT NULL,
  lat REAL NOT NULL,
  received_at INTEGER NOT NULL,
  notice INTEGER
);
CREATE INDEX open311_known_by_time ON open311_known (received_at);
CREATE INDEX open311_known_by_notice ON open311_known (notice) WHERE notice IS NOT NULL;

-- Servers that this one posts to, one a site at a time; their keys lie in files of their own. codes, not_ours, extra: JSON.
CREATE TABLE open311_endpoints (
  id INTEGER PRIMARY KEY,
  site TEXT NOT NULL,
  url TEXT NOT NULL,
  jurisdiction_id TEXT NOT NULL,
  form TEXT NOT NULL,
  codes TEXT NOT NULL,
  radius_m INTEGER NOT NULL,
  days INTEGER NOT NULL,
  not_ours TEXT NOT NULL,
  extra TEXT NOT NULL,
  language TEXT NOT NULL,
  private INTEGER NOT NULL,
  key_on_get INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  asked_at INTEGER,
  poll_at INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  problem TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT '',
  ended_at INTEGER,
  ended_by TEXT
);
CREATE UNIQUE INDEX open311_one_a_site ON open311_endpoints (site) WHERE ended_at IS NULL;

-- A notice and the request that stands for it elsewhere; event is the confirmation it comes of.
CREATE TABLE open311_links (
  id INTEGER PRIMARY KEY,
  endpoint INTEGER NOT NULL REFERENCES open311_endpoints (id),
  notice INTEGER NOT NULL,
  event INTEGER NOT NULL,
  state TEXT NOT NULL,
  lon REAL,
  lat REAL,
  request_id TEXT NOT NULL DEFAULT '',
  token TEXT NOT NULL DEFAULT '',
  own INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL DEFAULT 0,
  posted_at INTEGER,
  changed_at INTEGER NOT NULL,
  problem TEXT NOT NULL DEFAULT '',
  detail TEXT NOT NULL DEFAULT '',
  UNIQUE (endpoint, notice)
);
CREATE INDEX open311_links_by_state ON open311_links (endpoint, state, next_at);
