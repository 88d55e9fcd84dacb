"""The public table through the real server: what it answers, to whom, and that it never answers twice differently."""

from __future__ import annotations

import csv
import io
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from server import publishing
from server.accounts import add_device
from server.api.public import AT_ONCE
from server.app import create_app
from server.cli import app as command
from server.publishing import NotPublished
from server.settings import PublicSite, Settings
from tests.server.attacker import FLOWS, derived, system_of
from tests.server.build import NOON, Site, config, counts, line, parking, utc, zone, zone_config

DAY = "2026-11-21"
START = NOON - 12 * 3600 - 3600 - 86400  # 2026-11-20T23:00:00Z, midnight in Paris
END = START + 86400
FINAL = END + 86400
TABLE = "/public/v1/sites/square/table"
STEPS = ("900", "3600", "day")


@pytest.fixture
def square(make_site):
    site = make_site(public_sites=(PublicSite("square", ("box-a",)),))
    site.clock.now = FINAL
    return site


def ask(site, step="day", day=DAY, path=TABLE, **headers):
    return site.client().get(path, params={"step": step, "day": day}, headers=headers)


def zones_config(seq=0, **changes):
    zones = [zone_config("lawn", classes=["person", "bicycle"]), zone_config("p1", "parking")]
    lines = [{"id": "gate", "points": [[0.1, 0.5], [0.9, 0.5]], "classes": ["person"]}]
    return config(seq, START - 3600, zones, **({"lines": lines} | changes))


def quarter(number, **changes):
    """The records of one quarter of an hour are one record each: intervals may be as long."""
    return {"start": utc(START + 900 * number), "interval_s": 900, "observed_s": 900.0} | changes


def people(number, entries=0, exits=0, peak=0, seen=450.0):
    return zone(100 + number, START) | quarter(
        number, counts={"person": counts(seen if entries or peak else 0.0, peak, entries, exits)}
    )


def entries_of(answer, place=0):
    return [one["entries"] for one in answer.json()["places"][place]["bins"]]


def test_a_day_at_three_steps(square):
    values = {36: (3, 0, 2), 37: (9, 7, 8), 38: (20, 30, 12), 39: (11, 0, 6), 40: (0, 0, 0)}
    square.post([zones_config(), *(people(n, *value) for n, value in values.items())])
    day = ask(square).json()
    assert (day["site"], day["day"], day["timezone"], day["step"]) == ("square", DAY, "Europe/Paris", "day")
    assert (day["start"], day["end"], day["least_count"]) == (utc(START), utc(END), 5)
    person, bicycle = day["places"]
    assert (person["device"], person["camera"], person["zone"], person["class"]) == (
        "box-a", "north", "lawn", "person",
    )  # fmt: skip
    [whole] = person["bins"]
    assert whole == {
        "start": utc(START), "end": utc(END), "observed_s": 4500.0, "coverage": round(4500 / 86400, 4),
        "mean_occupancy": "hidden", "peak": 10, "entries": 43, "exits": 37,
    }  # fmt: skip
    assert bicycle["bins"][0]["entries"] == 0
    hours = ask(square, "3600").json()["places"][0]["bins"]
    assert [h["entries"] for h in hours[8:12]] == [None, 43, 0, None]
    quarters = ask(square, "900").json()["places"][0]["bins"][36:42]
    assert [q["entries"] for q in quarters] == ["<5", "hidden", 20, 11, 0, None]
    assert [q["exits"] for q in quarters] == [0, 7, 30, 0, 0, None]
    assert [q["peak"] for q in quarters] == ["<5", 10, 10, 5, 0, None]
    assert [q["mean_occupancy"] for q in quarters] == ["hidden", "hidden", 0.5, 0.5, 0.0, None]
    assert [q["coverage"] for q in quarters] == [1, 1, 1, 1, 1, 0]


