"""A backup is whole or it is not there, private, usable as it is, and gone in its time."""

from __future__ import annotations

import sqlite3
import stat
import threading

import pytest

from server.errors import StoreError, StoreFull
from server.retention import backup_name
from server.store import backups
from server.store.sqlite import SqliteStore
from tests.server.build import NOON, zone
from tests.server.test_store import incoming

DAY_S = 86400
FILE = "parvis.sqlite3"


@pytest.fixture
def store(tmp_path):
    made = SqliteStore(tmp_path / FILE)
    made.records.add([incoming(zone(n, NOON - 7200 + 60 * n)) for n in range(20)], NOON)
    yield made
    made.close()


def test_a_backup_is_a_data_folder_that_can_be_used_as_it_is(store, tmp_path):
    (tmp_path / "public" / "square").mkdir(parents=True)
    (tmp_path / "public" / "square" / "2026-11-20.json.gz").write_bytes(b"published")
    (tmp_path / "public" / "square" / ".new-half").write_bytes(b"half")
    made = store.upkeep.backup(NOON, "anne")
    folder = tmp_path / "backups" / made.name
    assert (made.name, made.made_at, made.expires_at) == (backup_name(NOON), NOON, NOON + 14 * DAY_S)
    copy = SqliteStore(folder / FILE)
    assert copy.records.count() == 20
    copy.close()
    public = folder / "public" / "square"
    assert [path.name for path in public.iterdir()] == ["2026-11-20.json.gz"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert store.accounts.audit(1)[0].action == "backup.made"
    assert [one.name for one in store.upkeep.backups()] == [made.name]


def test_two_in_one_second_are_refused(store):
    store.upkeep.backup(NOON, "t")
    with pytest.raises(StoreError, match="already"):
        store.upkeep.backup(NOON, "t")


@pytest.mark.parametrize(
    "fault", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk I/O error")]
)
def test_one_that_fails_leaves_nothing_under_the_name_of_a_backup(store, tmp_path, monkeypatch, fault):
    def fail(*_):
        raise fault

    monkeypatch.setattr(backups, "_sync", fail)
    with pytest.raises(StoreFull if isinstance(fault, OSError) else StoreError):
        store.upkeep.backup(NOON, "t")
    assert list((tmp_path / "backups").iterdir()) == []
    assert store.upkeep.backups() == []


def test_a_damaged_copy_is_no_backup(store, tmp_path, monkeypatch):
    real = sqlite3.connect

    class Bad:
        def execute(self, sql, *values):
            return self

        def fetchone(self):
            return ("row 7 missing from index",)

        def close(self):
            """Nothing."""

    def connect(path, *more, **options):
        return Bad() if ".partial-" in str(path) else real(path, *more, **options)

    monkeypatch.setattr(backups.sqlite3, "connect", connect)
    with pytest.raises(StoreError, match="damaged"):
        store.upkeep.backup(NOON, "t")
    monkeypatch.undo()
    assert store.upkeep.backups() == []


def test_what_an_interrupted_backup_left_goes_after_a_day(store, tmp_path):
    folder = tmp_path / "backups"
    for at in (NOON, NOON - 2 * DAY_S):
        (folder / f".partial-{backup_name(at)}").mkdir(parents=True)
    (folder / ".partial-of-somebody").mkdir()
    store.upkeep.purge(NOON, "t")
    assert {path.name for path in folder.iterdir()} == {
        f".partial-{backup_name(NOON)}",
        ".partial-of-somebody",
    }


def test_a_backup_during_deliveries_holds_a_moment_of_them(store, tmp_path):
    stop = threading.Event()

    def deliver():
        n = 100
        while not stop.is_set():
            # Two records of one batch: a backup has both or neither.
            items = [incoming(zone(n + k, NOON - 3600 + 60 * (n % 50), run="e" * 16)) for k in (0, 1)]
            store.records.add(items, NOON)
            n += 2

    thread = threading.Thread(target=deliver)
    thread.start()
    try:
        names = [store.upkeep.backup(NOON + n, "t").name for n in range(3)]
    finally:
        stop.set()
        thread.join()
    for name in names:
        copy = SqliteStore(tmp_path / "backups" / name / FILE)
        assert copy.records.count() % 2 == 0
        copy.close()
