"""The contract of every store, run over the one there is; then what is special to SQLite."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from zoneinfo import ZoneInfo

import pytest

from contract.batch import canonical, parse_record
from server.errors import StoreError
from server.reports import edges, report
from server.store.base import AuditEntry, Incoming
from server.store.connection import migrations
from server.store.sqlite import SqliteStore, open_store
from tests.server.build import NOON, config, counts, health, line, parking, zone, zone_config


def incoming(item, quarantine=None):
    record = parse_record(item)
    return Incoming(record, canonical(record), quarantine)


@pytest.fixture
def store(tmp_path):
    made = open_store(tmp_path / "new" / "parvis.sqlite3")
    yield made
    made.close()


def test_a_store_gives_back_what_it_was_given(store):
    items = [zone(1, NOON), parking(2, NOON), line(3, NOON), health(4, NOON)]
    assert store.records.add([incoming(i) for i in items], NOON) == [True] * 4
    by_kind = {place.kind: place for place in store.records.places()}
    assert set(by_kind) == {"zone", "parking", "line"}
    [row] = store.records.rows(by_kind["zone"], NOON, NOON + 60, NOON + 60, 60)
    assert (row.observed_s, row.counts["person"].object_s, row.counts["person"].exits) == (60.0, 120.0, 2)
    [row] = store.records.rows(by_kind["parking"], NOON, NOON + 60, NOON + 60, 60)
    assert (row.bays, row.parking.object_s, row.observed_bay_s, row.parking.entries) == (10, 240.0, 600.0, 2)
    [row] = store.records.rows(by_kind["line"], NOON, NOON + 60, NOON + 60, 60)
    assert (row.counts["person"].entries, row.counts["person"].exits) == (3, 1)
    [camera] = store.records.cameras()
    assert (camera.last_received, camera.last_end, camera.health["fps"]) == (NOON, NOON + 60, 9.5)


def test_rows_end_by_the_time_that_may_be_shown(store):
    store.records.add([incoming(zone(n, NOON + 60 * n)) for n in range(10)], NOON)
    [place] = store.records.places()
    assert sum(r.observed_s for r in store.records.rows(place, NOON, NOON + 600, NOON + 299, 600)) == 240.0
    assert store.records.last_end(place, NOON + 299) == NOON + 240
    assert store.records.last_end(place, NOON) is None


@pytest.mark.parametrize("kind", ["zone", "parking", "line"])
@pytest.mark.parametrize("until", [NOON, NOON + 1800, NOON + 7230, NOON + 4 * 3600])
def test_hourly_sums_say_what_the_intervals_say(store, kind, until):
    rng = random.Random(5)
    build = {"zone": zone, "parking": parking, "line": line}[kind]
    items = []
    for n in range(240):
        version = {} if kind == "line" else {"zone_version": "ab"[n // 90 % 2] * 16}
        seen = rng.choice([0.0, 30.0, 60.0])
        if kind == "zone":
            people = {
                "person": counts(rng.randint(0, 200) * seen / 60, rng.randint(0, 9), rng.randint(0, 4), 1)
            }
            version |= {"counts": people | ({"car": counts(seen, 2)} if n % 3 else {}), "peak_vehicle": n % 7}
        items.append(build(n, NOON + 60 * n, observed_s=seen, flag_s={"dark": 1.0 * (n % 50)}, **version))
    rng.shuffle(items)
    for cut in range(0, 240, 50):
        store.records.add([incoming(i) for i in items[cut : cut + 50]], NOON)
        store.records.add([incoming(i) for i in items[cut : cut + 20]], NOON)  # again
    [place] = store.records.places()

    def figures(grain_s):
        borders = edges(NOON, NOON + 4 * 3600, 3600, ZoneInfo("Europe/Paris"))
        rows = store.records.rows(place, NOON, NOON + 4 * 3600, until, grain_s)
        group = "person" if kind == "zone" else "vehicle"
        return [
            report(rows, kind=kind, group=g, step=3600, borders=borders, until=NOON + 4 * 3600)
            for g in {group, "vehicle"}
        ]

    assert figures(3600) == figures(60)


def test_the_extent_of_a_place_grows_both_ways(store):
    for seq, at in enumerate((NOON, NOON + 600, NOON - 600)):
        store.records.add([incoming(zone(seq, at))], NOON)
    [place] = store.records.places()
    assert (place.first_start, place.last_end) == (NOON - 600, NOON + 660)


def test_quarantined_records_are_kept_apart(store):
    store.records.add([incoming(config(1, NOON, [zone_config("lawn")]), "future")], NOON)
    assert store.records.config("box-a", "north") is None
    assert store.records.cameras() == []
    assert [q.reason for q in store.records.quarantined(5)] == ["future"]


def test_a_batch_is_all_or_nothing(store):
    class BrokenError(Exception):
        pass

    class Poison:
        def __getattr__(self, name):
            raise BrokenError

    with pytest.raises(BrokenError):
        store.records.add([incoming(zone(1, NOON)), Incoming(Poison(), "{}")], NOON)
    assert store.records.count() == 0
    assert store.records.add([incoming(zone(1, NOON))], NOON) == [True]


def test_accounts(store):
    accounts, entry = store.accounts, AuditEntry(NOON, "t", "a", "s")
    assert accounts.add_device("box-a", "h1", entry)
    assert not accounts.add_device("box-a", "h2", entry)
    assert accounts.device_by_token("h1").id == "box-a"
    assert accounts.revoke_device("box-a", entry)
    assert accounts.device_by_token("h1") is None
    assert accounts.set_device_token("box-a", "h3", entry)
    assert accounts.device_by_token("h3").created_at == NOON
    assert not accounts.revoke_device("nobody", entry)
    assert accounts.add_user("anne", "planner", "p", entry)
    assert not accounts.add_user("anne", "viewer", "q", entry)
    accounts.open_session("s1", "anne", "c", NOON + 10, entry)
    assert accounts.session("s1", NOON + 9).csrf == "c"
    assert accounts.session("s1", NOON + 10) is None
    assert accounts.set_password("anne", "r", entry)
    assert accounts.session("s1", NOON) is None
    assert accounts.disable_user("anne", entry)
    assert accounts.password_hash("anne") is None
    assert accounts.users()[0].disabled
    accounts.open_session("s2", "anne", "c", NOON + 10, entry)
    assert accounts.session("s2", NOON) is None


def test_the_database_is_durable_and_readers_cannot_write(store):
    with store._connections.write() as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert db.execute("PRAGMA busy_timeout").fetchone()[0] == 5000
        assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    with pytest.raises(StoreError, match="readonly"), store._connections.read() as db:
        db.execute("DELETE FROM records")


def test_migrations_are_recorded_with_what_they_did_and_run_once(tmp_path):
    path = tmp_path / "parvis.sqlite3"
    open_store(path).close()
    open_store(path).close()
    with sqlite3.connect(path) as conn:
        names = [row[0] for row in conn.execute("SELECT name FROM _sqlite_migrations")]
    conn.close()
    assert names == [m.name for m in migrations._migrations]


def test_a_migration_that_fails_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "parvis.sqlite3"
    real = migrations._migrations[0]

    def half(db):
        real.fn(db)
        raise sqlite3.OperationalError("power cut")

    monkeypatch.setattr(migrations, "_migrations", [type(real)(real.name, half)])
    with pytest.raises(StoreError):
        open_store(path)
    monkeypatch.undo()
    conn = sqlite3.connect(path)
    assert conn.execute("SELECT count(*) FROM sqlite_master WHERE name = 'records'").fetchone()[0] == 0
    conn.close()
    open_store(path).close()


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be read as one" * 20])
def test_a_file_that_is_no_database_is_said_to_be(tmp_path, content):
    path = tmp_path / "parvis.sqlite3"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not a database"):
        open_store(path)


def test_a_folder_that_cannot_be_is_said_to_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError):
        open_store(tmp_path / "file" / "parvis.sqlite3")


def test_ten_writers_and_readers_and_a_second_process_never_meet_a_lock(tmp_path):
    """R20, shortened: two stores on one file stand for the server and the admin command."""
    stores = [SqliteStore(tmp_path / "x.sqlite3"), SqliteStore(tmp_path / "x.sqlite3")]
    errors: list[BaseException] = []
    waits: list[float] = []
    stop = threading.Event()

    def write(number):
        try:
            for batch in range(12):
                items = [
                    incoming(zone(n, NOON + 60 * n, run=f"{number:016x}"))
                    for n in range(batch * 10, batch * 10 + 10)
                ]
                before = time.perf_counter()
                stores[number % 2].records.add(items, NOON)
                waits.append(time.perf_counter() - before)
        except BaseException as exc:
            errors.append(exc)

    def read():
        try:
            while not stop.is_set():
                for place in stores[0].records.places():
                    stores[0].records.rows(place, NOON, NOON + 86400, NOON + 86400, 900)
        except BaseException as exc:
            errors.append(exc)

    readers = [threading.Thread(target=read) for _ in range(4)]
    writers = [threading.Thread(target=write, args=(n,)) for n in range(10)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert errors == []
    assert stores[0].records.count() == 10 * 120
    print(f"p99 of a batch of 10: {sorted(waits)[int(len(waits) * 0.99)] * 1000:.0f} ms")
    for made in stores:
        made.close()


def test_the_writer_holds_the_lock_from_the_start(store, tmp_path):
    """Else two writers could both read first, and one of them would fail at its first write."""
    other = sqlite3.connect(tmp_path / "new" / "parvis.sqlite3", timeout=0)
    with store._connections.write(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()
