"""The spool: numbering, order, settling, the cap, the lock, a full disk, many threads."""

from __future__ import annotations

import itertools
import json
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from contract.batch import MAX_BYTES, parse_record
from contract.messages import Body
from edge import spool as spool_module
from edge.errors import SpoolError
from edge.spool import Spool
from edge.spool_memory import MAX_HELD
from tests.edge.fault_server import RUN, START, config, health, line

OTHER_RUN = "fedcba9876543210"
ROOT = Path(__file__).parents[2]


def opened(path: Path, run: str = RUN, **options: object) -> Spool:
    return Spool(path, device="box", run=run, **options)  # type: ignore[arg-type]


def adds_up(spool: Spool) -> None:
    now = spool.stats()
    assert (
        now.closed_total
        == now.pending
        + now.held
        + now.accepted_total
        + now.rejected_total
        + now.merged_total
        + now.dropped_total
    )


def fill_disk(spool: Spool) -> None:
    """From now on SQLite itself answers "database or disk is full" to what needs another page."""
    assert spool._file.db is not None
    pages = spool._file.db.execute("PRAGMA page_count").fetchone()[0]
    spool._file.db.execute(f"PRAGMA max_page_count = {pages}")


def free_disk(spool: Spool) -> None:
    assert spool._file.db is not None
    spool._file.db.execute("PRAGMA max_page_count = 1000000")


