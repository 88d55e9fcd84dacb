"""Small counts (R37): no set of public answers, and no knowledge of the rules, gives one of them away."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from server.api.public import table_json
from server.public_table import PUBLIC_STEPS, public_tables
from server.reports import Amounts, Row
from server.suppression import HIDDEN, SMALL, family, hour_order, protect, shown_peak
from tests.server.attacker import FLOWS, derived, system_of

K = 5
T0 = int(datetime(2026, 11, 21, tzinfo=ZoneInfo("Europe/Paris")).timestamp())
STEPS = ("900", "3600", "day")

# Mostly as small as can be, for that is where a rule may break.
COUNT = st.one_of(st.sampled_from([0, 1, 1, 5]), st.integers(0, 7), st.integers(0, 200))
SEEN = st.one_of(COUNT, COUNT, COUNT, st.none())


def small(value) -> bool:
    return value is not None and 0 < value < K


# One family: a sum that is shown, and its parts. Every table there is, sorted by what is shown of it.


def parts(total: int, count: int) -> Iterator[tuple[int, ...]]:
    """All ways to write a total as so many counts of 0 or more, in order."""
    if count == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in parts(total - first, count - 1):
            yield (first, *rest)


@pytest.mark.parametrize(("count", "highest"), [(2, 60), (3, 45), (4, 26), (5, 20)])
def test_every_table_of_a_family_could_be_another_one_that_looks_the_same(count, highest):
    order = hour_order(count)
    for total in range(K, highest + 1):
        looks = defaultdict(list)
        for table in parts(total, count):
            looks[tuple(family(table, K, order))].append(table)
        for shown, tables in looks.items():
            for index in range(count):
                values = {table[index] for table in tables}
                if not any(small(value) for value in values):
                    continue
                if shown[index] == SMALL:
                    promised = K - shown.count(HIDDEN)  # 4 with one hidden for it, 3 with two
                    assert values >= set(range(1, promised + 1)), (shown, tables)
                    assert all(small(value) for value in values)
                else:
                    assert shown[index] == HIDDEN
                    assert len(values) >= 2, (shown, tables)


def neighbours(table: list[list[int | None]]) -> Iterator[list[list[int | None]]]:
    """Tables near to one: one count more or less, one moved, two exchanged, two hours exchanged, all hours anew."""
    leaves = [(h, q) for h, hour in enumerate(table) for q, value in enumerate(hour) if value is not None]

    def changed(*changes):
        copy = [list(hour) for hour in table]
        for (h, q), value in changes:
            copy[h][q] = value
        return copy

    for a in leaves:
        mine = table[a[0]][a[1]]
        yield changed((a, mine + 1))
        if mine:
            yield changed((a, mine - 1))
        for b in leaves:
            other = table[b[0]][b[1]]
            if a != b and mine:
                yield changed((a, mine - 1), (b, other + 1))
            if a < b:
                yield changed((a, other), (b, mine))
    # Two hours exchanged: all of each in its first quarter, for inside them nothing is told apart.
    sums = {h: sum(value or 0 for value in table[h]) for h, _ in leaves}
    firsts = {h: min(leaf for leaf in leaves if leaf[0] == h) for h in sums}
    for x, y in itertools.combinations(sums, 2):
        emptied = [(leaf, 0) for leaf in leaves if leaf[0] in {x, y}]
        yield changed(*emptied, (firsts[x], sums[y]), (firsts[y], sums[x]))
    yield from anew(table, leaves)


def anew(table, leaves) -> Iterator[list[list[int | None]]]:
    """Families of 4s and nothing else, whose other table is far away: a 1, two 5s, and the rest in one bin."""
    by_hour = [[leaf for leaf in leaves if leaf[0] == h] for h in hour_order(len(table))]
    hours = [group for group in by_hour if group]
    sums = [sum(table[h][q] for h, q in group) for group in hours]
    families = [(hours, sums)]
    families += [([[leaf] for leaf in group], [table[h][q] for h, q in group]) for group in hours]
    for groups, values in families:
        if set(values) != {K - 1} or len(values) < 3:
            continue
        fives = [5, 6] if len(values) == 3 else [5, 5, 4 * len(values) - 11]
        for spot in groups:
            copy = [list(hour) for hour in table]
            for h, q in itertools.chain(*groups):
                copy[h][q] = 0
            others = [group for group in groups if group != spot]
            for group, value in zip([spot, *others], [1, *fives], strict=False):
                copy[group[0][0]][group[0][1]] = value
            yield copy


def nodes(table) -> dict[tuple[int, ...], int | None]:
    """Every bin of a table: the day as (), hours as (h,), quarters as (h, q)."""
    found: dict[tuple[int, ...], int | None] = {}
    for h, hour in enumerate(table):
        for q, value in enumerate(hour):
            found[h, q] = value
            if value is not None:
                found[h,] = found.get((h,), 0) + value
                found[()] = found.get((), 0) + value
    return found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(SEEN, min_size=1, max_size=4), min_size=1, max_size=5))
@example([[4, 0], [0, 4], [4, None], [0, 4]])
@example([[1, 1, 1, 1], [0, 0, 0, 0]])
@example([[4], [4], [4], [4], [4]])
@example([[4, 4, 4, 4], [50, 0, 9, 1]])
@example([[1, 5, 9, 12], [6, 7, 8, 9]])
@example([[1], [1, 4], [1, 4]])
def test_for_every_small_count_there_is_another_day_that_is_published_the_same(table):
    """The reader knows the rules by heart and tries all tables; it is enough that one other looks the same."""
    shown, mine = protect(table, K), nodes(table)
    open_ = {node for node, value in mine.items() if small(value)}
    for twin in neighbours(table):
        if not open_:
            return
        differs = {node for node, value in nodes(twin).items() if value != mine[node]}
        if differs & open_ and protect(twin, K) == shown:
            open_ -= differs
    assert not open_, shown


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SEEN, min_size=2, max_size=25))
@example([0, 0, 1, 5, 1, 0, 6, *[40] * 17])
@example([1] * 12 + [5] * 13)
@example([4] * 25)
def test_families_of_a_whole_day_hold_as_well(hours):
    if sum(hour or 0 for hour in hours) >= K:
        order = hour_order(len(hours))
        shown = family(hours, K, order)
        for index, value in enumerate(hours):
            if not small(value):
                continue
            assert shown[index] in (SMALL, HIDDEN)
            twins = (
                twin
                for [twin] in ([[h[0] for h in t]] for t in neighbours([[hour] for hour in hours]))
                if twin[index] != value and sum(h or 0 for h in twin) == sum(h or 0 for h in hours)
            )
            assert any(family(twin, K, order) == shown for twin in twins), (hours, shown)


def test_what_is_shown_of_hours_does_not_depend_on_their_quarters():
    one = protect([[3, 9, 0, 12], [2, 2, 0, 0], [0, 0, 0, 30]], K)
    other = protect([[24, 0, 0, 0], [0, 0, 0, 4], [7, 8, 7, 8]], K)
    assert (one.day, one.hours) == (other.day, other.hours)


@pytest.mark.parametrize(
    ("table", "day", "hours", "quarters"),
    [
        # Nothing small: all as it is.
        ([[0, 9], [12, 5]], 26, (9, 17), ((0, 9), (12, 5))),
        # A quiet quarter takes the first busy one of its hour along, and nothing of other hours.
        ([[3, 9, 20], [12, 5, 0]], 49, (32, 17), ((SMALL, HIDDEN, 20), (12, 5, 0))),
        # 1 + 6 is less than anything from 4 + 5 on: a second one goes along.
        ([[1, 6, 20], [12, 5, 0]], 44, (27, 17), ((SMALL, HIDDEN, HIDDEN), (12, 5, 0))),
        # 1 + 5 + 6 is too little still: the hour's quarters go.
        ([[1, 5, 6, 0], [12, 5, 0, 9]], 38, (12, 26), ((HIDDEN,) * 4, (12, 5, 0, 9))),
        # A small hour takes a busy one along; inside both nothing is told apart.
        ([[2, 1], [9, 8], [9, 9]], 38, (SMALL, HIDDEN, 18), ((SMALL,) * 2, (HIDDEN,) * 2, (9, 9))),
        # A small day: not even where nobody was.
        ([[1, 0], [0, 1]], SMALL, (SMALL, SMALL), ((SMALL,) * 2, (SMALL,) * 2)),
        ([[0, 0], [0, None]], 0, (0, 0), ((0, 0), (0, None))),
        ([[None, None], [None, None]], None, (None, None), ((None, None), (None, None))),
    ],
)
def test_worked_examples(table, day, hours, quarters):
    tree = protect(table, K)
    assert (tree.day, tree.hours, tree.quarters) == (day, hours, quarters)


def test_hours_are_hidden_for_others_from_the_dead_of_night_outwards():
    for hours in (23, 24, 25):
        order = hour_order(hours)
        assert order[:6] == [3, 2, 4, 1, 5, 0]
        assert sorted(order) == list(range(hours))


@pytest.mark.parametrize(
    ("peak", "k", "flows", "shown"),
    [
        (0, 5, True, 0), (0, 5, False, SMALL), (1, 5, True, SMALL), (4, 5, True, SMALL), (None, 5, False, None),
        (5, 5, True, 5), (7, 5, True, 5), (8, 5, False, 10), (103, 5, True, 105), (16, 11, True, 11), (17, 11, True, 22),
    ],
)  # fmt: skip
def test_peaks_are_rounded(peak, k, flows, shown):
    assert shown_peak(peak, k, flows_shown=flows) == shown


def test_a_k_that_protects_nothing_and_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="k must be at least 5"):
        protect([[1]], 4)
    with pytest.raises(ValueError, match="0 or more"):
        protect([[-1]], 5)


# A whole site, as it is answered.

Quarter = tuple[Amounts, Amounts] | None
AMOUNTS = st.builds(Amounts, st.floats(0, 9000), st.integers(0, 12), entries=COUNT, exits=COUNT)
DAY = st.lists(st.one_of(st.tuples(AMOUNTS, AMOUNTS), st.none()), min_size=2, max_size=16)
GROUPS = ("person", "bicycle")


def answers_of(days: list[list[Quarter]], kinds: list[str]) -> dict[str, dict]:
    """The answers about a site of some places, all of one short day."""
    length = max(len(day) for day in days) * 900
    places = []
    for number, (quarters, kind) in enumerate(zip(days, kinds, strict=True)):
        rows = [
            Row(T0 + 900 * i, 900, 900.0, counts=dict(zip(GROUPS, quarter, strict=True)))
            for i, quarter in enumerate(quarters)
            if quarter is not None
        ]
        for group in GROUPS:
            tables = public_tables(rows, kind=kind, group=group, start=T0, end=T0 + length)
            bins = {str(step): [vars_of(one) for one in tables[step]] for step in PUBLIC_STEPS}
            places.append(
                {"device": "box-a", "camera": "north", "name": f"z{number}", "counted": kind}
                | {"kind": kind, "class": group, "bins": bins}
            )
    document = {"site": "s", "day": "2026-11-21", "timezone": "Europe/Paris", "start": T0, "end": T0 + length}
    return {step: table_json(document | {"k": K, "places": places}, step) for step in STEPS}


def vars_of(one) -> dict:
    return {name: getattr(one, name) for name in one.__slots__}


def truth_of(quarters: list[Quarter], group: int, figure: str, grid: dict[str, dict]) -> dict:
    """What was counted in every bin of the answers."""
    found = {}
    for step in STEPS:
        for one in grid[step]["places"][0]["bins"]:
            start, end = (int(datetime.fromisoformat(one[name]).timestamp()) for name in ("start", "end"))
            inside = quarters[(start - T0) // 900 : (end - T0) // 900]
            name = {"in": "entries", "out": "exits"}.get(figure, figure)
            found[one["start"], one["end"]] = sum(getattr(q[group], name) for q in inside if q is not None)
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(DAY, st.sampled_from(["zone", "line"])), min_size=1, max_size=2),
    st.sets(st.sampled_from(STEPS), min_size=1),
)
def test_no_set_of_answers_gives_a_small_count_away(site, asked):
    days, kinds = [day for day, _ in site], [kind for _, kind in site]
    grid = answers_of(days, kinds)
    for chosen in ({step: grid[step] for step in asked}, grid):
        for place, entry in enumerate(grid["day"]["places"]):
            quarters, group = days[place // 2], place % 2
            for figure in FLOWS:
                if figure in entry["bins"][0]:
                    truth = truth_of(quarters, group, figure, grid)
                    assert derived(system_of(grid, chosen, place, figure), truth, K) == []


def test_the_attacker_is_good_at_it():
    """Tables as they would be without complementary suppression: the attacker finds every hidden count."""
    day = [(Amounts(entries=e), Amounts()) for e in (3, 9, 20, 11)]
    grid = answers_of([day], ["zone"])
    for one, value in zip(grid["900"]["places"][0]["bins"], ("<5", 9, 20, 11), strict=True):
        one["entries"] = value
    truth = truth_of(day, 0, "entries", grid)
    quarter = (grid["900"]["places"][0]["bins"][0]["start"], grid["900"]["places"][0]["bins"][0]["end"])
    assert derived(system_of(grid, grid, 0, "entries"), truth, K) == [quarter]
    # Two together at their least: 1 + 5.
    day = [(Amounts(entries=e), Amounts()) for e in (1, 5, 20, 11)]
    for one, value in zip(grid["900"]["places"][0]["bins"], ("<5", "hidden", 20, 11), strict=True):
        one["entries"] = value
    grid["3600"]["places"][0]["bins"][0]["entries"] = grid["day"]["places"][0]["bins"][0]["entries"] = 37
    assert derived(system_of(grid, grid, 0, "entries"), truth_of(day, 0, "entries", grid), K) == [quarter]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DAY)
def test_no_mean_covers_a_time_in_which_something_is_withheld(day):
    grid = answers_of([day], ["zone"])
    bins = [one for step in STEPS for one in grid[step]["places"][0]["bins"]]
    for one in bins:
        inside = [b for b in bins if one["start"] <= b["start"] and b["end"] <= one["end"]]
        withheld = any(b[name] in ("<5", "hidden") for b in inside for name in ("peak", "entries", "exits"))
        seen = one["coverage"] > 0
        assert (one["mean_occupancy"] == "hidden") == (withheld and seen)
        assert (one["mean_occupancy"] is None) == (not seen)
        for name in ("peak", "entries", "exits"):
            assert (one[name] is None) == (not seen)
            assert not isinstance(one[name], int) or one[name] == 0 or one[name] >= K


def test_a_car_park_is_shown_as_it_is():
    row = Row(T0, 900, 900.0, bays=10, observed_bay_s=9000.0, parking=Amounts(1800.0, 3, 2, 1))
    tables = public_tables([row], kind="parking", group="vehicle", start=T0, end=T0 + 1800)
    [whole] = tables["day"]
    assert (whole.mean, whole.rate, whole.peak, whole.entries, whole.exits) == (2.0, 0.2, 3, 2, 1)
    assert (whole.coverage, tables[900][1].mean, tables[900][1].entries) == (0.5, None, None)


def test_vehicles_on_a_road_are_not_exempt():
    row = Row(T0, 900, 900.0, counts={"car": Amounts(900.0, 2, 2, 7)}, peak_vehicle=2)
    [whole] = public_tables([row], kind="zone", group="vehicle", start=T0, end=T0 + 900)["day"]
    assert (whole.mean, whole.peak, whole.entries, whole.exits) == (HIDDEN, SMALL, SMALL, 7)


def test_what_nothing_observed_is_no_data_and_in_no_sum():
    rows = [
        Row(T0, 900, 0.0, counts={"person": Amounts(entries=3)}),
        Row(T0 + 900, 900, 450.0, counts={"person": Amounts(entries=6)}),
    ]
    tables = public_tables(rows, kind="zone", group="person", start=T0, end=T0 + 1800)
    assert [one.entries for one in tables[900]] == [None, 6]
    assert (tables[3600][0].entries, tables[3600][0].coverage) == (6, 0.25)


@pytest.mark.parametrize(
    ("zone", "day", "quarters"),
    [
        ("Europe/Paris", (2026, 3, 29), 92),
        ("Europe/Paris", (2026, 10, 25), 100),
        ("Asia/Kolkata", (2026, 11, 21), 96),
        ("Australia/Lord_Howe", (2026, 10, 4), 94),  # the clock moves by half an hour
    ],
)
def test_a_day_is_local_and_its_hours_join(zone, day, quarters):
    tz = ZoneInfo(zone)
    start = int(datetime(*day, tzinfo=tz).timestamp())
    end = int(datetime(day[0], day[1], day[2] + 1, tzinfo=tz).timestamp())
    rows = [Row(at, 900, 900.0, counts={"person": Amounts(900.0, 9, 9, 9)}) for at in range(start, end, 900)]
    tables = public_tables(rows, kind="zone", group="person", start=start, end=end)
    assert (len(tables[900]), len(tables[3600])) == (quarters, -(-quarters // 4))
    for bins in tables.values():
        assert [one.start for one in bins] == [start, *(one.end for one in bins[:-1])]
        assert bins[-1].end == end
        assert sum(one.entries for one in bins) == 9 * quarters
        assert all(one.coverage == 1 and one.mean == 1.0 for one in bins)


def test_borders_off_the_grid_are_refused():
    with pytest.raises(ValueError, match="whole quarters"):
        public_tables([], kind="zone", group="person", start=T0 + 1, end=T0 + 900)
    assert datetime.fromtimestamp(T0, UTC).hour == 23
