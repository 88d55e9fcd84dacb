-- Who is told of notices, and where they are pushed: crew.py, hooks.py. site null: every site. No number is given twice:
-- the audit names recipients by it.
CREATE TABLE crew_recipients (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  address TEXT NOT NULL,
  language TEXT NOT NULL,
  stage TEXT NOT NULL,
  site TEXT,
  kinds TEXT NOT NULL,
  least TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  ended_at INTEGER,
  ended_by TEXT
);

-- "Later": who is to be reminded of a notice, and when; one a notice, as a notice has one such time.
CREATE TABLE crew_reminders (
  notice INTEGER PRIMARY KEY,
  until INTEGER NOT NULL,
  actor TEXT NOT NULL
);
CREATE INDEX crew_reminders_by_time ON crew_reminders (until);

-- Keys of feeds, as digests; site '' is the feed of every site.
CREATE TABLE crew_feeds (
  site TEXT PRIMARY KEY,
  key_hash TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  made_by TEXT NOT NULL
) WITHOUT ROWID;

-- Targets of webhooks. secret_before signs too until before_until; paused_until: the circuit is open.
CREATE TABLE crew_hooks (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  url TEXT NOT NULL,
  site TEXT,
  unverified INTEGER NOT NULL,
  internal INTEGER NOT NULL,
  secret TEXT NOT NULL,
  secret_before TEXT,
  before_until INTEGER,
  failures INTEGER NOT NULL DEFAULT 0,
  paused_until INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  ended_at INTEGER,
  ended_by TEXT
);

-- state: waiting, sent, dead. event null: a trial. A target has one delivery of an event for ever.
CREATE TABLE crew_deliveries (
  id INTEGER PRIMARY KEY,
  hook INTEGER NOT NULL REFERENCES crew_hooks (id) ON DELETE CASCADE,
  event INTEGER,
  notice INTEGER NOT NULL,
  type TEXT NOT NULL,
  message_id TEXT NOT NULL,
  body BLOB NOT NULL,
  queued_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL,
  ended_at INTEGER,
  status INTEGER,
  problem TEXT,
  detail TEXT,
  UNIQUE (hook, event)
);
CREATE INDEX crew_deliveries_waiting ON crew_deliveries (hook, notice, id) WHERE state = 'waiting';
CREATE INDEX crew_deliveries_ended ON crew_deliveries (ended_at);
