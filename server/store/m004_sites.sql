-- What people add to what boxes send: sites, labels, positions, plans, and the planner's calendar. Never geometry,
-- capacity or purpose: these are the box's.
CREATE TABLE sites (
  id TEXT PRIMARY KEY,
  label_fr TEXT NOT NULL,
  label_en TEXT NOT NULL,
  school_zone TEXT NOT NULL,
  region TEXT NOT NULL,
  lon REAL,
  lat REAL
);

-- The picture itself, without what its file said besides: pictures.py.
CREATE TABLE plans (
  site TEXT PRIMARY KEY REFERENCES sites (id) ON DELETE CASCADE,
  media_type TEXT NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  content BLOB NOT NULL
);

-- By the keys of places. x, y: fractions of the site's plan, from its top left.
CREATE TABLE place_details (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  site TEXT REFERENCES sites (id) ON DELETE SET NULL,
  label_fr TEXT NOT NULL,
  label_en TEXT NOT NULL,
  area_m2 REAL,
  x REAL,
  y REAL,
  lon REAL,
  lat REAL,
  PRIMARY KEY (device, camera, name, kind)
) WITHOUT ROWID;
CREATE INDEX place_details_by_site ON place_details (site);

-- site null: the whole town. Days as ISO dates, last_day null: without end; minutes of the local day, null: all day;
-- weekdays and exceptions as JSON.
CREATE TABLE calendar (
  id INTEGER PRIMARY KEY,
  site TEXT REFERENCES sites (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  name_fr TEXT NOT NULL,
  name_en TEXT NOT NULL,
  first_day TEXT NOT NULL,
  last_day TEXT,
  start_min INTEGER,
  end_min INTEGER,
  weekdays TEXT NOT NULL,
  exceptions TEXT NOT NULL
);
CREATE INDEX calendar_by_site ON calendar (site);
