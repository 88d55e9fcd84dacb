-- Counts by hand, each with the box's own figure for the same time (tallies.py): the count error of a place.
CREATE TABLE tallies (
  id INTEGER PRIMARY KEY,
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  class_group TEXT NOT NULL,
  measure TEXT NOT NULL,
  start INTEGER NOT NULL,
  end INTEGER NOT NULL,
  counted REAL NOT NULL,
  ours REAL NOT NULL,
  coverage REAL NOT NULL,
  version TEXT NOT NULL,
  by TEXT NOT NULL,
  entered_at INTEGER NOT NULL,
  entered_by TEXT NOT NULL
);
CREATE UNIQUE INDEX tallies_once ON tallies (device, camera, name, kind, class_group, measure, start, end, by);
