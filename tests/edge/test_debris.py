"""Cases of one road from looks at it (`edge.debris`), vehicles that stand (`edge.stopped`), and what is told of them (`edge.telling`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.cases import Case, KeptCases, Mover
from edge.debris import DebrisWatch
from edge.foreign import CLEAR_S, RECONFIRM_S, WAIT_S
from edge.still import Blob, Look
from edge.stopped import GONE_S, StoppedWatch
from edge.telling import CaseBook
from edge.timeline import Timeline
from edge.zones import Layout, Zone

ROAD = np.array([[0.0, 0.0], [640.0, 0.0], [640.0, 360.0], [0.0, 360.0]])
CARTON = np.array([100.0, 100.0, 130.0, 125.0])
ELSEWHERE = np.array([400.0, 200.0, 430.0, 225.0])


def names() -> Iterator[str]:
    return (f"{number:016x}" for number in count(1))


def watch(persistence_s: float = 10.0, **more: object) -> DebrisWatch:
    source = names()
    return DebrisWatch(ROAD, persistence_s, names=lambda: next(source), **more)  # type: ignore[arg-type]


def blob(xyxy: np.ndarray, since_s: float = 4.0, **more: float) -> Blob:
    w, h = xyxy[2:] - xyxy[:2]
    told = {
        "area": w * h, "outline": 2 * (w + h), "light": 0.2, "colour": 0.1, "edge_now": 0.2, "edge_then": 0.01, "alike": 0.0,
        "kept": 0.0, "one_way": 0.1, "since_s": since_s,
    }  # fmt: skip
    return Blob(xyxy=xyxy, **(told | more))


def look(*blobs: Blob, light: float = 100.0, open_share: float = 1.0, dark: bool = False) -> Look:
    return Look(blobs, open_share, light, dark)


def person(xyxy: np.ndarray) -> Mover:
    return Mover(xyxy, vehicle=False, track_id=7)


def lies(
    road: DebrisWatch, start: int, end: int, *boxes: np.ndarray, movers: Sequence[Mover] = (), **more: float
) -> list[tuple[int, Case]]:
    """Looks once a second in [start, end), the boxes lying there; every revision with its second."""
    found = []
    for at in range(start, end):
        seen = [blob(box, min(4.0 + at - start, 20.0), **more) for box in boxes]
        found += [(at, case) for case in road.observe(look(*seen), movers, float(at)).cases]
    return found


def test_a_thing_is_announced_once_it_has_lain_for_the_persistence_time() -> None:
    road = watch(10.0)
    lies(road, 0, 5)
    ((at, case),) = lies(road, 5, 60, CARTON)
    # It had been still for 4 s when it was first told.
    assert case.state == "open"
    assert case.kind == "debris"
    assert 10 <= at - case.first_seen <= 12
    np.testing.assert_allclose(case.xyxy, CARTON)


def test_it_is_cleared_once_its_place_was_seen_empty() -> None:
    road = watch(10.0)
    lies(road, 0, 30, CARTON)
    ((at, case),) = lies(road, 30, 90)
    assert case.state == "cleared"
    assert case.revision == 2
    assert CLEAR_S - 1 <= at - 30 <= CLEAR_S + 1
    assert road.open_cases == []


def test_it_is_confirmed_at_intervals_but_not_while_it_is_hidden() -> None:
    road = watch(10.0)
    lies(road, 0, 30, CARTON)
    told = lies(road, 30, int(2 * RECONFIRM_S) + 40, CARTON)
    assert [case.state for _, case in told] == ["updated", "updated"]
    assert [case.revision for _, case in told] == [2, 3]
    hidden = lies(road, 1300, 1300 + 2 * int(RECONFIRM_S), movers=[person(CARTON)])
    assert hidden == []
    assert len(road.open_cases) == 1


@pytest.mark.parametrize(
    "how",
    [
        {"edge_now": 0.02},  # soft outlines: a wet patch, a lamp
        {"edge_then": 0.18},  # the road had them already
        {"alike": 0.9, "edge_then": 0.08},  # the road's own pattern: only its light changed
        {"one_way": 0.95},  # one side only: the edge of a roof's shadow
        {"outline": 10.0},  # hardly an outline for its size
    ],
)
def test_what_has_no_outlines_of_its_own_is_the_roads(how: dict[str, float]) -> None:
    assert lies(watch(10.0), 0, 200, CARTON, movers=(), **how) == []


def test_someone_on_it_or_carrying_it_makes_no_case() -> None:
    road = watch(10.0)
    assert lies(road, 0, 100, CARTON, movers=[person(np.array([95.0, 60.0, 135.0, 130.0]))]) == []
    assert [case.state for _, case in lies(road, 100, 130, CARTON)] == ["open"]


def test_a_bag_that_rests_here_and_there_makes_no_case() -> None:
    road = watch(10.0)
    for turn in range(20):
        place = CARTON + 35.0 * (turn % 8)
        assert lies(road, 7 * turn, 7 * turn + 5, place) == []
        assert lies(road, 7 * turn + 5, 7 * turn + 7) == []


def test_many_at_once_are_a_change_of_light() -> None:
    road = watch(10.0)
    many = [CARTON + np.tile([70.0 * (n % 5), 60.0 * (n // 5)], 2) for n in range(10)]
    seen = [blob(box) for box in many]
    verdict = road.observe(look(*seen), (), 0.0)
    assert verdict.sight == "unsteady"
    assert len(verdict.absorb) == len(many)
    assert lies(road, 1, 30) == []


def test_a_thing_that_falls_while_the_light_is_unsteady_is_told_later() -> None:
    road = watch(10.0)
    others = [CARTON + np.tile([90.0 * n, 60.0], 2) for n in range(1, 4)]
    for at in range(4):
        road.observe(
            look(blob(CARTON, 4.0 + at), *(blob(box, edge_now=0.02) for box in others)), (), float(at)
        )
    told = lies(road, 4, 60, CARTON)
    assert [case.state for _, case in told] == ["open"]


def test_a_dark_colourless_patch_that_came_with_the_sun_must_last_longer() -> None:
    road, shade = watch(10.0), {"light": -0.4, "colour": 0.01, "kept": 0.9}
    for at in range(20):
        road.observe(look(light=80.0 + 4 * at), (), float(at))
    assert lies(road, 20, 120, CARTON, movers=(), **shade) == []
    assert [case.state for _, case in lies(watch(10.0), 20, 120, CARTON, movers=(), **shade)] == ["open"]


def test_size_in_metres_must_be_plausible() -> None:
    assert lies(watch(10.0, metres_of=lambda _: 0.05), 0, 60, CARTON) == []
    assert lies(watch(10.0, metres_of=lambda _: 9.0), 0, 60, CARTON) == []
    assert len(lies(watch(10.0, metres_of=lambda _: 0.4), 0, 60, CARTON)) == 1


def test_what_covers_much_of_the_road_is_an_obstruction() -> None:
    heap = np.array([100.0, 50.0, 400.0, 250.0])
    ((_, case),) = lies(watch(10.0), 0, 30, heap)
    assert case.kind == "obstruction"


def test_darkness_and_crowds_neither_open_nor_clear_and_are_said() -> None:
    road = watch(10.0)
    lies(road, 0, 30, CARTON)
    for at in range(30, 120):
        assert road.observe(look(dark=True), (), float(at)).sight == "dark"
        assert road.observe(look(open_share=0.1), (), float(at)).sight == "busy"
    assert len(road.open_cases) == 1


def test_after_a_restart_nothing_is_announced_again_and_what_went_is_cleared() -> None:
    before = watch(10.0)
    lies(before, 0, 30, CARTON, ELSEWHERE)
    kept = [
        Case(
            c.case,
            c.revision,
            c.kind,
            c.state,
            c.xyxy,
            c.first_seen - 100,
            c.last_seen - 100,
            c.confidence,
            0.12,
            0.01,
        )
        for c in before.open_cases
    ]
    after = watch(10.0)
    after.take_over(kept)

    def slopes(box: np.ndarray) -> tuple[float, float]:
        return (0.11, 0.11) if box[0] < 300 else (0.012, 0.012)

    told = []
    for at in range(60):
        told += after.observe(Look((), 1.0, 100.0, False, slopes=slopes), (), float(at)).cases
    (gone,) = told
    assert gone.state == "cleared"
    assert gone.case == kept[1].case
    assert gone.revision == kept[1].revision + 1
    assert [case.case for case in after.open_cases] == [kept[0].case]


def test_two_pieces_that_grow_together_are_one_case() -> None:
    road = watch(10.0)
    left, right = CARTON, CARTON + np.array([60.0, 0.0, 60.0, 0.0])
    lies(road, 0, 30, left, right)
    assert len(road.open_cases) == 2
    whole = np.array([100.0, 100.0, 190.0, 125.0])
    told = lies(road, 30, 60, whole)
    assert [case.state for _, case in told if case.state == "cleared"] == ["cleared"]
    assert len(road.open_cases) == 1


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.booleans()), min_size=20, max_size=120))
def test_revisions_grow_and_a_case_ends_once(steps: list[tuple[int, bool, bool]]) -> None:
    road, ended, revisions = watch(5.0), set(), dict[str, int]()
    places = [CARTON + np.tile([80.0 * n, 30.0 * n], 2) for n in range(6)]
    for at, (number, here, hidden) in enumerate(steps):
        seen = [blob(places[n], min(3.0 + at, 20.0)) for n in range(number)] if here else []
        movers = [person(places[0])] if hidden else []
        for case in road.observe(look(*seen), movers, float(at)).cases:
            assert case.case not in ended
            assert case.revision == revisions.get(case.case, 0) + 1
            assert case.first_seen <= case.last_seen <= at
            revisions[case.case] = case.revision
            if case.state == "cleared":
                ended.add(case.case)
    assert {case.case for case in road.open_cases} == revisions.keys() - ended


def car(x: float, track: int = 1) -> Mover:
    return Mover(np.array([x, 100.0, x + 80.0, 150.0]), vehicle=True, track_id=track)


def test_a_vehicle_that_stands_is_told_and_cleared_when_it_drives_on() -> None:
    road = watch(10.0, stopped_s=20.0)
    told = []
    for at in range(60):
        x = 100.0 if at < 40 else 100.0 + 30 * (at - 39)
        told += [(at, case) for case in road.observe(look(), [car(x)], float(at)).cases]
    assert [(case.kind, case.state) for _, case in told] == [
        ("stopped_vehicle", "open"),
        ("stopped_vehicle", "cleared"),
    ]
    assert 20 <= told[0][0] <= 22
    assert 40 <= told[1][0] <= 45


def test_a_queue_that_creeps_and_traffic_that_flows_are_no_stopped_vehicles() -> None:
    creeping, flowing = StoppedWatch(ROAD, 20.0), StoppedWatch(ROAD, 20.0)
    for at in range(200):
        creeping.observe([car(100.0 + 3 * at)], (), float(at), 1.0)
        flowing.observe([car(40.0 * (at % 7) + 9 * (at % 5), track=at)], (), float(at), 1.0)
        assert creeping.stopped(float(at)) == []
        assert flowing.stopped(float(at)) == []


def test_a_faint_box_keeps_a_standing_vehicle_and_a_new_track_does_not_begin_it_anew() -> None:
    standing = StoppedWatch(ROAD, 20.0)
    for at in range(60):
        sure = [car(100.0, track=at // 15)] if at % 3 else []
        standing.observe(sure, [car(100.0).xyxy], float(at), 1.0)
    (known,) = standing.stopped(59.0)
    assert known.since == 1.0
    for at in range(60, 60 + int(GONE_S) + 2):
        standing.observe([], (), float(at), 1.0)
    assert standing.stopped(90.0) == []


def layout(version: str = "a" * 16) -> Layout:
    return Layout((640, 360), (Zone("lane", "road", version, ("car",), ROAD, {}, None),), ())


def case(revision: int = 1, state: str = "open", last: float = 40.0) -> Case:
    return Case("c" * 16, revision, "debris", state, CARTON, 10.0, last, 0.8, 0.1, 0.01)  # type: ignore[arg-type]


def test_a_case_is_told_in_utc_and_only_once_the_time_is_known() -> None:
    timeline = Timeline(60, 500.0, known=False)
    book = CaseBook("north", timeline)
    assert book.tell([("lane", case())], layout(), 40.0) == []
    assert book.tell([("lane", case(2, "updated", 50.0))], layout(), 50.0) == []
    timeline.cut(60.0, 1_790_000_000.0, known=True)
    since = timeline.at(200.0).since
    (body,) = book.tell([], layout(), since + 1)
    assert (body.state, body.revision, body.zone) == ("open", 2, "lane")
    assert body.first_seen.timestamp() == 1_790_000_010
    assert body.last_seen.timestamp() == 1_790_000_050
    assert (body.x, body.y) == (round(115 / 640, 4), round(112.5 / 360, 4))
    (over,) = book.tell([("lane", case(3, "cleared", 50.0))], layout(), since + 90)
    assert over.state == "cleared"
    assert book.keep().cases == ()


def test_what_came_and_went_before_the_time_was_known_is_not_told() -> None:
    timeline = Timeline(60, 500.0, known=False)
    book = CaseBook("north", timeline)
    book.tell([("lane", case())], layout(), 40.0)
    book.tell([("lane", case(2, "cleared"))], layout(), 70.0)
    timeline.cut(80.0, 1_790_000_000.0, known=True)
    assert book.tell([], layout(), timeline.at(500.0).since + 1) == []


def test_what_waits_is_forgotten_when_another_watch_takes_over() -> None:
    """As after a change of the frame's size: nobody would ever say that it cleared."""
    timeline = Timeline(60, 500.0, known=False)
    book = CaseBook("north", timeline)
    book.tell([("lane", case())], layout(), 40.0)
    assert book.take_over(book.keep(), layout(), 50.0) == {}
    timeline.cut(80.0, 1_790_000_000.0, known=True)
    assert book.tell([], layout(), timeline.at(500.0).since + 1) == []


