"""When a way over a line is believed: sight by sight, one track, one line."""

from __future__ import annotations

import numpy as np
import pytest

from contract.names import CLASSES
from edge.crossing import LineFlow
from edge.flow import Sighting, Subject
from edge.zones import CountLine

PERSON = CLASSES.index("person")
HEIGHT = 40.0


def flow() -> LineFlow:
    """A level line at y = 100 from x = 0 to 200; "in" is downward."""
    return LineFlow(CountLine("l", ("person",), np.array([0.0, 100.0]), np.array([200.0, 100.0])))


def feed(line: LineFlow, *sights: tuple[float, float, float], alive: bool = True) -> list[tuple[float, str]]:
    """Sights (time, x, y) of one track; the crossings so far as (time, direction)."""
    subject = Subject(PERSON, real=True, born_at=0.0, first=np.zeros(2))
    for at, x, y in sights:
        line.observe([Sighting(1, np.array([x, y]), HEIGHT, subject)], frozenset({1}), at)
    if not alive:
        line.observe([], frozenset(), sights[-1][0] + 1)
    return [(crossing.at, crossing.direction) for crossing in line.crossings]


WALK = ((0.0, 100.0, 70.0), (0.25, 100.0, 80.0), (0.5, 100.0, 90.0), (0.75, 100.0, 104.0))


def test_it_counts_once_the_object_stays_and_is_dated_to_the_way_through() -> None:
    line = flow()
    assert feed(line, *WALK, (1.0, 100.0, 112.0)) == [], "one sight clearly beyond"
    assert feed(line, (1.25, 100.0, 113.0)) == [(0.75, "in")]
    assert feed(line, (1.5, 100.0, 120.0), (1.75, 100.0, 130.0)) == [(0.75, "in")], "and only once"


def test_it_counts_at_once_when_the_object_moves_on() -> None:
    assert feed(flow(), (0.0, 50.0, 60.0), (0.05, 50.0, 90.0), (0.1, 50.0, 120.0), (0.15, 50.0, 150.0)) == [(0.1, "in")]  # fmt: skip


def test_a_jump_there_and_back_is_nothing() -> None:
    still = [(0.25 * k, 100.0, 85.0) for k in range(4)]
    assert (
        feed(flow(), *still, (1.0, 100.0, 115.0), (1.25, 100.0, 85.0), (1.5, 100.0, 85.0), alive=False) == []
    )


@pytest.mark.parametrize(("gone", "expected"), [("lost", [(1.0, "in")]), ("finished", [(1.0, "in")])])
def test_a_last_sight_beyond_counts_for_who_was_on_the_way(
    gone: str, expected: list[tuple[float, str]]
) -> None:
    line = flow()
    way = [(0.25 * k, 100.0, 60.0 + 12 * k) for k in range(4)]
    feed(line, *way, (1.0, 100.0, 108.0))
    if gone == "finished":
        line.finish()
        line.finish()
    else:
        line.observe([], frozenset(), 2.0)
    assert [(crossing.at, crossing.direction) for crossing in line.crossings] == expected


def test_a_last_sight_beyond_of_who_stood_is_a_jump() -> None:
    still = [(0.25 * k, 100.0, 85.0) for k in range(4)]
    assert feed(flow(), *still, (1.0, 100.0, 115.0), alive=False) == []


def test_a_first_sight_on_the_wrong_side_is_no_crossing_but_a_fast_passage_is() -> None:
    jumped = [(0.0, 100.0, 120.0), (0.25, 100.0, 85.0), (0.5, 100.0, 85.0), (0.75, 100.0, 85.0)]
    assert feed(flow(), *jumped) == []
    fast = [(0.0, 100.0, 120.0), (0.25, 100.0, 85.0), (0.5, 100.0, 50.0), (0.75, 100.0, 15.0)]
    assert feed(flow(), *fast) == [(0.25, "out")]


def test_round_the_end_of_the_line_is_no_crossing() -> None:
    around = [(0.0, 190.0, 70.0), (0.5, 230.0, 90.0), (1.0, 230.0, 110.0), (1.5, 190.0, 130.0), (2.0, 190.0, 131.0)]  # fmt: skip
    assert feed(flow(), *around) == []
    back = [*around, (2.5, 190.0, 110.0), (3.0, 190.0, 90.0), (3.5, 190.0, 70.0), (4.0, 190.0, 60.0)]
    assert feed(flow(), *back) == [(3.0, "out")]