def test_lines_and_car_parks_are_in_it_under_their_own_names(square):
    gate = line(900, START) | quarter(40, counts={"person": {"in": 2, "out": 8}})
    bays = parking(901, START) | quarter(40, occupied_bay_s=1800.0, observed_bay_s=9000.0)
    square.post([zones_config(), gate, bays])
    found = {p.get("zone") or p["line"]: p for p in ask(square).json()["places"]}
    assert found["gate"]["bins"][0] == {
        "start": utc(START), "end": utc(END), "observed_s": 900.0, "coverage": 0.0104, "in": "<5", "out": 8,
    }  # fmt: skip
    assert (found["p1"]["kind"], found["p1"]["class"]) == ("parking", "vehicle")
    assert {k: v for k, v in found["p1"]["bins"][0].items() if k not in {"start", "end"}} == {
        "observed_s": 900.0, "coverage": 0.0104, "mean_occupied_bays": 2.0, "occupancy_rate": 0.2, "peak": 5,
        "arrivals": 2, "departures": 1,
    }  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_csv_says_the_same(square, step):
    square.post([zones_config(), people(36, 3, 1, 2), people(37, 9, 12, 8), line(900, START) | quarter(2)])
    answer = ask(square, step, path=TABLE + ".csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f'parvis-square-{DAY}-{step}.csv"' in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    places = ask(square, step).json()["places"]
    bins = [{**one, "class": place["class"]} for place in places for one in place["bins"]]
    assert len(rows) == len(bins)
    for row, one in zip(rows, bins, strict=True):
        for name, value in one.items():
            assert row[name] == ("" if value is None else str(value))


@pytest.mark.parametrize("suffix", ["", ".csv"])
def test_nothing_is_public_unless_the_server_is_told(make_site, suffix):
    site = make_site()
    site.clock.now = FINAL
    site.post([zones_config(), people(36, 9)])
    for name in ("square", "box-a", "lawn"):
        answer = site.client("administrator").get(f"/public/v1/sites/{name}/table{suffix}?step=day&day={DAY}")
        assert answer.status_code == 404
        assert answer.json()["error"] == "not_found"


def test_only_the_devices_of_the_site_are_in_it(make_site):
    site = make_site(public_sites=(PublicSite("square", ("box-a",)),))
    site.clock.now = FINAL
    token = add_device(site.store, "box-b")
    site.post([zones_config(), people(36, 9)])
    site.post([zones_config() | {"device": "box-b"}, people(36, 9) | {"device": "box-b"}], token)
    assert {place["device"] for place in ask(site).json()["places"]} == {"box-a"}


def test_what_no_configuration_names_is_not_published(square):
    square.post([people(36, 9)])
    assert ask(square).json()["error"] == "not_published"
    square.post([zones_config(), people(37, 9) | {"zone": "gone"}])
    assert {place["zone"] for place in ask(square).json()["places"]} == {"lawn"}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "step=day",
        f"day={DAY}",
        f"step=60&day={DAY}",
        f"step=1800&day={DAY}",
        f"step=DAY&day={DAY}",
        f"step=+900&day={DAY}",
        "step=day&day=2026-11-31",
        "step=day&day=20261121",
        "step=day&day=2026-W47-6",
        "step=day&day=9999-12-31",
        "step=day&day=0001-01-01",
        "step=day&day=",
        f"step=day&day={DAY}&day=2026-11-20",
        f"step=day&step=900&day={DAY}",
        f"step=day&day={DAY}&from=2026-11-21T10:00:00Z",
        f"step=day&day={DAY}&class=person",
        f"step=day&day={DAY}&x=",
    ],
)
@pytest.mark.parametrize("suffix", ["", ".csv"])
def test_a_query_of_ones_own_is_refused(square, query, suffix):
    square.post([zones_config(), people(36, 9)])
    answer = square.client().get(f"{TABLE}{suffix}?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_query"
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_day_appears_when_it_is_final_and_not_before(square):
    square.post([zones_config(), people(36, 9)])
    for now in (START + 40_000, END, END + 1000, FINAL - 1):
        square.clock.now = now
        answer = ask(square)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_published")
        assert utc(FINAL) in answer.json()["detail"]
        assert answer.headers["cache-control"] == "no-store"
    square.clock.now = FINAL
    assert ask(square).status_code == 200
    assert ask(square, day="2026-11-22").status_code == 404


def test_a_late_record_changes_no_figure_at_no_step_for_ever(square):
    square.post([zones_config(), people(36, 9, 9, 9), people(37, 12, 8, 9)])
    first = ask(square)
    assert entries_of(first) == [21]
    # One more person in one minute: the difference would be a count of 1.
    late = zone(500, START + 36 * 900, observed_s=0.0, counts={"person": counts(0.0, 0, 1, 0)})
    square.post([late, people(38, 3)])
    for later in (0, 3600, 20 * 86400, 400 * 86400):
        square.clock.now = FINAL + later
        assert ask(square).content == first.content
        quarters = ask(square, "900")
        assert [q["entries"] for q in quarters.json()["places"][0]["bins"][36:39]] == [9, 12, None]
    internal = square.series(
        "zones/box-a/north/lawn", **{"class": "person", "from": utc(START), "to": utc(END), "step": "day"}
    )
    assert internal.json()["total"]["entries"] == 25


def restarted(site, **changes):
    """The same data under a server that was started with other settings."""
    old = site.app.state.settings
    values = {"public_sites": old.public_sites} | changes
    settings = Settings(data_dir=old.data_dir, clock=site.clock, **values)
    return Site(create_app(settings, site.store), site.store, site.clock, site.token)


@pytest.mark.parametrize("changes", [{}, {"public_k": 11}, {"local_tz": "America/Lima"}])
def test_other_settings_change_nothing_that_was_published(square, changes):
    square.post([zones_config(), people(36, 9)])
    first = ask(square).content
    assert ask(restarted(square, **changes)).content == first


def test_a_box_that_changed_its_site_is_not_published_twice(square):
    add_device(square.store, "box-b")
    square.post([zones_config(), people(36, 9)])
    first = ask(square)
    moved = (PublicSite("park", ("box-a",)), PublicSite("square", ("box-b",)))
    later = restarted(square, public_sites=moved)
    assert ask(later, path="/public/v1/sites/park/table").json()["error"] == "not_published"
    assert ask(later).content == first.content


def test_a_day_nobody_asked_for_in_a_month_is_never_published(square):
    square.post([zones_config(), people(36, 9)])
    square.clock.now = END + 30 * 86400 + 1
    assert ask(square).json()["error"] == "not_published"
    square.clock.now -= 1
    assert ask(square).status_code == 200


def test_a_day_without_records_may_still_be_published_when_they_come(square):
    square.post([zones_config(), people(36, 9, seen=0.0) | {"observed_s": 0.0}])
    assert ask(square).json()["error"] == "not_published"
    square.post([people(37, 9)])
    assert entries_of(ask(square)) == [9]


def test_many_at_once_get_one_and_the_same_day(square):
    square.post([zones_config(), *(people(n, n % 13) for n in range(96))])
    clients = [square.client() for _ in range(6)]
    path = f"{TABLE}?step=900&day={DAY}"
    with ThreadPoolExecutor(6) as pool:
        bodies = {answer.content for answer in pool.map(lambda client: client.get(path), clients)}
    assert len(bodies) == 1


def test_of_two_processes_the_first_one_publishes(square, monkeypatch):
    square.post([zones_config(), people(36, 9)])
    real = publishing._keep

    def slow(path, document):
        """Between working it out and keeping it, another process has kept its own."""
        other = {**document, "places": document["places"][:1]}
        real(path, other)
        real(path, document)

    monkeypatch.setattr(publishing, "_keep", slow)
    assert len(ask(square).json()["places"]) == 1


def test_a_full_disk_or_a_damaged_file_publishes_nothing(square, monkeypatch):
    square.post([zones_config(), people(36, 9)])

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(publishing.os, "link", full)
        assert ask(square).status_code == 507
    folder = square.app.state.settings.data_dir / "public" / "square"
    assert list(folder.iterdir()) == []
    assert ask(square).status_code == 200
    [file] = folder.iterdir()
    file.write_bytes(file.read_bytes()[:40])
    assert ask(square).status_code == 503
    assert file.stat().st_mode & 0o077 == 0


def test_too_many_at_once_leave_threads_for_the_boxes(square, monkeypatch):
    square.post([zones_config(), people(36, 9)])
    inside = []

    def nested(*_):
        """While one is answered, another one asks."""
        inside.append(ask(square))
        raise NotPublished("no")

    monkeypatch.setattr(publishing.Publisher, "document", nested)
    assert ask(square).status_code == 404
    statuses = [answer.status_code for answer in inside]
    assert statuses == [503] + [404] * (AT_ONCE - 1)
    assert inside[0].headers["retry-after"] == "5"


def test_caches_may_keep_it_and_ask_whether_it_changed(square):
    square.post([zones_config(), people(36, 9)])
    answer = ask(square)
    assert answer.headers["cache-control"] == "public, max-age=86400"
    assert "set-cookie" not in answer.headers
    again = ask(square, **{"If-None-Match": f'"x", {answer.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert ask(square, "3600").headers["etag"] != answer.headers["etag"]
    assert ask(square, **{"If-None-Match": '"other"'}).status_code == 200


def test_a_larger_k_hides_more(make_site):
    site = make_site(public_sites=(PublicSite("square", ("box-a",)),), public_k=11)
    site.clock.now = FINAL
    site.post([zones_config(), people(36, 9, 30, 20)])
    [whole] = ask(site).json()["places"][0]["bins"]
    assert (whole["entries"], whole["exits"], whole["peak"]) == ("<11", 30, 22)
    assert "<11" in ask(site).json()["legend"]


def test_an_attacker_with_all_answers_finds_no_small_count(square):
    """A day as it is: quiet at night, busy at noon, with a blind hour; every figure of every place, all steps."""
    dice = random.Random(5)
    records, truth = [zones_config()], {}
    for n in range(96):
        if 50 <= n < 54:
            continue
        level = max(0.0, 14 - abs(n - 56) / 2.5)
        e, x = (max(0, round(dice.gauss(level, 2))) for _ in range(2))
        ways = {"in": dice.choice([0, 1, 2, 4, 9]), "out": round(level)}
        bikes = counts(0.0, 0, dice.choice([0, 0, 0, 1, 2, 7]), dice.choice([0, 0, 3]))
        record = people(n, e, x, e // 2)
        record["counts"]["bicycle"] = bikes
        records += [record, line(300 + n, START) | quarter(n, counts={"person": ways})]
        truth[n] = {
            ("lawn", "person"): {"entries": e, "exits": x},
            ("lawn", "bicycle"): {"entries": bikes["entries"], "exits": bikes["exits"]},
            ("gate", "person"): ways,
        }
    assert square.post(records).json()["rejected"] == []
    answers = {step: ask(square, step).json() for step in STEPS}
    borders = {step: [(b["start"], b["end"]) for b in answers[step]["places"][0]["bins"]] for step in STEPS}
    starts = [start for start, _ in borders["900"]]
    small = 0
    for place, entry in enumerate(answers["day"]["places"]):
        key = (entry.get("zone") or entry.get("line"), entry["class"])
        for figure in set(FLOWS) & set(entry["bins"][0]):
            by_quarter = {starts[n]: values[key][figure] for n, values in truth.items()}
            mine = {
                (start, end): sum(v for at, v in by_quarter.items() if start <= at < end)
                for step in STEPS
                for start, end in borders[step]
            }
            small += sum(0 < value < 5 for value in mine.values())
            assert derived(system_of(answers, answers, place, figure), mine, 5) == []
    assert small > 100


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"public_k": 4}, "public_k must be at least 5"),
        ({"public_after_s": 899}, "public_after_s must be within 900"),
        ({"public_after_s": 8 * 86400}, "public_after_s must be within"),
        ({"statistics_delay_s": 7200, "public_after_s": 3600}, "within 7200"),
        ({"public_sites": (PublicSite("a", ("x",)), PublicSite("a", ("y",)))}, "each site once"),
        ({"public_sites": (PublicSite("a", ("x",)), PublicSite("b", ("x",)))}, "each device once"),
    ],
)
def test_settings_that_would_give_counts_away_are_refused(tmp_path, changes, said):
    with pytest.raises(ValueError, match=said):
        Settings(data_dir=tmp_path, **changes)


@pytest.mark.parametrize("text", ["square", "square=", "=box-a", "../x=box-a", "square=box-a,,box-b"])
def test_the_command_line_says_how_a_public_site_is_written(tmp_path, text):
    said = CliRunner().invoke(command, ["run", "--data", str(tmp_path), "--public-site", text])
    assert said.exit_code == 2
    assert "NAME=DEVICE,DEVICE" in said.stderr.replace("\n", " ")