def test_kept_cases_go_on_with_their_first_time_and_a_redrawn_zone_drops_them() -> None:
    first = CaseBook("north", Timeline(60, 1_790_000_000.0))
    first.tell([("lane", case())], layout(), 40.0)
    kept = KeptCases.model_validate_json(first.keep().model_dump_json())
    again = CaseBook("north", Timeline(60, 1_790_001_000.0))
    (taken,) = again.take_over(kept, layout(), 5.0)["lane"]
    np.testing.assert_allclose(taken.xyxy, CARTON, atol=0.01)
    assert taken.first_seen == pytest.approx(10.0 - 1000.0)
    (body,) = again.tell([("lane", case(2, "updated", 30.0))], layout(), 31.0)
    assert (body.state, body.first_seen.timestamp()) == ("updated", 1_790_000_010)
    redrawn = CaseBook("north", Timeline(60, 1_790_001_000.0))
    assert redrawn.take_over(kept, layout("b" * 16), 5.0) == {}
    assert redrawn.keep().cases == ()


def test_what_is_kept_holds_numbers_only() -> None:
    book = CaseBook("north", Timeline(60, 1_790_000_000.0))
    book.tell([("lane", case())], layout(), 40.0)
    (kept,) = book.keep().model_dump()["cases"]
    assert all(isinstance(value, int | float | str) for value in kept.values())
    assert len(book.keep().model_dump_json()) < 500


def test_candidates_are_bounded() -> None:
    road = watch(3600.0)
    rng = np.random.default_rng(1)
    for at in range(300):
        corner = rng.uniform(0, 320, 2)
        road.observe(look(blob(np.concatenate([corner, corner + 15]))), (), float(20 * at))
    assert len(road._known) <= 64
    assert WAIT_S > 0
