"""The spool's file: its lock and format, restarts, the cap, what is kept, a disk that fills.

What holds on every disk is in `tests/edge/test_spool_contract.py`.
"""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from contract.messages import Body
from edge import spool as spool_module
from edge.errors import SpoolError
from tests.edge.fault_server import RUN, config, health, line
from tests.edge.spool_world import OTHER_RUN, adds_up, fill_disk, free_disk, opened

ROOT = Path(__file__).parents[2]


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
