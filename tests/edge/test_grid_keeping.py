"""Presence grids over restarts of the service: taken up within the hour, else sent once; and the way to the server."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from contract.batch import parse_record
from contract.messages import canonical
from edge import boxclock, spool_keeping
from edge.config import load_config
from edge.grid import CELLS, KeptGrid, PresenceGrid
from edge.grid_keeping import keep, take_up
from edge.service import Service
from edge.spool import Spool
from edge.spool_view import waiting
from tests.edge import media
from tests.edge.scene import START, WH, Layout, config
from tests.edge.test_grid import crowd, walk
from tests.edge.test_grid import times as frame_times
from tests.front_door import box_file, parvis

HOUR = int(START.timestamp())


def counted(anchor: float = HOUR) -> PresenceGrid:
    """A grid that five people walked through."""
    grid = PresenceGrid(config(), confidence=0.25)
    grid.under(anchor, Layout.of(config(), WH))
    walk(crowd(4), frame_times(60), grid)
    grid.finish(60)
    return grid


def test_a_grid_is_taken_up_within_its_hour() -> None:
    kept, new = keep([counted()]), PresenceGrid(config(), confidence=0.25)
    assert list(kept) == ["grid/cam"]
    bodies, after = take_up({**kept, "else": "not a grid"}, [new], HOUR + 100)  # type: ignore[dict-item]
    assert bodies == []
    assert after == kept
    assert new.close_all() == counted().close_all()


def test_a_camera_that_is_gone_leaves_its_record_and_nothing_else() -> None:
    kept = keep([counted()])
    bodies, after = take_up(kept, [], HOUR + 100)  # type: ignore[arg-type]
    assert bodies == counted().close_all()
    assert after == {"grid/cam": None}


def test_r16_a_grid_of_unknown_time_goes_into_its_hours_once_they_are_known_and_never_to_disk() -> None:
    layout, booted = Layout.of(config(), WH), 500.0
    grid = PresenceGrid(config(), confidence=0.25)
    grid.under(booted, layout, known=False)
    walk(crowd(4), frame_times(60), grid)
    assert grid.close(10_000.0) == []
    assert grid.keep().hours == (), "ten seconds of a grid are a path"
    grid.finish(60)
    grid.under(HOUR, layout)
    assert grid.close_all() == counted().close_all()


def test_r16_an_hour_that_ends_in_unknown_time_is_five_seconds_off_at_most() -> None:
    anchor, layout = HOUR - 33.0, Layout.of(config(), WH)
    plain, grid = counted(anchor), PresenceGrid(config(), confidence=0.25)
    grid.under(500.0, layout, known=False)
    walk(crowd(4), frame_times(60), grid)
    grid.finish(60)
    grid.under(anchor, layout)
    for mine, other in zip(grid.keep().hours, plain.keep().hours, strict=True):
        assert mine.start == other.start
        assert mine.observed_s == pytest.approx(other.observed_s, abs=5.3)
        tracks = lambda hour: sum(n for *_, n in hour.cells["person"])  # noqa: E731
        assert tracks(mine) <= tracks(other) + 4, "fewer at worst, but for those in the seconds that moved"


def test_what_cannot_be_read_costs_its_hour_and_no_start(caplog: pytest.LogCaptureFixture) -> None:
    bodies, after = take_up(
        {"grid/cam": '{"camera": "cam"}'}, [PresenceGrid(config(), confidence=0.25)], HOUR
    )
    assert bodies == []
    assert "grid/cam cannot be read" in caplog.text
    assert KeptGrid.model_validate_json(str(after["grid/cam"])).hours == ()


class Clock:
    """The service's wall clock: it begins at a Unix time and runs with the monotonic one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.anchor = 0.0
        clocks = boxclock.Clocks(wall=lambda: self.anchor + time.monotonic(), uptime=time.monotonic)
        monkeypatch.setattr(boxclock, "Clocks", lambda: clocks)

    def set(self, unix: float) -> None:
        self.anchor = unix - time.monotonic()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def run(box: Path) -> None:
    """The service until its file ends."""
    Service(load_config(box), box.parent, box.parent / "state").run(threading.Event())


