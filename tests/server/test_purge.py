"""R37: what is purged is gone from the database, its log and the backups, byte by byte, and never counted again."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import struct
import subprocess
import threading
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from contract.batch import canonical, parse_record
from server import upkeep
from server.errors import StoreError
from server.retention import Retention
from server.store import purge as purging
from server.store.base import AuditEntry, Incoming
from server.store.sqlite import SqliteStore
from tests.server.build import NOON, anomaly, config, counts, grid, health, line, parking, zone, zone_config

DAY_S = 86400
OLD = NOON - 7200
LATER = NOON + 100 * DAY_S  # past the time of intervals and health, not of the others
FILE = "parvis.sqlite3"


def contents(path: Path) -> bytes:
    """The bytes of a file, read by another process: closing it in this one would drop SQLite's locks."""
    return subprocess.run(["cat", path], capture_output=True, check=False).stdout


def digest(item: dict[str, Any]) -> bytes:
    return hashlib.sha256(canonical(parse_record(item)).encode()).hexdigest().encode()


def incoming(item: dict[str, Any], quarantine: str | None = None) -> Incoming:
    record = parse_record(item)
    return Incoming(record, canonical(record), quarantine)


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / FILE)
    yield made
    made.close()


def left(folder: Path, markers: list[bytes]) -> dict[str, int]:
    """How many of the markers stand in each file of the folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")]
    found = {}
    for path in files:
        data = contents(path)
        found[str(path.relative_to(folder))] = sum(marker in data for marker in markers)
    return {name: number for name, number in found.items() if number}


def planted(rng: random.Random, number: int) -> list[dict[str, Any]]:
    """Zone records whose visits are unique, over some days and in no order."""
    records = []
    for seq in range(number):
        visits = {"dwell": [7_000_001 + seq, *[0] * 7]}
        records.append(zone(seq, OLD - 60 * seq, counts={"person": counts(60.0, 1) | visits}))
    rng.shuffle(records)
    return records


def test_no_byte_of_a_purged_record_is_left_in_the_database_the_log_and_new_backups(store, tmp_path):
    rng = random.Random(3)
    records = planted(rng, 1200)
    for cut in range(0, len(records), 150):
        store.records.add([incoming(item) for item in records[cut : cut + 150]], NOON)
        if cut == 600:  # so that there is something to find in the file and in its log
            with store._connections.alone() as db:
                db.execute("PRAGMA wal_checkpoint").fetchone()
    # Intervals of which every hour is left; what else was in them must be nowhere.
    markers = [digest(item) for item in records]
    markers += [f"[{7_000_001 + seq},0,".encode() for seq in range(len(records))]
    odd = [zone(5000 + n, OLD, zone="odd", observed_s=20.125 + n, counts={}) for n in range(2)]
    store.records.add([incoming(item) for item in odd], NOON)
    markers += [struct.pack(">d", 20.125), struct.pack(">d", 21.125)]  # the hour knows only their sum
    before = store.upkeep.backup(NOON, "test")
    assert left(tmp_path, markers).keys() == {FILE, f"{FILE}-wal", f"backups/{before.name}/{FILE}"}
    assert left(tmp_path, markers)[f"backups/{before.name}/{FILE}"] == len(markers)

    result = store.upkeep.purge(LATER, "test")

    assert (result.finished, result.remains, result.wal_bytes, result.markers) == (True, (), 0, 8)
    assert result.deleted["intervals"] == len(records) + 2
    assert result.expired == (before.name,)
    assert left(tmp_path, markers) == {}
    with store._connections.read() as db:
        # Copies that SQLite left between rows are few: no page may be an old one, whatever was found on it.
        assert db.execute("PRAGMA freelist_count").fetchone()[0] == 0
    after = store.upkeep.backup(LATER, "test")
    assert left(tmp_path, markers) == {}
    copy = SqliteStore(tmp_path / "backups" / after.name / FILE)
    assert sum(row.observed_s for row in hours_of(copy, "lawn")) == 60.0 * len(records)
    assert struct.pack(">d", 41.25) in contents(tmp_path / FILE)  # the proof that such a number can be found
    copy.close()


def hours_of(store: SqliteStore, name: str) -> list[Any]:
    [place] = [place for place in store.records.places() if place.name == name]
    return store.records.rows(place, 0, place.last_end + 3600, place.last_end + 7200, 3600)


def test_a_younger_backup_holds_it_until_its_own_time_and_says_so(store, tmp_path):
    records = planted(random.Random(1), 20)
    store.records.add([incoming(item) for item in records], NOON)
    young = store.upkeep.backup(LATER - 5 * DAY_S, "test")
    result = store.upkeep.purge(LATER, "test")
    assert result.finished
    assert result.backups == (young.name,)
    assert left(tmp_path, [digest(item) for item in records]).keys() == {f"backups/{young.name}/{FILE}"}
    assert young.expires_at == LATER + 9 * DAY_S
    assert store.upkeep.purge(LATER + 9 * DAY_S - 1, "test").expired == ()
    assert store.upkeep.purge(LATER + 9 * DAY_S, "test").expired == (young.name,)
    assert left(tmp_path, [digest(item) for item in records]) == {}


def test_all_backups_can_go_at_once(store, tmp_path):
    made = [store.upkeep.backup(NOON + n, "test").name for n in range(2)]
    (tmp_path / "backups" / "not-ours").mkdir()
    assert store.upkeep.purge(NOON + 10, "test", all_backups=True).expired == tuple(made)
    assert [path.name for path in (tmp_path / "backups").iterdir()] == ["not-ours"]


KINDS = [
    ("intervals", zone(1, OLD), 90, None),
    ("intervals", parking(2, OLD), 90, None),
    ("intervals", line(3, OLD), 90, None),
    ("grids", grid(4, OLD), 400, None),
    ("health", health(5, OLD), 7, None),
    ("configurations", config(6, OLD, []), 5 * 366, None),
    ("cases", anomaly(1, OLD), 365, None),
    ("quarantine", zone(7, OLD), 90, "before_enrolment"),
    ("quarantine", health(8, OLD), 90, "future"),
]


@pytest.mark.parametrize(("what", "item", "days", "quarantine"), KINDS)
def test_each_kind_has_its_own_time(store, tmp_path, what, item, days, quarantine):
    store.records.add([incoming(item, quarantine)], NOON)
    keep_alive(store, NOON + days * DAY_S)
    assert store.upkeep.purge(NOON + (days - 1) * DAY_S, "test").deleted[what] == 0
    assert left(tmp_path, [digest(item)])
    assert store.upkeep.doomed(NOON + days * DAY_S + 3600).deleted[what] == 1
    result = store.upkeep.purge(NOON + days * DAY_S + 3600, "test")
    assert (result.deleted[what], result.finished) == (1, True)
    assert left(tmp_path, [digest(item)]) == {}


def keep_alive(store: SqliteStore, until: int) -> None:
    """Something delivered lately, so that the clock is believed."""
    with store._connections.write() as db:
        db.execute(
            "INSERT INTO cameras (device, camera, last_received) VALUES ('box-z', 'z', ?)"
            " ON CONFLICT DO UPDATE SET last_received = excluded.last_received",
            (until,),
        )


def test_a_case_goes_whole_and_only_after_its_last_revision(store):
    store.records.add([incoming(anomaly(1, OLD))], NOON)
    store.records.add([incoming(anomaly(2, OLD))], NOON + 300 * DAY_S)
    assert store.upkeep.purge(NOON + 366 * DAY_S, "test").deleted["cases"] == 0
    keep_alive(store, NOON + 600 * DAY_S)
    assert store.upkeep.purge(NOON + 666 * DAY_S, "test").deleted["cases"] == 2


def test_operational_zones_may_go_earlier_by_their_purpose_of_now(store):
    kept = Retention(operational_days=40)
    store.upkeep.choose(kept, AuditEntry(NOON, "t", "retention.change", "settings"))
    zones = [zone_config("live"), zone_config("lawn", purpose="statistics")]
    store.records.add([incoming(config(0, OLD, zones))], NOON)
    names = ["live", "lawn", "unknown"]
    store.records.add([incoming(zone(n + 1, OLD, zone=name)) for n, name in enumerate(names)], NOON)
    store.records.add([incoming(line(9, OLD, line="live"))], NOON)  # a line of that name has no purpose
    store.upkeep.purge(NOON + 41 * DAY_S, "test")
    with store._connections.read() as db:
        left_over = sorted(db.execute("SELECT kind, name FROM intervals"))
    assert left_over == [("line", "live"), ("zone", "lawn"), ("zone", "unknown")]


def test_roll_ups_go_after_years_and_the_place_with_them(store):
    store.records.add([incoming(zone(1, OLD)), incoming(zone(2, OLD, zone="other"))], NOON)
    years = 5 * 366 * DAY_S
    store.records.add([incoming(zone(3, NOON + 10 * 3600, zone="other"))], NOON)
    keep_alive(store, NOON + years)
    store.upkeep.purge(NOON + years - 7300, "test")
    assert {place.name for place in store.records.places()} == {"lawn", "other"}
    result = store.upkeep.purge(NOON + years + 3600, "test")
    assert (result.deleted["hours"], result.deleted["hour_counts"], result.deleted["places"]) == (2, 2, 1)
    [place] = store.records.places()
    assert (place.name, place.first_start) == ("other", NOON + 3600)
    assert [camera.device for camera in store.records.cameras()] == ["box-z"]


def test_a_purged_record_that_comes_again_is_accepted_and_not_counted(site):
    records = [zone(n, OLD + 60 * n) for n in range(5)] + [anomaly(1, OLD), health(9, OLD)]
    site.post(records)
    query = {"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T11:00:00Z", "step": 3600}
    before = site.series("zones/box-a/north/lawn", **query).json()["total"]
    site.clock.now = NOON + 366 * DAY_S
    assert site.store.upkeep.purge(int(site.clock.now), "test").finished
    changed = zone(4, OLD + 240, observed_s=1.0)
    answer = site.post([*records, changed]).json()
    assert answer["rejected"] == []
    assert len(answer["accepted"]) == len(records) + 1
    assert site.store.records.count() == 0
    assert site.series("zones/box-a/north/lawn", **query).json()["total"] == before


def test_keys_that_arrived_before_there_were_ranges_are_known_too(tmp_path):
    """The migration of a database of the first format."""
    path = tmp_path / FILE
    store = SqliteStore(path)
    store.records.add([incoming(zone(n, OLD + 60 * n)) for n in (0, 1, 5)], NOON)
    with store._connections.write() as db:
        for trigger in ("hour_added", "hour_grown", "hour_gone", "purged", "place_gone"):
            db.execute(f"DROP TRIGGER days_{trigger}")
        db.execute("DROP TABLE days")
        db.execute("DELETE FROM received_keys")
        db.execute("DELETE FROM hours")
        db.execute("DELETE FROM hour_counts")
        for table, names in (
            ("hours", ("stay_0", "stay_censored", "bay_mode", "sized_s", "nearly_s", "full_s")),
            ("places", ("purged_before",)),
        ):
            for name in names:
                db.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
    store.close()
    raw = sqlite3.connect(path)
    for number in range(1, 8):
        raw.execute(f"ALTER TABLE hours DROP COLUMN stay_{number}")
    for name in [*(f"dwell_{number}" for number in range(8)), "dwell_censored"]:
        raw.execute(f"ALTER TABLE hour_counts DROP COLUMN {name}")
    first = sqlite3.connect(":memory:")
    first.executescript(resources.files("server.store").joinpath("schema.sql").read_text("utf-8"))
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite%'"
    for (table,) in sorted({*raw.execute(tables)} - {*first.execute(tables)}):
        raw.execute(f"DROP TABLE {table}")
    first.close()
    raw.execute("DROP TRIGGER audit_is_not_changed")
    raw.execute("DROP TRIGGER audit_is_not_deleted")
    raw.execute("DELETE FROM _sqlite_migrations WHERE name <> 'm001_initial'")
    raw.commit()
    raw.close()
    store = SqliteStore(path)
    with store._connections.read() as db:
        assert sorted(db.execute("SELECT first, last FROM received_keys")) == [(0, 1), (5, 5)]
        assert db.execute("SELECT observed_s, stay_3 FROM hours").fetchone() == (180.0, 0)
    store.upkeep.purge(LATER, "test")
    store.records.add([incoming(zone(5, OLD + 300))], LATER)
    assert store.records.count() == 0
    store.close()


def test_a_reader_in_the_way_is_told_and_the_next_purge_ends_it(store, tmp_path):
    records = planted(random.Random(1), 30)
    store.records.add([incoming(item) for item in records], NOON)
    with store._connections.alone() as db:
        db.execute("PRAGMA busy_timeout=1")
    other = sqlite3.connect(tmp_path / FILE)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM records").fetchone()
    result = store.upkeep.purge(LATER, "test")
    assert not result.finished
    assert result.wal_bytes > 0
    assert store.upkeep.last_purge() is None
    other.rollback()
    other.close()
    again = store.upkeep.purge(LATER, "test")  # no row is left to delete, and still the file is written anew
    assert (again.finished, again.wal_bytes) == (True, 0)
    assert store.upkeep.last_purge() == LATER
    assert left(tmp_path, [digest(item) for item in records]) == {}


def test_a_purge_that_was_stopped_goes_on_where_it_was(store, tmp_path, monkeypatch):
    monkeypatch.setattr(purging, "BATCH", 10)
    records = planted(random.Random(1), 45)
    store.records.add([incoming(item) for item in records], NOON)
    turns = iter([False, False, True])
    half = store.upkeep.purge(LATER, "test", lambda: next(turns, True))
    assert (half.deleted["intervals"], half.finished) == (20, False)
    [place] = store.records.places()
    assert place.purged_before == LATER - 90 * DAY_S  # said before the first row went
    whole = store.upkeep.purge(LATER, "test")
    assert (whole.deleted["intervals"], whole.finished) == (25, True)
    assert left(tmp_path, [digest(item) for item in records]) == {}


def test_what_is_still_found_is_no_success(store, monkeypatch):
    """A purge that only deleted rows would be caught by its own check."""
    store.records.add([incoming(item) for item in planted(random.Random(1), 30)], NOON)

    def lazy(connections, wal):
        return 0  # neither VACUUM nor an empty log

    monkeypatch.setattr("server.store.upkeep.compact", lazy)
    result = store.upkeep.purge(LATER, "test")
    assert not result.finished
    assert f"{FILE}-wal" in result.remains or FILE in result.remains
    assert store.upkeep.last_purge() is None


def test_a_clock_that_leapt_ahead_deletes_nothing(store):
    store.records.add([incoming(zone(1, OLD))], NOON)
    with pytest.raises(StoreError, match="clock"):
        store.upkeep.purge(NOON + 4000 * DAY_S, "test")
    assert store.records.count() == 1


def test_the_audit_only_grows_and_a_purge_takes_only_what_is_past_its_time(store):
    accounts = store.accounts
    for at, action in ((NOON, "login.ok"), (NOON, "purpose.operational"), (NOON + 300 * DAY_S, "login.ok")):
        accounts.log(AuditEntry(at, "anne", action, "x"))
    for statement in ("DELETE FROM audit", "UPDATE audit SET actor = 'nobody'"):
        with pytest.raises(StoreError, match="append-only"), store._connections.write() as db:
            db.execute(statement)
    store.upkeep.purge(NOON + 366 * DAY_S, "test")
    kept = [(entry.at, entry.action) for entry in accounts.audit(10)]
    purged = (NOON + 366 * DAY_S, "retention.purge")
    assert kept == [purged, (NOON + 300 * DAY_S, "login.ok"), (NOON, "purpose.operational")]
    with pytest.raises(StoreError, match="append-only"), store._connections.write() as db:
        db.execute("DELETE FROM audit")
    store.upkeep.purge(NOON + 6 * 366 * DAY_S, "test")
    assert all(entry.action.startswith("retention.") for entry in accounts.audit(10))


def test_expired_logins_go(site):
    site.client("viewer")
    assert site.store.upkeep.purge(NOON + 3601, "test").deleted["sessions"] == 1


def test_a_purge_is_on_record(store):
    store.records.add([incoming(zone(1, OLD))], NOON)
    store.upkeep.purge(LATER, "server")
    [entry] = store.accounts.audit(10, "retention.")
    assert (entry.at, entry.actor, entry.action) == (LATER, "server", "retention.purge")
    assert "intervals 1" in entry.detail
    assert "left in no file" in entry.detail
    store.upkeep.purge(LATER + DAY_S, "server")  # nothing to do, nothing to tell
    assert len(store.accounts.audit(10, "retention.")) == 1
    assert store.upkeep.last_purge() == LATER + DAY_S


def test_the_server_purges_by_itself_once_a_night(site, caplog, monkeypatch):
    site.post([zone(1, OLD)])
    stop = threading.Event()
    settings = site.app.state.settings
    assert upkeep.turn(site.store, settings, stop)
    assert site.store.upkeep.last_purge() == NOON
    site.clock.now = LATER
    assert upkeep.turn(site.store, settings, stop)
    assert site.store.records.count() == 0
    called = []
    monkeypatch.setattr(type(site.store.upkeep), "purge", lambda *a, **k: called.append(a))
    assert upkeep.turn(site.store, settings, stop)
    assert called == []
    monkeypatch.undo()
    site.clock.now = NOON + 4000 * DAY_S
    assert not upkeep.turn(site.store, settings, stop)
    assert "clock" in caplog.text


def test_the_thread_starts_with_the_application_and_ends_with_it(make_site, monkeypatch):
    monkeypatch.setattr(upkeep, "FIRST_S", 0.01)
    site = make_site("own")
    with site.client():
        for _ in range(600):
            if site.store.upkeep.last_purge() is not None:
                break
            threading.Event().wait(0.05)
        assert site.store.upkeep.last_purge() == NOON
        assert any(thread.name == "upkeep" for thread in threading.enumerate())
    assert not any(thread.name == "upkeep" for thread in threading.enumerate())


def test_a_purge_while_boxes_deliver_loses_nothing(store, monkeypatch):
    monkeypatch.setattr(purging, "BATCH", 50)
    store.records.add([incoming(item) for item in planted(random.Random(2), 300)], NOON)
    errors: list[BaseException] = []

    def deliver():
        try:
            for n in range(40):
                new = zone(n, LATER - 3600 + 60 * n, run="f" * 16)
                assert store.records.add([incoming(new)], LATER) == [True]
        except BaseException as exc:
            errors.append(exc)

    thread = threading.Thread(target=deliver)
    thread.start()
    result = store.upkeep.purge(LATER, "test")
    thread.join()
    assert errors == []
    assert result.deleted["intervals"] == 300
    assert store.records.count() == 40


def test_while_the_file_is_written_anew_boxes_are_told_to_come_back_and_pages_are_served(site, monkeypatch):
    site.post([zone(1, OLD)])
    viewer = site.client("viewer")
    monkeypatch.setattr("server.store.connection.LOCK_S", 0.05)
    with site.store._connections.alone():
        answer = site.post([zone(2, OLD + 60)])
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert viewer.get("/api/v1/zones/box-a/north/lawn/series").json()["total"]["entries"] == 1
    assert site.post([zone(2, OLD + 60)]).json()["rejected"] == []


def test_retention_survives_a_restart_and_is_on_record(tmp_path):
    store = SqliteStore(tmp_path / FILE)
    assert store.upkeep.retention() == Retention()
    store.upkeep.choose(
        Retention(intervals_days=60), AuditEntry(NOON, "t", "retention.change", "settings", "x")
    )
    store.close()
    store = SqliteStore(tmp_path / FILE)
    assert store.upkeep.retention().intervals_days == 60
    assert store.accounts.audit(1)[0].action == "retention.change"
    with store._connections.read() as db:
        assert json.loads(db.execute("SELECT value FROM settings").fetchone()[0])["intervals_days"] == 60
    store.close()
