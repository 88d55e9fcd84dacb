"""The hourly presence grid: the right seconds in the right cells, and never a path of fewer than five."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.batch import parse_record, stamp
from contract.messages import GridBody, canonical
from contract.names import CLASSES
from edge.counters import CameraCounters
from edge.grid import CELLS, COLS, FEWEST_TRACKS, ROWS, KeptGrid, PresenceGrid, closed
from edge.records import Detections, Track
from edge.zones import Layout
from tests.edge.scene import START, WH, config
from tests.fakes import standing

HOUR = int(START.timestamp())
CELL = (WH[0] / COLS, WH[1] / ROWS)
Place = tuple[int, int]  # column, row

# Where a track is at a time, or None while it is not seen.
Way = Callable[[float], Place | None]


def track(
    track_id: int,
    place: Place,
    at: float,
    *,
    born_at: float = 0.0,
    name: str = "person",
    state: Any = "confirmed",
    confidence: float = 0.8,
    seen_at: float | None = None,
) -> Track:
    """A small object that stands in the middle of a cell."""
    box = standing((place[0] + 0.5) * CELL[0], (place[1] + 0.5) * CELL[1], 10)
    seen = at if seen_at is None else seen_at
    return Track(track_id, np.array(box, np.float32), confidence, CLASSES.index(name), state, born_at, seen)


def new_grid(*, anchor: float = HOUR, wh: tuple[int, int] = WH, **wire: Any) -> PresenceGrid:
    grid = PresenceGrid(config(**wire), confidence=0.25)
    grid.under(anchor, Layout.of(config(**wire), wh))
    return grid


def walk(ways: Sequence[Way], times: Iterable[float], grid: PresenceGrid, *, first_id: int = 1) -> None:
    """Every way is one track, alive while it is seen; `finish` at the end is the caller's."""
    born: dict[int, float] = {}
    for at in times:
        tracks = []
        for number, way in enumerate(ways, first_id):
            place = way(at)
            if place is None:
                born.pop(number, None)
                continue
            tracks.append(track(number, place, at, born_at=born.setdefault(number, at)))
        grid.observe(tracks, at)


def times(end: float, fps: float = 4.0, start: float = 0.0) -> list[float]:
    return [float(at) for at in np.arange(start, end, 1 / fps)]