def stored(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Every record in the spool, and the grid that is kept beside them."""
    path = folder / "state" / "spool.db"
    records = [json.loads(seen.payload) for seen in waiting(path)]
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        grid = spool_keeping.kept(db).get("grid/cam")
    return records, None if grid is None else json.loads(grid)


def grids(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record["type"] == "parvis.grid.v1"]


def test_a_restart_within_the_hour_goes_on_and_the_next_hour_sends_it_once(
    tmp_path: Path, clock: Clock
) -> None:
    media.video(tmp_path / "clip.mp4", 10, fps=10)
    box = box_file(tmp_path)
    seconds = []
    for minute in (10, 20):
        clock.set(HOUR + 60 * minute)
        run(box)
        records, kept = stored(tmp_path)
        assert grids(records) == []
        assert kept is not None
        (hour,) = kept["hours"]
        assert hour["start"] == HOUR
        ((_, object_s, tracks),) = hour["cells"]["person"]
        assert object_s == pytest.approx(hour["observed_s"], abs=0.5)
        assert tracks == 0, "who stands where it was born is nobody, twice over"
        seconds.append(hour["observed_s"])
    assert seconds[1] > seconds[0] + 0.5

    clock.set(HOUR + 3600 + 60)
    run(box)
    records, kept = stored(tmp_path)
    (sent,) = grids(records)
    assert sent["start"] == "2026-01-01T00:00:00Z"
    assert sent["observed_s"] == pytest.approx(seconds[1])
    assert sent["object_s"] == [None] * CELLS
    assert sent["run"] == records[-1]["run"], "a record of the run that closed it"
    assert kept is not None
    assert [hour["start"] for hour in kept["hours"]] == [HOUR + 3600]

    clock.set(HOUR + 3600 + 120)
    run(box)
    assert len(grids(stored(tmp_path)[0])) == 1


def test_every_closed_interval_takes_the_grid_along(tmp_path: Path, clock: Clock) -> None:
    """A kill loses what came after the last of them, no more."""
    media.video(tmp_path / "clip.mp4", 10, fps=10)
    clock.set(HOUR + 600)
    watched = Service(load_config(box := box_file(tmp_path)), box.parent, box.parent / "state")
    plain, kept = watched.spool.append, []

    def append(bodies: Any, keeping: Any = None) -> list[str]:
        kept.append(keeping)
        return plain(bodies, keeping)

    watched.spool.append = append  # type: ignore[method-assign]
    watched.run(threading.Event())
    mine = [keeping for keeping in kept if keeping is not None]
    assert len(mine) >= 3, "at the start, with the first health record, at the end"
    assert all(list(keeping) == ["grid/cam"] for keeping in mine)
    assert sum(keeping is None for keeping in kept) == 0


def test_another_configuration_closes_the_hour_so_far(tmp_path: Path, clock: Clock) -> None:
    media.video(tmp_path / "clip.mp4", 10, fps=10)
    clock.set(HOUR + 600)
    run(box_file(tmp_path))
    first = stored(tmp_path)[1]
    assert first is not None
    box = box_file(tmp_path)
    box.write_text(box.read_text().replace("[0.2, 0.2], [0.8, 0.2]", "[0.3, 0.2], [0.8, 0.2]"))
    clock.set(HOUR + 660)
    run(box)
    records, second = stored(tmp_path)
    (sent,) = grids(records)
    assert sent["observed_s"] == pytest.approx(first["hours"][0]["observed_s"])
    assert second is not None
    assert second["config"] != first["config"]
    assert second["hours"][0]["observed_s"] < first["hours"][0]["observed_s"] + 2


def test_a_kept_grid_of_five_arrives_as_a_record_with_its_cells(tmp_path: Path, clock: Clock) -> None:
    """What an earlier run counted, not only nulls, goes out whole."""
    media.video(tmp_path / "clip.mp4", 5, fps=10)
    with Spool(tmp_path / "state" / "spool.db", device="box-test", run="0" * 16) as spool:
        spool.append([], keep([counted()]))
    clock.set(HOUR + 7200)
    run(box_file(tmp_path))
    records, kept = stored(tmp_path)
    (sent,) = grids(records)
    assert parse_record(sent).type == "parvis.grid.v1"
    assert sum(second for second in sent["object_s"] if second) == pytest.approx(70, abs=1)
    assert kept is not None
    assert [hour["start"] for hour in kept["hours"]] == [HOUR + 7200]


def test_a_kill_between_closing_and_keeping_cannot_be(tmp_path: Path, clock: Clock) -> None:
    """The disk as it is after every commit: the hour is either kept or a record, never both and never neither."""
    media.video(tmp_path / "clip.mp4", 5, fps=10)
    path = tmp_path / "state" / "spool.db"
    with Spool(path, device="box-test", run="0" * 16) as spool:
        spool.append([], keep([counted()]))
    clock.set(HOUR + 7200)
    seen: list[tuple[int, int]] = []
    watched = Service(load_config(box := box_file(tmp_path)), box.parent, box.parent / "state")
    plain = watched.spool._store

    def store(*words: Any) -> None:
        plain(*words)
        records, kept = stored(tmp_path)
        old = [hour for hour in (kept or {"hours": []})["hours"] if hour["start"] == HOUR]
        seen.append((len(old), len(grids(records))))

    watched.spool._store = store  # type: ignore[method-assign]
    watched.run(threading.Event())
    assert len(seen) >= 3
    assert set(seen) == {(0, 1)}


def test_a_replay_sends_its_grid_at_each_hour_and_at_its_end(tmp_path: Path) -> None:
    clip = media.video(tmp_path / "clip.mp4", 30, fps=6)
    said = parvis("edge", "replay", clip, "--config", box_file(tmp_path), "--start", "2026-03-01T10:59:58Z")
    found = grids(said.records)
    assert [(item["start"], item["observed_s"]) for item in found] == [
        ("2026-03-01T10:00:00Z", pytest.approx(2, abs=0.01)),
        ("2026-03-01T11:00:00Z", pytest.approx(3, abs=0.01)),
    ]
    assert {item["class"] for item in found} == {"person"}
    assert [item["object_s"] for item in found] == [[None] * CELLS] * 2


def test_the_same_configuration_is_the_same_whenever_it_starts(tmp_path: Path) -> None:
    """Else every restart would close the hour."""
    one = PresenceGrid(config(), confidence=0.25).keep()
    other = PresenceGrid(config().model_copy(update={"at": START.replace(hour=5)}), confidence=0.25).keep()
    assert canonical(one) == canonical(other)
