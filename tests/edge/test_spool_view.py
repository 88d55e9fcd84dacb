"""Looking into a spool from outside: what was sent last and what waits, without disturbing its owner."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import chain
from pathlib import Path

import pytest

from contract.batch import stamp
from contract.messages import canonical
from edge import spool_schema, spool_settle
from edge.errors import SpoolError
from edge.spool import Spool
from edge.spool_view import newest
from tests.edge.fault_server import RUN, config, health, line


class Clock:
    """Unix time as a test sets it."""

    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


def opened(path: Path, clock: Clock) -> Spool:
    return Spool(path, device="box", run=RUN, now=clock)


def test_no_file_is_nothing_and_an_empty_one_too(tmp_path: Path) -> None:
    assert newest(tmp_path / "spool.db", 60) == []
    assert not (tmp_path / "spool.db").exists(), "looking makes no file"
    opened(tmp_path / "spool.db", Clock()).close()
    assert newest(tmp_path / "spool.db", 60) == []


def test_sent_and_waiting_records_of_the_last_minute_while_the_box_runs(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path / "spool.db", clock) as spool:
        keys = []
        for minute in range(3):
            clock.at += 60.0
            keys += spool.append([line(minute), health(minute)])
        spool.settle(keys[:5], {})
        seen = newest(tmp_path / "spool.db", 60)
        assert [item.key for item in seen] == keys[4:], "half open: the minute before is not in it"
        assert [item.sent for item in seen] == [True, False]
        assert seen[0].payload == canonical(stamp(line(2), device="box", run=RUN, seq=4))
        assert [item.key for item in newest(tmp_path / "spool.db", 121)] == keys
        assert spool.stats().pending == 1, "the look changed nothing"


def test_looking_stops_nobody(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path / "spool.db", clock) as spool:
        spool.append([line(0)])
        watcher = sqlite3.connect(f"file:{tmp_path / 'spool.db'}?mode=ro", uri=True)
        watcher.execute("BEGIN")
        watcher.execute("SELECT * FROM records").fetchall()
        assert len(spool.append([line(1)])) == 1
        watcher.close()


def test_a_quarter_of_an_hour_and_no_more_is_remembered(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path / "spool.db", clock) as spool:
        for minute in range(40):
            clock.at += 60.0
            spool.settle(spool.append([line(minute)]), {})
    whole = newest(tmp_path / "spool.db", 1e9)
    assert spool_settle.SHOWN_S // 60 < len(whole) <= spool_settle.SENT_S // 60 + 1
    assert all(item.sent for item in whole)


def test_a_month_of_records_delivered_at_once_is_remembered_in_its_newest_part(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path / "spool.db", clock) as spool:
        keys = spool.append([line(number) for number in range(700)])
        spool.settle(keys, {})
    assert [item.key for item in newest(tmp_path / "spool.db", 60)] == keys[-spool_settle.SENT_ROWS :]


def test_a_clock_that_was_set_back_hides_nothing_new(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path / "spool.db", clock) as spool:
        spool.settle(spool.append([line(0)]), {})
        clock.at -= 500_000.0
        keys = spool.append([line(1)])
        spool.settle(keys, {})
    assert [item.key for item in newest(tmp_path / "spool.db", 60)] == keys


def test_what_was_refused_is_no_part_of_what_was_sent(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db", Clock()) as spool:
        keys = spool.append([line(0), line(1)])
        spool.settle([], {keys[0]: "no"})
    assert [item.key for item in newest(tmp_path / "spool.db", 60)] == keys[1:]


def test_a_flipped_letter_is_not_shown(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db", Clock()) as spool:
        keys = spool.append([config(), line(0)])
        spool.settle(keys, {})
    db = sqlite3.connect(tmp_path / "spool.db")
    db.execute("UPDATE shapes SET text = replace(text, 'gate', 'gats')")
    db.commit()
    db.close()
    assert [item.key for item in newest(tmp_path / "spool.db", 60)] == keys[:1]


@pytest.mark.parametrize("old", [0, 1, 2, 3])
def test_who_looks_while_a_file_is_made_or_upgraded_finds_the_old_format_or_the_new(
    tmp_path: Path, old: int
) -> None:
    """A look at every statement of the upgrade: of a new file, of one of each older format."""
    path = tmp_path / "spool.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        for step in chain.from_iterable(spool_schema._MIGRATIONS[:old]):
            assert isinstance(step, str)
            db.execute(step)
        db.execute(f"PRAGMA user_version = {old}")
        before = _seen_of(path)
        looks: list[tuple[object, ...]] = []
        db.set_trace_callback(lambda _: looks.append(_seen_of(path)))
        assert spool_schema.migrate(db, path)
        db.set_trace_callback(None)
    assert len(looks) > 5
    assert set(looks) == {before}  # the last of them is just before the commit
    assert _seen_of(path)[0] == (spool_schema.FORMAT,)


def _seen_of(path: Path) -> tuple[object, ...]:
    """The format, and the tables as another program finds them."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return (*db.execute("PRAGMA user_version"), *db.execute("SELECT name, sql FROM sqlite_master"))


def test_what_is_no_spool_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(b"no database at all" * 500)
    with pytest.raises(SpoolError, match="cannot be read"):
        newest(path, 60)