def across(row: int, start: float, seconds_a_cell: float = 1.0) -> Way:
    """Through a whole row from left to right."""

    def way(at: float) -> Place | None:
        column = int((at - start) // seconds_a_cell)
        return (column, row) if 0 <= column < COLS else None

    return way


def stay(place: Place, start: float, end: float) -> Way:
    return lambda at: place if start <= at < end else None


def cells(body: GridBody) -> dict[Place, float]:
    """What a record shows."""
    return {(k % COLS, k // COLS): seconds for k, seconds in enumerate(body.object_s) if seconds is not None}


def only(bodies: Sequence[GridBody]) -> GridBody:
    (body,) = bodies
    return body


def crowd(row: int, count: int = FEWEST_TRACKS) -> list[Way]:
    return [across(row, 2.0 * number) for number in range(count)]


@pytest.mark.parametrize("fps", [1, 2.5, 4, 10, 25])
def test_five_who_walk_through_show_their_seconds_at_every_frame_rate(fps: float) -> None:
    grid = new_grid()
    walk(crowd(4), times(60, fps), grid)
    grid.finish(60)
    shown = cells(only(grid.close_all()))
    # Born in the leftmost column, they are nobody there and next to it.
    assert sorted(shown) == [(column, 4) for column in range(2, COLS)]
    assert list(shown.values()) == pytest.approx([5.0] * 14, abs=5 / fps)
    assert sum(shown.values()) == pytest.approx(70, rel=0.02)


def test_four_are_null_and_so_is_nobody() -> None:
    grid = new_grid()
    walk(crowd(4, FEWEST_TRACKS - 1), times(60), grid)
    grid.finish(60)
    body = only(grid.close_all())
    assert body.object_s == (None,) * CELLS
    assert body.observed_s == pytest.approx(60)


def test_who_stands_and_is_lost_and_found_does_not_become_five() -> None:
    """Twenty pieces of one track in one place, with jitter into the cells around it."""
    jitter = itertools.cycle([(8, 4), (9, 4), (8, 5), (7, 3)])
    grid = new_grid()
    ways = [stay(next(jitter), 5 * piece, 5 * piece + 4) for piece in range(20)]
    walk(ways, times(100), grid)
    grid.finish(100)
    assert cells(only(grid.close_all())) == {}


def test_a_cell_counts_a_track_once_however_often_it_comes() -> None:
    def to_and_fro(at: float) -> Place:
        return (3 + abs(int(at) % 20 - 10), 4)

    grid = new_grid()
    walk([to_and_fro], times(600, 2), grid)
    grid.finish(600)
    assert cells(only(grid.close_all())) == {}


def test_who_stays_in_a_busy_place_is_in_its_seconds() -> None:
    grid = new_grid()
    walk([*crowd(4), stay((8, 4), 0, 50)], times(60), grid)
    grid.finish(60)
    shown = cells(only(grid.close_all()))
    assert shown[8, 4] == pytest.approx(5 + 50, abs=1)
    assert shown[7, 4] == pytest.approx(5, abs=1)


def test_classes_have_grids_of_their_own_and_only_those_that_are_counted() -> None:
    grid = new_grid(classes=("person", "bicycle"))
    for at in times(40):
        people = [
            track(n, place, at, born_at=1.5 * n)
            for n in range(5)
            if (place := across(4, 1.5 * n)(at)) is not None
        ]
        cars = [track(10 + n, (int(at) % COLS, 6), at, born_at=-n, name="car") for n in range(6)]
        grid.observe(people + cars, at)
    grid.finish(40)
    person, bicycle = grid.close_all()
    assert (person.object_class, bicycle.object_class) == ("person", "bicycle")
    assert len(cells(person)) == 14
    assert cells(bicycle) == {}


def test_a_sighting_holds_until_the_next_frame_three_seconds_at_most() -> None:
    grid = new_grid()
    walk(crowd(4), times(60), grid)
    tracks = [track(9, (8, 4), 60.0, born_at=60.0)]
    for at in (60.0, 61.0, 63.5, 70.0, 71.0):
        grid.observe([track(9, (8, 4), at, born_at=60.0)], at)
    assert tracks
    grid.finish(80)
    body = only(grid.close_all())
    assert body.observed_s == pytest.approx(60 + 1 + 2.5 + 3 + 1 + 3)
    assert cells(body)[8, 4] == pytest.approx(5 + 1 + 2.5 + 3 + 1 + 3, abs=0.3)


@pytest.mark.parametrize(("gap", "counted"), [(2.5, 2.5), (3.0, 3.0), (3.5, 0.25)])
def test_a_gap_counts_when_the_track_is_found_again_within_three_seconds(gap: float, counted: float) -> None:
    """Else only the time until the first frame that did not see it."""
    grid, plain = new_grid(), new_grid()
    walk(crowd(4), times(60), grid)
    walk(crowd(4), times(60), plain)
    for at in times(70, start=60):
        hidden = 62 < at < 62 + gap
        here = track(
            9,
            (8, 4),
            at,
            born_at=60.0,
            seen_at=62.0 if hidden else None,
            state="lost" if hidden else "confirmed",
        )
        grid.observe([here], at)
        plain.observe([], at)
    grid.finish(70)
    plain.finish(70)
    seconds = cells(only(grid.close_all()))[8, 4] - cells(only(plain.close_all()))[8, 4]
    assert seconds == pytest.approx(10 - gap + counted, abs=0.11)


def test_unconfirmed_and_weak_sightings_are_nobody() -> None:
    grid = new_grid()
    for at in times(60):
        tracks = []
        for number in range(20):
            place = across(4, 2 * number)(at)
            if place is not None:
                looks: dict[str, Any] = {"state": "tentative"} if number % 2 else {"confidence": 0.2}
                tracks.append(track(number, place, at, born_at=2.0 * number, **looks))
        grid.observe(tracks, at)
    grid.finish(60)
    assert cells(only(grid.close_all())) == {}


def test_feet_below_the_frame_stand_in_its_last_row() -> None:
    grid = new_grid()
    for at in times(40):
        grid.observe(
            [
                Track(
                    n,
                    np.array(standing((place[0] + 0.5) * CELL[0], WH[1] + 30, 60), np.float32),
                    0.8,
                    0,
                    "confirmed",
                    2.0 * n,
                    at,
                )
                for n in range(6)
                if (place := across(0, 2.0 * n)(at)) is not None
            ],
            at,
        )
    assert {row for _, row in cells(only(grid.close_all()))} == {ROWS - 1}


# --- hours ----------------------------------------------------------------------------------------------------------


def test_each_hour_is_a_record_and_its_seconds_are_its_own() -> None:
    grid = new_grid(anchor=HOUR + 3580.1)  # the hour ends between two frames
    walk([across(4, n) for n in range(20)], times(40), grid)
    first = only(grid.close(20))
    assert first.start.timestamp() == HOUR
    assert first.observed_s == pytest.approx(19.9)
    grid.finish(40)
    second = only(grid.close_all())
    assert second.start.timestamp() == HOUR + 3600
    assert second.observed_s == pytest.approx(20.1)
    assert (cells(first)[8, 4], cells(second)[8, 4]) == (11.9, 8.1)
    assert grid.close_all() == []


def test_a_track_is_distinct_in_each_hour_anew_but_not_where_it_was_born() -> None:
    grid = new_grid(anchor=HOUR + 3600 - 30)
    there = [stay((8, 4), 0, 60)] * 5
    comers = [lambda at, n=n: (2, 2) if at < 10 + n else (8, 4) for n in range(5)]  # type: ignore[misc]
    walk([*there, *comers], times(60), grid)
    first = only(grid.close(30))
    grid.finish(60)
    second = only(grid.close_all())
    assert list(cells(first)) == [(8, 4)]
    assert list(cells(second)) == [(8, 4)]
    assert cells(second)[8, 4] == pytest.approx(10 * 30, abs=3)


def test_closing_an_hour_forgets_no_touch_of_the_next() -> None:
    """An hour closes half a minute late; who came to a cell before that and comes again is still one."""
    grid = new_grid(anchor=HOUR + 3590)
    for at in times(60, 2):
        place = (2, 2) if at < 5 or int(at) % 10 < 5 else (8, 4)
        grid.observe([track(n, place, at) for n in range(4)], at)
        grid.close(at - 30)
    grid.finish(60)
    assert cells(only(grid.close_all())) == {}


def test_an_instant_is_no_observation() -> None:
    grid = new_grid(anchor=HOUR + 3590)
    for at, place in ((9.0, (2, 2)), (10.0, (8, 4))):
        grid.observe([track(1, place, at)], at)  # the last frame begins the hour
    grid.finish(10)
    assert [body.start.timestamp() for body in grid.close_all()] == [HOUR]


def test_an_hour_stays_open_until_it_may_close() -> None:
    grid = new_grid(anchor=HOUR + 3500)
    walk(crowd(4), times(60), grid)
    assert grid.close(60) == []
    assert grid.close(99.9) == []
    assert len(grid.close(100)) == 1


def test_without_a_frame_there_is_no_record() -> None:
    grid = new_grid()
    grid.finish(50)
    assert grid.close(10_000) == grid.close_all() == []
    grid.observe([], 20_000)
    assert grid.close_all() == [], "a single frame that held for no time"


def test_an_hour_that_is_yet_to_come_closes_when_the_clock_is_set_back() -> None:
    grid = new_grid(anchor=HOUR + 10 * 3600)
    walk(crowd(4), times(60), grid)
    grid.finish(60)
    grid.under(HOUR, Layout.of(config(), WH))
    walk(crowd(4), times(120, start=60), grid, first_id=100)
    assert only(grid.close(120)).start.timestamp() == HOUR + 10 * 3600


def test_a_clock_set_within_the_hour_counts_nobody_twice() -> None:
    """The tracks live on; a cell they touched before is not touched anew."""
    grid = new_grid()
    pairs = [lambda at, n=n: (2 + (int(at) // 5 + n) % 12, 4) for n in range(4)]  # type: ignore[misc]
    born = dict.fromkeys(range(4), 0.0)
    for at in times(100, 2):
        if at == 50:
            grid.finish(at)
            grid.under(HOUR + 7, Layout.of(config(), WH))
        grid.observe([track(n, pairs[n](at), at, born_at=born[n]) for n in range(4)], at)
    grid.finish(100)
    assert cells(only(grid.close_all())) == {}


def test_a_new_tracker_and_another_frame_size_go_on_in_the_same_hour() -> None:
    grid = new_grid()
    walk(crowd(4, 3), times(40), grid)
    grid.finish(40)
    double = (2 * WH[0], 2 * WH[1])
    grid.under(HOUR, Layout.of(config(), double))
    for at in times(80, start=40):
        grid.observe(
            [
                Track(n, 2 * made.xyxy, 0.8, 0, "confirmed", 40.0 + n, at)
                for n in (1, 2)
                if (place := across(4, 41 + n)(at)) is not None
                for made in [track(n, place, at)]
            ],
            at,
        )
    grid.finish(80)
    shown = cells(only(grid.close_all()))
    assert sorted(shown) == [(column, 4) for column in range(2, COLS)]


def test_nothing_seen_between_two_finishes_is_not_bridged() -> None:
    """A camera that was covered for a second saw nobody in it."""
    grid = new_grid()
    walk(crowd(4), times(60), grid)
    before = new_grid()
    walk(crowd(4), times(60), before)
    for each in (grid, before):
        each.observe([track(9, (8, 4), 60.0, born_at=60.0)], 60.0)
        each.finish(60.5)
    grid.observe([track(9, (8, 4), 62.0, born_at=60.0)], 62.0)
    grid.finish(62.0)
    assert cells(only(grid.close_all())) == cells(only(before.close_all()))


# --- privacy --------------------------------------------------------------------------------------------------------


@st.composite
def crossings(draw: st.DrawFn) -> list[list[Place]]:
    """Few places and many tracks, so that ways meet and some cells show something; a place a second."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return [
        [(int(rng.integers(4)), int(rng.integers(2))) for _ in range(rng.integers(1, 16))]
        for _ in range(draw(st.integers(3, 24)))
    ]


def follow(
    paths: Sequence[Sequence[Place]], ids: Sequence[int], seconds: Sequence[float] | None = None
) -> GridBody:
    """Each path a track, a place a second."""
    grid, end = new_grid(), 1 + max((len(path) for path in paths), default=0)
    for at in range(end):
        present = [
            track(ids[number], path[at], float(at), born_at=0.0)
            for number, path in enumerate(paths)
            if at < len(path)
        ]
        grid.observe(sorted(present, key=lambda one: one.track_id), float(at))
    grid.finish(float(end))
    return only(grid.close_all())


@given(crossings(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_names_of_tracks_change_nothing(paths: list[list[Place]], random: Any) -> None:
    ids = random.sample(range(10_000), len(paths))
    assert follow(paths, ids) == follow(paths, range(len(paths)))


@given(crossings())
@settings(max_examples=150, deadline=None)
def test_a_cell_shows_seconds_only_for_five_tracks_from_elsewhere(paths: list[list[Place]]) -> None:
    """Against a count of its own, written without a grid."""
    body = follow(paths, range(len(paths)))
    for number in range(CELLS):
        place = (number % COLS, number // COLS)
        through = {
            who
            for who, path in enumerate(paths)
            if place in path and max(abs(path[0][0] - place[0]), abs(path[0][1] - place[1])) > 1
        }
        seconds = sum(path.count(place) for path in paths)
        assert body.object_s[number] == (seconds if len(through) >= FEWEST_TRACKS else None)


@given(crossings(), st.lists(st.integers(1, 30), min_size=1, max_size=9))
@settings(max_examples=100, deadline=None)
def test_what_happens_in_null_cells_changes_no_record(paths: list[list[Place]], lengths: list[int]) -> None:
    """Two worlds that differ only in where fewer than five were, and for how long, send the same record."""
    before = follow(paths, range(len(paths)))
    hidden = [number for number in range(CELLS) if before.object_s[number] is None]
    if not hidden:
        return
    # Newcomers who stand in null cells, each born there: as many seconds as they like.
    standers = [
        [(hidden[k % len(hidden)] % COLS, hidden[k % len(hidden)] // COLS)] * n for k, n in enumerate(lengths)
    ]
    end = max(len(path) for path in [*paths, *standers])
    after = follow([*paths, *standers], range(len(paths) + len(standers)))
    assert after.object_s == before.object_s
    assert after.observed_s == pytest.approx(end + 1)


def test_what_is_kept_on_disk_names_no_track_and_no_time_below_the_hour() -> None:
    grid = new_grid()
    walk(crowd(4), times(30), grid, first_id=777_000)
    text = canonical(grid.keep())
    kept = json.loads(text)
    assert "777" not in text
    assert set(kept) == {"camera", "classes", "config", "hours"}
    assert set(kept["hours"][0]) == {"start", "observed_s", "cells"}
    assert kept["hours"][0]["start"] % 3600 == 0
    assert all(len(row) == 3 for rows in kept["hours"][0]["cells"].values() for row in rows)


def test_records_are_as_on_the_wire() -> None:
    grid = new_grid(classes=("person", "car"))
    walk(crowd(4), times(60), grid)
    for body in grid.close_all():
        record = stamp(body, device="box", run="0" * 16, seq=1)
        assert parse_record(json.loads(canonical(record))) == record
        assert len(canonical(record)) < 4096


# --- over a restart -------------------------------------------------------------------------------------------------


def again(kept: KeptGrid) -> KeptGrid:
    """Through the text that the disk holds."""
    return KeptGrid.model_validate_json(canonical(kept))


@given(st.integers(1, 59))
@settings(max_examples=30, deadline=None)
def test_a_restart_between_two_visits_changes_nothing(cut: int) -> None:
    whole, first, second = new_grid(), new_grid(), new_grid()
    # Nobody is in view at the cut: three come before, three after it.
    ways = [across(4, n) for n in range(3)], [across(4, 100 + n) for n in range(3)]
    for grid in (whole, first):
        walk(ways[0], times(20 + cut, 2), grid)
        grid.finish(20.0 + cut)
    assert second.resume(again(first.keep()), HOUR + 90) == []
    for grid in (whole, second):
        walk(ways[1], times(140, 2, start=90), grid, first_id=50)
        grid.finish(140.0)
    one, other = only(whole.close_all()), only(second.close_all())
    assert len(cells(one)) == 14
    assert other.object_s == one.object_s
    assert other.observed_s == pytest.approx(one.observed_s)


def test_distinct_tracks_of_several_runs_add_up() -> None:
    kept: KeptGrid | None = None
    for run in range(5):
        grid = new_grid()
        if kept is not None:
            assert grid.resume(again(kept), HOUR + 100 * run) == []
        walk([across(4, 100 * run)], times(100 * run + 20, start=100 * run), grid)
        grid.finish(100.0 * run + 20)
        kept = grid.keep()
        shown = cells(only(closed(kept)))
        assert len(shown) == (14 if run == 4 else 0)


def test_what_is_taken_up_late_adds_to_what_was_counted() -> None:
    one, other = new_grid(), new_grid()
    walk(crowd(4, 3), times(60), one)
    walk(crowd(4, 2), times(60), other)
    assert one.resume(other.keep(), HOUR + 90) == []
    assert len(cells(only(one.close_all()))) == 14


def test_who_stands_through_five_restarts_does_not_become_five() -> None:
    kept: KeptGrid | None = None
    for run in range(6):
        grid = new_grid()
        if kept is not None:
            grid.resume(kept, HOUR + 100 * run)
        walk([stay((8, 4), 0, 1e9)], times(100 * run + 20, start=100 * run), grid)
        grid.finish(100.0 * run + 20)
        kept = grid.keep()
    assert kept is not None
    assert cells(only(closed(kept))) == {}


def test_another_hour_or_configuration_is_closed_into_a_record() -> None:
    grid = new_grid()
    walk(crowd(4), times(60), grid)
    grid.finish(60)
    kept = again(grid.keep())
    want = only(closed(kept))
    assert len(cells(want)) == 14
    for unix in (HOUR + 3600, HOUR - 1):
        later = new_grid()
        assert later.resume(kept, unix) == [want]
        assert later.close_all() == []
    changed = new_grid(capacity=7)
    assert changed.resume(kept, HOUR + 90) == [want]
    assert changed.close_all() == []
    other_start = PresenceGrid(config().model_copy(update={"at": START.replace(minute=7)}), confidence=0.25)
    assert other_start.resume(kept, HOUR + 90) == [], "the time of the start is no change"
    assert other_start.close_all() == [want]


def test_an_empty_grid_keeps_nothing() -> None:
    assert new_grid().keep().hours == ()
    assert new_grid().resume(new_grid().keep(), HOUR) == []


def test_kept_text_that_is_none_is_refused() -> None:
    good = json.loads(canonical(new_grid().keep()))
    for change in ({"hours": 3}, {"config": "x"}, {"tracks": []}):
        with pytest.raises(ValueError, match="validation error"):
            KeptGrid.model_validate_json(json.dumps({**good, **change}))


# --- with the counters ----------------------------------------------------------------------------------------------


def test_counters_close_the_hour_with_its_last_interval() -> None:
    wire = config(interval_s=60)
    grid = PresenceGrid(wire, confidence=0.25)
    anchor = HOUR + 3600 - 50.0
    counters = CameraCounters(
        "cam", Layout.of(wire, WH), interval_s=60, anchor=anchor, confidence=0.25, settle_s=30, grid=grid
    )
    found = []
    for at in times(120):
        tracks = [
            track(n, place, at, born_at=2.0 * n)
            for n in range(6)
            if (place := across(4, 2.0 * n)(at)) is not None
        ]
        found += [(at, body) for body in counters.observe(Detections.empty(), tracks, at)]
    due = [(at, body) for at, body in found if isinstance(body, GridBody)]
    assert [(at, body.observed_s) for at, body in due] == [(80.0, 50.0)]
    assert {at for at, body in found if body.type == "parvis.zone.v1"} == {80.0}
    assert all(not isinstance(body, GridBody) for body in counters.finish(120.0)), "its owner closes the rest"
    assert [body.observed_s for body in grid.close_all()] == [70.0]
