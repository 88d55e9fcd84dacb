"""What the roll-ups say is what the intervals said: before and after a purge, whatever order records came in."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.batch import canonical, parse_record
from contract.names import GROUPS
from server.reading import KeptByTheHour, Period, Reader
from server.reports import DAY, Amounts, Row, edges, report
from server.store.base import Incoming
from tests.server.build import NOON, Clock, config, counts, line, parking, utc, zone, zone_config

DAY_S = 86400
# Two local days round the end of summer time, one of them of 25 hours: 2026-10-24 and 25 in Paris.
FIRST = NOON - 29 * DAY_S - 14 * 3600
LENGTH_S = 49 * 3600


def incoming(item: dict[str, Any]) -> Incoming:
    record = parse_record(item)
    return Incoming(record, canonical(record))


def some(rng: random.Random, kind: str, size: int) -> list[dict[str, Any]]:
    """Records with milliseconds, gaps, flags, redrawn zones and partial intervals."""
    build = {"zone": zone, "parking": parking, "line": line}[kind]
    found = []
    for seq in range(size):
        seen = rng.choice([0.0, round(rng.uniform(0.001, 60), 3), 60.0])
        changes: dict[str, Any] = {
            "observed_s": seen,
            "flag_s": {"dark": round(rng.uniform(0, seen), 3), "lost": round(60 - seen, 3)},
        }
        if kind != "line":
            changes["zone_version"] = rng.choice("abc") * 16
        if kind == "zone":
            person = counts(round(rng.uniform(0, 9) * seen, 3), rng.randint(0, 9), rng.randint(0, 5), 2)
            person |= {"dwell": [rng.randint(0, 3) for _ in range(8)], "dwell_censored": rng.randint(0, 2)}
            changes["counts"] = {"person": person}
            if rng.random() < 0.7:
                changes["counts"]["car"] = counts(round(rng.uniform(0, 2) * seen, 3), 2, 1, 0)
            changes["peak_vehicle"] = rng.randint(0, 3)
        elif kind == "parking":
            bay_s = round(10 * seen, 3)
            changes |= {"observed_bay_s": bay_s, "occupied_bay_s": round(bay_s * rng.random(), 3)}
            changes |= {"stay": [rng.randint(0, 3) for _ in range(8)], "stay_censored": rng.randint(0, 2)}
        found.append(build(seq, FIRST + 60 * rng.randrange(LENGTH_S // 60), **changes))
    return found


def row(item: dict[str, Any]) -> Row:
    """One record as the reports see it, without any database."""
    record: Any = parse_record(item)
    common = {
        "start": int(record.start.timestamp()),
        "interval_s": record.interval_s,
        "observed_s": record.observed_s,
        "version": getattr(record, "zone_version", ""),
        "flag_s": record.flag_s,
        "unsynced": record.time_quality == "unsynced",
    }
    if item["type"] == "parvis.parking.v1":
        bays = Amounts(record.occupied_bay_s, record.peak, record.arrivals, record.departures)
        return Row(**common, bays=record.bays, observed_bay_s=record.observed_bay_s, parking=bays)
    if item["type"] == "parvis.line.v1":
        return Row(**common, counts={n: Amounts(0.0, 0, c.in_, c.out) for n, c in record.counts.items()})
    amounts = {n: Amounts(c.object_s, c.peak, c.entries, c.exits) for n, c in record.counts.items()}
    return Row(**common, counts=amounts, peak_vehicle=record.peak_vehicle)


def deliver(site: Any, items: list[dict[str, Any]], rng: random.Random) -> None:
    """Some of them twice, in any order, in batches of any size."""
    sent = items + rng.sample(items, len(items) // 2)
    rng.shuffle(sent)
    while sent:
        cut = rng.randint(1, len(sent))
        site.store.records.add([incoming(item) for item in sent[:cut]], NOON)
        sent = sent[cut:]


def figures(site: Any, step: int | str) -> list[Any]:
    reader = Reader(site.store, site.app.state.settings)
    [view] = reader.views()
    return [
        reader.report(view, group, Period(FIRST, FIRST + LENGTH_S, step))  # type: ignore[arg-type]
        for group in GROUPS
    ]


@pytest.mark.parametrize("kind", ["zone", "parking", "line"])
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), size=st.integers(2, 90))
def test_after_a_purge_hours_and_days_say_what_the_intervals_said(make_site, kind, seed, size):
    rng = random.Random(seed)
    items = some(rng, kind, size)
    site = make_site(f"{kind}-{seed}-{size}", clock=Clock())
    deliver(site, items, rng)
    until = NOON - 900
    fine = {step: figures(site, step) for step in (3600, DAY)}
    for step in (3600, DAY):
        borders = edges(FIRST, FIRST + LENGTH_S, step, site.app.state.settings.zone_info)
        truth = [
            report(map(row, items), kind=kind, group=group, step=step, borders=borders, until=until)
            for group in GROUPS
        ]
        assert fine[step] == truth  # to the last bit
    for age in (rng.randint(61, 62), 200):  # a part of it, then all of it
        site.clock.now = NOON + age * DAY_S
        result = site.store.upkeep.purge(int(site.clock.now), "test")
        assert result.finished
        for step in (3600, DAY):
            # Only how far the clock has got may differ.
            assert [r.bins for r in figures(site, step)] == [r.bins for r in fine[step]]
            assert [r.total for r in figures(site, step)] == [r.total for r in fine[step]]
            assert [(r.bays, r.versions, r.peak_at) for r in figures(site, step)] == [
                (r.bays, r.versions, r.peak_at) for r in fine[step]
            ]
    with site.store._connections.read() as db:
        assert db.execute("SELECT count(*) FROM intervals").fetchone()[0] == 0
    site.store.close()


def sums(store: Any) -> tuple[list[Any], list[Any]]:
    """Every row of the roll-ups, seconds to the microsecond."""
    with store._connections.read() as db:
        return tuple(
            sorted(
                tuple(round(v, 6) if isinstance(v, float) else v for v in r)
                for r in db.execute(f"SELECT * FROM {table}")
            )
            for table in ("hours", "hour_counts")
        )


@pytest.mark.parametrize("kind", ["zone", "parking", "line"])
def test_rebuilt_hours_are_those_that_grew(site, kind):
    rng = random.Random(7)
    deliver(site, some(rng, kind, 120), rng)
    grown = sums(site.store)
    with site.store._connections.write() as db:
        db.execute("UPDATE hours SET observed_s = 1e6, stay_3 = 77")
        db.execute("DELETE FROM hour_counts")
    assert sums(site.store) != grown
    assert site.store.upkeep.remake_hours() == len(grown[0])
    assert sums(site.store) == grown


def test_visits_and_stays_are_summed_too(site):
    dwell = {"dwell": [1, 2, 3, 4, 5, 6, 7, 8], "dwell_censored": 9}
    start = NOON - 7200
    site.post([zone(n, start + 60 * n, counts={"person": counts(1.0, 1) | dwell}) for n in range(3)])
    stay = {"stay": [8, 7, 6, 5, 4, 3, 2, 1], "stay_censored": 5}
    site.post([parking(10 + n, start + 60 * n, **stay) for n in range(2)])
    site.post([parking(20, start, zone="p2", bay_mode="capacity", stay=None)])
    with site.store._connections.read() as db:
        [people] = db.query("SELECT * FROM hour_counts")
        drawn, whole = db.query("SELECT * FROM hours WHERE kind = 'parking' ORDER BY name")
    assert [people[f"dwell_{n}"] for n in range(8)] == [3, 6, 9, 12, 15, 18, 21, 24]
    assert people["dwell_censored"] == 27
    assert [drawn[f"stay_{n}"] for n in range(8)] == [16, 14, 12, 10, 8, 6, 4, 2]
    assert (drawn["stay_censored"], drawn["bay_mode"], whole["bay_mode"]) == (10, "drawn", "capacity")


def test_rebuilding_leaves_alone_what_the_intervals_no_longer_say(site):
    site.post([zone(n, NOON - DAY_S + 3600 * n) for n in range(3)])
    site.clock.now = NOON - DAY_S + 3600 * 2 + 90 * DAY_S
    site.store.upkeep.purge(int(site.clock.now), "test")
    before = sums(site.store)
    assert len(before[0]) == 3
    assert site.store.upkeep.remake_hours() == 1
    assert sums(site.store) == before


def test_a_late_record_of_a_purged_hour_is_counted_once_for_ever(site):
    start = NOON - 7200
    site.post([zone(n, start + 60 * n) for n in range(5)])
    site.clock.now = NOON + 100 * DAY_S
    site.store.upkeep.purge(int(site.clock.now), "test")
    late = zone(7, start + 60 * 7)
    query = {"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T11:00:00Z", "step": 3600}
    for turn in range(3):
        assert site.post([late]).json()["rejected"] == []
        assert site.series("zones/box-a/north/lawn", **query).json()["total"]["entries"] == 6, turn
        site.clock.now += DAY_S
        site.store.upkeep.purge(int(site.clock.now), "test")
    with site.store._connections.read() as db:
        assert db.execute("SELECT count(*) FROM intervals").fetchone()[0] == 0


@pytest.fixture
def purged(site):
    """A zone counted for two hours 100 days ago, and silent since."""
    site.post([config(0, NOON - 7200, [zone_config("lawn", purpose="statistics")])])
    site.post([zone(n + 1, NOON - 7200 + 60 * n) for n in range(120)])
    site.clock.now = NOON + 100 * DAY_S
    site.store.upkeep.purge(int(site.clock.now), "test")
    return site


def test_finer_figures_than_are_kept_are_refused_and_not_shown_as_no_data(purged):
    query = {"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T12:00:00Z"}
    for step in (60, 900, 5400):
        answer = purged.series("zones/box-a/north/lawn", **query, step=step)
        assert answer.status_code == 400
        assert "kept by whole UTC hours" in answer.json()["detail"]
    page = purged.client("viewer").get("/zones/box-a/north/lawn", params=query | {"step": "60"})
    assert page.status_code == 400
    assert "conservés que par heure" in page.text
    assert '<option value="900"' not in page.text
    assert '<option value="3600"' in page.text
    hours = purged.series("zones/box-a/north/lawn", **query, step=3600).json()["bins"]
    assert [b["mean_occupancy"] for b in hours] == [2.0, 2.0]


def test_without_a_wish_a_purged_period_is_shown_by_the_hour(purged):
    query = {"from": "2026-11-22T10:00:00Z", "to": "2026-11-22T12:00:00Z"}
    answer = purged.series("zones/box-a/north/lawn", **query).json()
    assert (answer["step"], answer["last_end"]) == (3600, "2026-11-22T12:00:00Z")
    assert purged.series("zones/box-a/north/lawn").json()["step"] == 3600
    [listed] = purged.client("viewer").get("/api/v1/zones").json()["zones"]
    assert listed["latest"]["person"]["mean_occupancy"] == 2.0
    client = purged.client("viewer")
    assert client.get("/").status_code == 200
    assert client.get("/zones/box-a/north/lawn").status_code == 200


def test_new_figures_beside_purged_ones_are_as_fine_as_ever(purged):
    now = int(purged.clock.now)
    purged.post([zone(1000 + n, now - 3600 + 60 * n) for n in range(30)])
    answer = purged.series("zones/box-a/north/lawn", **{"from": utc(now - 3600), "to": utc(now)})
    assert (answer.json()["step"], answer.json()["total"]["entries"]) == (60, 30)


def test_days_that_begin_within_an_hour_cannot_be_cut_from_hours(make_site):
    site = make_site(local_tz="Pacific/Marquesas")  # French, and half an hour off
    site.post([zone(n, NOON - 7200 + 60 * n) for n in range(120)])
    reader = Reader(site.store, site.app.state.settings)
    site.clock.now = NOON + 2 * DAY_S
    [view] = reader.views()
    assert reader.report(view, "person", Period(step=DAY)).total.entries == 120
    site.clock.now = NOON + 100 * DAY_S
    site.store.upkeep.purge(int(site.clock.now), "test")
    [view] = reader.views()
    with pytest.raises(KeptByTheHour, match="local days begin"):
        reader.report(view, "person", Period(step=DAY))
    assert reader.report(view, "person", Period(step=3600)).total.entries == 120


def test_without_a_configuration_the_classes_of_a_purged_place_are_still_known(site):
    site.post([zone(1, NOON - 7200, counts={"bicycle": counts(60.0, 1)})])
    site.clock.now = NOON + 100 * DAY_S
    site.store.upkeep.purge(int(site.clock.now), "test")
    [view] = Reader(site.store, site.app.state.settings).views()
    assert view.groups == ("bicycle",)