def test_numbers_are_contiguous_and_payloads_are_records(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db") as spool:
        keys = spool.append([line(0), line(1)]) + spool.append([]) + spool.append([line(2)])
        assert keys == [f"box/{RUN}/{seq}" for seq in range(3)]
        for key, item in zip(keys, spool.peek(), strict=True):
            record = parse_record(json.loads(item.payload))
            assert item.key == key == record.key
        adds_up(spool)


def test_numbering_goes_on_after_everything_was_settled_and_reopened(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with opened(path) as spool:
        spool.settle(spool.append([line(0), line(1)]), {})
    with opened(path) as spool:
        assert spool.append([line(2)]) == [f"box/{RUN}/2"]


def test_leftovers_of_older_runs_are_sent_first(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with opened(path, OTHER_RUN) as spool:
        spool.append([line(0)])
    with opened(path) as spool:
        assert spool.append([line(1)]) == [f"box/{RUN}/0"]
        assert [item.key for item in spool.peek()] == [f"box/{OTHER_RUN}/0", f"box/{RUN}/0"]


def test_peek_keeps_to_count_and_bytes(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db") as spool:
        keys = spool.append([line(number) for number in range(1500)])
        last = spool.append([config()])
        assert [item.key for item in spool.peek(3)] == [*last, *keys[:2]]
        assert len(spool.peek()) == 500
        whole = spool.peek(5000)
        size = len(
            json.dumps({"records": [json.loads(item.payload) for item in whole]}, separators=(",", ":"))
        )
        assert size <= MAX_BYTES < size + 400, "as many as fit"
        five = spool.peek(5)
        exact = len('{"records":[' + ",".join(item.payload for item in five) + "]}")
        assert spool.peek(100, exact) == five
        assert spool.peek(100, exact - 1) == five[:4]
        assert spool.peek(100, 1) == five[:1], "at least one"


def test_settle_has_three_outcomes(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db", now=lambda: 1000.0) as spool:
        keys = spool.append([line(0), line(1), line(2), health(9)])
        spool.settle([keys[0], keys[3], "box/unknown/1"], {keys[1]: "no such zone", "box/unknown/2": "x"})
        assert [item.key for item in spool.peek()] == [keys[2]]
        (dead,) = spool.dead_letters()
        assert (dead.key, dead.reason, dead.at) == (keys[1], "no such zone", 1000.0)
        assert parse_record(json.loads(dead.payload)).key == keys[1]
        now = spool.stats()
        assert (now.pending, now.dead_letters, now.accepted_total, now.rejected_total) == (1, 1, 2, 1)
        assert now.last_acknowledged == START + timedelta(minutes=1), "health has no interval"
        adds_up(spool)
        spool.settle(keys, {})
        assert spool.stats().oldest_at is None
        adds_up(spool)


def test_a_key_appended_twice_is_buried_and_told(tmp_path: Path) -> None:
    case = {
        "type": "parvis.anomaly.v1", "camera": "north", "case": "a" * 16, "revision": 1, "kind": "debris",
        "state": "open", "zone": "lane", "first_seen": START, "last_seen": START, "x": 0.5, "y": 0.5, "w": 0.1,
        "h": 0.1, "lon": None, "lat": None, "size_m": None, "confidence": 0.5,
    }  # fmt: skip
    from contract.messages import AnomalyBody

    body = AnomalyBody.model_validate(case)
    with opened(tmp_path / "spool.db") as spool:
        spool.append([body, body])
        assert spool.stats().pending == 1
        assert spool.dead_letters()[0].reason.startswith("conflict")
        adds_up(spool)


def test_an_unknown_body_stores_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db") as spool:
        with pytest.raises(TypeError, match="no record"):
            spool.append([line(0), Body(type="x", camera="north")])
        assert spool.stats().closed_total == 0
        assert len(spool.append([line(1)])) == 1


def test_the_cap_drops_health_then_dead_letters_then_the_oldest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        spool_module.spool_rows, "AHEAD", 10**6
    )  # all of these count as offered: none may merge
    with opened(tmp_path / "spool.db", max_bytes=20_000) as spool:
        first = spool.append([config(), *[line(number) for number in range(10)]])
        spool.settle([], {first[1]: "bad"})
        spool.append([health(number) for number in range(400)])
        now = spool.stats()
        assert now.bytes <= 20_000
        assert now.dropped_total > 100
        assert {item.key for item in spool.peek()} >= {first[0], *first[2:]}, "health gives way first"
        assert now.dead_letters == 1
        lines = spool.append([line(number) for number in range(800)])
        now = spool.stats()
        kept = [item.key for item in spool.peek()]
        assert (now.dead_letters, now.merged_total) == (0, 0)
        assert kept[0] == first[0], "configurations stay"
        assert kept[1:] == lines[-len(kept) + 1 :], "the newest stay"
        assert now.bytes <= 20_000
        adds_up(spool)


def test_a_second_opener_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    code = (
        "import sys; from pathlib import Path; from edge.spool import Spool; from edge.errors import SpoolError\n"
        f"try: Spool(Path({str(path)!r}), device='box', run='{RUN}')\n"
        "except SpoolError as exc: print(exc); sys.exit(exc.exit_code)"
    )
    with opened(path) as spool:
        with pytest.raises(SpoolError, match="already uses this spool"):
            opened(path)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
        )
        assert done.returncode == 6, done.stderr
        assert "already uses this spool" in done.stdout
        assert spool.append([line(0)]), "the first owner goes on"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_files_are_for_this_user_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "spool.db"
    with opened(path) as spool:
        spool.append([line(0)])
        files = list(path.parent.iterdir())
        assert len(files) == 4, "the file, its WAL, its index, its lock"
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    opened(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(SpoolError, match="newer Parvis"):
        opened(path)
    assert [file.name for file in tmp_path.glob("*corrupt*")] == []


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="folder cannot be used"):
        opened(tmp_path / "file" / "spool.db")
    (tmp_path / "spool.db").mkdir()
    with pytest.raises(SpoolError):
        opened(tmp_path / "spool.db")


def test_a_closed_spool_says_so(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool.db")
    spool.close()
    spool.close()
    with pytest.raises(SpoolError, match="closed"):
        spool.append([line(0)])


def test_a_full_disk_holds_records_in_order_and_recovers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path / "spool.db") as spool:
        keys = spool.append([line(0)])
        fill_disk(spool)
        empty = 0
        for number in range(1, 60):
            got = spool.append([line(number)])
            empty += not got
            keys += got
        now = spool.stats()
        assert now.degraded
        assert now.held == empty > 10
        assert now.closed_total == 60
        adds_up(spool)
        given = [item.key for item in spool.peek()]
        assert given[now.held :] == keys, "what is on disk is still sent"
        assert len(set(given)) == 60, "and before it what waits in memory"
        assert sum("disk is full" in record.getMessage() for record in caplog.records) == 1
        free_disk(spool)
        spool.append([line(60)])
        now = spool.stats()
        assert (now.held, now.degraded, now.pending) == (0, False, 61)
        starts = [json.loads(item.payload)["start"] for item in spool.peek()]
        assert starts == sorted(starts)
        assert [int(item.key.split("/")[2]) for item in spool.peek()] == list(range(61))
        adds_up(spool)


def test_peek_alone_brings_held_records_back(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db") as spool:
        fill_disk(spool)
        spool.append([line(number) for number in range(100)])
        assert spool.stats().held == 100
        free_disk(spool)
        assert len(spool.peek()) == 100
        assert spool.stats().held == 0


def test_memory_is_bounded_too_and_what_it_drops_is_counted(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db") as spool:
        fill_disk(spool)
        extra = 7
        body = line(1)
        spool.append([body] * (MAX_HELD + extra))
        now = spool.stats()
        assert (now.held, now.dropped_total) == (MAX_HELD, extra)
        adds_up(spool)
        free_disk(spool)
        spool.append([])
        now = spool.stats()
        assert (now.held, now.pending, now.dropped_total) == (0, MAX_HELD, extra)
        adds_up(spool)


def test_a_clock_that_steps_back_changes_no_order(tmp_path: Path) -> None:
    ticks = itertools.chain([10_000.0, 9_999.0, 0.0], itertools.repeat(5.0))
    with opened(tmp_path / "spool.db", now=lambda: next(ticks)) as spool:
        keys = [*spool.append([line(0)]), *spool.append([line(1)]), *spool.append([line(2)])]
        assert [item.key for item in spool.peek()] == keys
        assert spool.stats().oldest_at == 10_000.0


def test_what_is_kept_replaces_what_was_and_none_forgets_it(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with opened(path) as spool:
        assert spool.kept() == {}
        spool.append([line(0)], {"a": "1", "b": "2"})
        spool.append([], {"a": "3"})
        spool.append([line(1)])
        assert spool.kept() == {"a": "3", "b": "2"}
    with opened(path, OTHER_RUN) as spool:
        assert spool.kept() == {"a": "3", "b": "2"}
        spool.append([], {"a": None, "c": None})
        assert spool.kept() == {"b": "2"}
        assert spool.stats().pending == 2


def test_records_and_what_is_kept_are_stored_together_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "spool.db") as spool:
        spool.append([line(0)], {"grid": "before"})

        def fails(*_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patch:
            patch.setattr(spool_module.spool_keeping, "keep", fails)
            with pytest.raises(SpoolError):
                spool.append([line(1)], {"grid": "after"})
        assert spool.stats().pending == 1, "the record went back with it"
        assert spool.kept() == {"grid": "before"}
        spool.append([])
        assert spool.stats().pending == 2
        assert spool.kept() == {"grid": "after"}


def test_on_a_full_disk_what_is_kept_waits_with_its_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "spool.db") as spool:
        spool.append([line(0)], {"grid": "1"})
        fill_disk(spool)
        for number in range(1, 700, 20):
            spool.append([line(k) for k in range(number, number + 20)], {"grid": str(number + 20)})
            assert int(spool.kept()["grid"]) == spool.stats().pending
        assert spool.stats().held > 500, "more than one chunk"
        free_disk(spool)
        plain, stored = spool._store, []

        def store(db: sqlite3.Connection, chunk: Sequence[tuple[Body, float]]) -> list[str]:
            keys = plain(db, chunk)
            stored.append((spool.kept()["grid"], db.execute("SELECT pending FROM totals").fetchone()[0]))
            return keys

        monkeypatch.setattr(spool, "_store", store)
        spool.append([])
        assert stored == [("701", 701)], "one transaction: a kill between two would part them"
        assert spool.kept() == {"grid": "701"}
        assert spool.stats().pending == 701
        adds_up(spool)


def test_threads_share_it(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db") as spool:
        keys: list[str] = []
        sent: list[str] = []
        done = threading.Event()

        def send() -> None:
            while not done.is_set() or spool.stats().pending:
                batch = [item.key for item in spool.peek(7)]
                sent.extend(batch)
                spool.settle(batch, {})

        def close_intervals(first: int) -> None:
            for number in range(first, first + 50):
                keys.extend(spool.append([line(number)]))

        sender = threading.Thread(target=send)
        makers = [threading.Thread(target=close_intervals, args=(first,)) for first in (0, 1000)]
        for thread in (sender, *makers):
            thread.start()
        for thread in makers:
            thread.join(20)
        done.set()
        sender.join(20)
        assert sorted(sent) == sorted(keys)
        assert len(set(keys)) == 100
        assert spool.stats().accepted_total == 100
