-- Letters to be sent, whole: mail.py. job says what a letter is about, so that it is written once.
-- state: waiting, sending, handed (all but the final dot is at the mail server), sent, unsure, failed.
CREATE TABLE mails (
  id INTEGER PRIMARY KEY,
  job TEXT NOT NULL UNIQUE,
  message_id TEXT NOT NULL UNIQUE,
  recipient TEXT NOT NULL,
  subject TEXT NOT NULL,
  message BLOB NOT NULL,
  created_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER NOT NULL,
  claimed_at INTEGER,
  ended_at INTEGER,
  problem TEXT,
  detail TEXT
);
CREATE INDEX mails_by_state ON mails (state, next_at);

-- Who gets the report of what; done_through is the end of the last period that needs no letter any more.
CREATE TABLE subscriptions (
  id INTEGER PRIMARY KEY,
  recipient TEXT NOT NULL,
  scope TEXT NOT NULL,
  kind TEXT NOT NULL,
  language TEXT NOT NULL,
  format TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  done_through TEXT NOT NULL,
  problem TEXT,
  ended_at INTEGER,
  ended_by TEXT
);

-- Rules that write a letter: alerts.py; state is what a rule remembers, as JSON.
CREATE TABLE alert_rules (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  scope TEXT NOT NULL,
  recipient TEXT NOT NULL,
  language TEXT NOT NULL,
  numbers TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  state TEXT NOT NULL,
  problem TEXT,
  ended_at INTEGER,
  ended_by TEXT
);
