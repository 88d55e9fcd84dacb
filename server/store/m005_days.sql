-- Local days of places, worked out from hours and intervals when first needed: store/days.py. A day stands here only
-- while nothing below it has changed; the triggers see to that, in the transaction of the change.
CREATE TABLE days (
  device TEXT NOT NULL,
  camera TEXT NOT NULL,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  start INTEGER NOT NULL,
  end INTEGER NOT NULL,
  sums TEXT NOT NULL,
  slots TEXT NOT NULL,
  PRIMARY KEY (device, camera, name, kind, start)
) WITHOUT ROWID;

CREATE TRIGGER days_hour_added AFTER INSERT ON hours
BEGIN
  DELETE FROM days WHERE device = new.device AND camera = new.camera AND name = new.name AND kind = new.kind
    AND start > new.hour - 90000 AND start <= new.hour AND end > new.hour;
END;
CREATE TRIGGER days_hour_grown AFTER UPDATE ON hours
BEGIN
  DELETE FROM days WHERE device = new.device AND camera = new.camera AND name = new.name AND kind = new.kind
    AND start > new.hour - 90000 AND start <= new.hour AND end > new.hour;
END;
CREATE TRIGGER days_hour_gone AFTER DELETE ON hours
BEGIN
  DELETE FROM days WHERE device = old.device AND camera = old.camera AND name = old.name AND kind = old.kind
    AND start > old.hour - 90000 AND start <= old.hour AND end > old.hour;
END;
-- Half hours are as fine as intervals, so they may not outlive them: such days are worked out again, from whole hours.
CREATE TRIGGER days_purged AFTER UPDATE OF purged_before ON places WHEN new.purged_before > old.purged_before
BEGIN
  DELETE FROM days WHERE device = new.device AND camera = new.camera AND name = new.name AND kind = new.kind
    AND start > old.purged_before - 90000 AND start < new.purged_before;
END;
CREATE TRIGGER days_place_gone AFTER DELETE ON places
BEGIN
  DELETE FROM days WHERE device = old.device AND camera = old.camera AND name = old.name AND kind = old.kind;
END;
