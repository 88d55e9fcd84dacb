"""Delivery: each item answered, each key once, nothing unbounded."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.batch import parse_record
from server.api.ingest import implausible
from tests.server.build import NOON, anomaly, config, counts, grid, health, line, parking, zone, zone_config

PATH = "/api/v1/records"
OLD = NOON - 7200


def dump(site):
    """Everything stored but the times of receipt and row numbers."""
    found = {}
    with site.store._connections.read() as db:
        for key, digest, quarantine in db.execute("SELECT key, digest, quarantine FROM records"):
            found[key] = (digest, quarantine)
        intervals = sorted(
            tuple(r)
            for r in db.execute(
                "SELECT r.key, i.start, i.observed_s, c.class, c.object_s FROM intervals i JOIN records r"
                " ON r.id = i.record_id LEFT JOIN counts c ON c.record_id = i.record_id"
            )
        )
        places = sorted(tuple(r) for r in db.execute("SELECT * FROM places"))
    return found, intervals, places


def test_every_type_is_accepted_and_answered_by_its_key(site):
    records = [
        zone(1, OLD),
        parking(2, OLD),
        line(3, OLD),
        config(4, OLD, [zone_config("lawn")]),
        health(5, OLD),
        grid(6, OLD),
        anomaly(1, OLD),
    ]
    answer = site.post(records)
    assert answer.status_code == 200
    assert answer.json()["rejected"] == []
    assert answer.json()["accepted"] == [
        *(f"box-a/6b1e0c5d2a9f4e10/{n}" for n in range(1, 7)),
        "box-a/00112233445566aa/1",
    ]
    assert site.store.records.count() == 7


def test_one_bad_item_does_not_hold_up_the_others(site):
    bad = zone(2, OLD) | {"face": "x"}
    stranger = zone(3, OLD, device="box-b")
    answer = site.post([zone(1, OLD), bad, stranger, 7, zone(4, OLD + 60)]).json()
    assert answer["accepted"] == ["box-a/6b1e0c5d2a9f4e10/1", "box-a/6b1e0c5d2a9f4e10/4"]
    reasons = {item["key"]: item["reason"] for item in answer["rejected"]}
    assert reasons["box-a/6b1e0c5d2a9f4e10/2"].startswith("invalid: ")
    assert reasons["box-b/6b1e0c5d2a9f4e10/3"] == "wrong_device"
    assert "item/3" in reasons
    assert site.store.records.count() == 2


def test_the_same_key_with_the_same_payload_is_accepted_again(site):
    assert site.post([zone(1, OLD)]).json()["accepted"]
    shuffled = dict(reversed(zone(1, OLD, observed_s=60).items()))  # 60 and 60.0 are the same record
    assert site.post([shuffled, shuffled]).json() == {
        "accepted": ["box-a/6b1e0c5d2a9f4e10/1"] * 2,
        "rejected": [],
    }
    assert site.store.records.count() == 1


def test_the_same_key_with_another_payload_is_a_conflict_the_first_is_kept_and_it_is_audited(site):
    site.post([zone(1, OLD)])
    before = dump(site)
    answer = site.post([zone(1, OLD, observed_s=1.0), zone(2, OLD + 60)]).json()
    assert answer["rejected"] == [{"key": "box-a/6b1e0c5d2a9f4e10/1", "reason": "conflict"}]
    assert answer["accepted"] == ["box-a/6b1e0c5d2a9f4e10/2"]
    assert before[0].items() <= dump(site)[0].items()
    [entry] = [e for e in site.store.accounts.audit(10) if e.action == "record.conflict"]
    assert (entry.actor, entry.subject) == ("box-a", "box-a/6b1e0c5d2a9f4e10/1")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_repeated_shuffled_and_split_batches_store_what_one_delivery_stores(make_site, seed, size):
    rng = random.Random(seed)
    folder = f"{seed}-{size}"
    records = []
    for n in range(size):
        seen = rng.choice([0.0, 12.5, 60.0])
        build = rng.choice([zone, parking, line])
        start = OLD + 60 * n if rng.random() < 0.9 else NOON + 86400
        record = build(n, start, observed_s=seen)
        if build is zone and not seen:
            record["counts"] = {}
        records.append(record)
    once, often = make_site(f"once-{folder}"), make_site(f"often-{folder}")
    once.post(records)
    sent = [r for r in records for _ in range(rng.randint(1, 5))]
    rng.shuffle(sent)
    while sent:
        cut = rng.randint(1, len(sent))
        answer = often.post(sent[:cut]).json()
        assert answer["rejected"] == []
        sent = sent[cut:]
    assert dump(once) == dump(often)
    for made in (once, often):
        made.store.close()


def test_the_highest_revision_of_a_case_wins_in_whatever_order(site):
    site.post([config(0, OLD, [zone_config("lane", "road")])])
    for revision in (2, 3, 1):
        site.post([anomaly(revision, OLD, state="cleared" if revision == 3 else "open")])
    [case] = site.store.records.cases(10)
    assert (case["revision"], case["state"]) == (3, "cleared")


def test_a_case_is_shown_only_while_its_zone_is_operational(site):
    site.post([anomaly(1, OLD)])
    assert site.store.records.cases(10) == []  # nobody has said yet what the zone is for
    for seq, purpose in enumerate(("statistics", "operational", "statistics")):
        site.post([config(seq, OLD + seq, [zone_config("lane", "road", purpose=purpose)])])
        assert len(site.store.records.cases(10)) == (purpose == "operational")


def test_the_latest_configuration_is_that_of_the_latest_time(site):
    site.post([config(2, NOON - 60, [zone_config("lawn", purpose="operational")])])
    site.post([config(1, NOON - 600, [zone_config("lawn", purpose="statistics")])])
    assert site.store.records.config("box-a", "north").zones[0].purpose == "operational"


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (NOON + 360, "future"),
        (NOON + 86400 * 365, "future"),
        (1_700_000_040, "before_2024"),
        (0, "before_2024"),
    ],
)
def test_times_that_cannot_be_true_go_to_quarantine(site, start, reason):
    answer = site.post([zone(1, start)]).json()
    assert answer["accepted"] == ["box-a/6b1e0c5d2a9f4e10/1"]
    [kept] = site.store.records.quarantined(10)
    assert kept.reason == reason
    assert site.store.records.places() == []
    shown = site.client("technician").get("/api/v1/quarantine").json()["quarantine"]
    assert [item["key"] for item in shown] == ["box-a/6b1e0c5d2a9f4e10/1"]
    assert json.loads(shown[0]["payload"])["seq"] == 1


@pytest.mark.parametrize("make", [zone, parking, line])
def test_r16_a_time_that_the_box_did_not_know_is_kept_and_shown_but_in_no_report(site, make):
    answer = site.post([make(1, NOON - 600, time_quality="unsynced"), make(2, NOON - 540)]).json()
    assert len(answer["accepted"]) == 2
    [kept] = site.store.records.quarantined(10)
    assert (kept.key[-2:], kept.reason) == ("/1", "time_unknown")
    [place] = site.store.records.places()
    assert (place.first_start, place.last_end) == (NOON - 540, NOON - 480)
    for language in ("fr", "en"):
        page = site.client("technician").get("/quarantine", headers={"Accept-Language": language}).text
        assert ("heure inconnue" if language == "fr" else "time unknown") in page


def test_r17_an_answer_tells_the_server_s_time(site):
    site.clock.now = NOON + 0.25
    assert site.post([zone(1, NOON - 600)]).headers["parvis-time"] == f"{NOON}.250"


def test_records_long_before_the_enrolment_go_to_quarantine():
    record = parse_record(zone(1, NOON - 91 * 86400))
    assert implausible(record, NOON, NOON) == "before_enrolment"
    assert implausible(record, NOON, NOON - 2 * 86400) is None
    assert implausible(parse_record(zone(1, NOON + 240)), NOON, NOON) is None


def test_a_configuration_from_the_future_never_takes_effect(site):
    site.post([config(1, NOON - 60, [zone_config("lawn")]), config(2, NOON + 86400, [])])
    assert len(site.store.records.config("box-a", "north").zones) == 1


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic YTpi", "Token x", "Bearer \u00e9\u00e9"]
)
def test_no_token_or_a_bad_one_is_401(site, header):
    headers = {} if header is None else {"Authorization": header.encode("utf-8")}
    answer = site.client().post(PATH, json={"records": [zone(1, OLD)]}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert site.store.records.count() == 0


def test_a_revoked_device_is_refused_from_its_next_request_and_a_rotated_token_replaces_the_old(site):
    from server.accounts import revoke_device, rotate_device

    assert site.post([zone(1, OLD)]).status_code == 200
    revoke_device(site.store, "box-a")
    assert site.post([zone(2, OLD)]).status_code == 401
    fresh = rotate_device(site.store, "box-a")
    assert site.post([zone(2, OLD)]).status_code == 401
    assert site.post([zone(2, OLD)], token=fresh).status_code == 200


def test_a_device_that_sends_too_often_waits(make_site):
    site = make_site(ingest_per_s=1.0, ingest_burst=3)
    statuses = [site.post([]).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    assert int(site.post([]).headers["retry-after"]) >= 1
    site.clock.now += 2
    assert site.post([]).status_code == 200


def test_a_crowd_before_the_one_writer_is_sent_away(make_site):
    site = make_site(ingest_queue=0)
    answer = site.post([])
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_r18_a_full_disk_is_507_and_the_reports_stay_readable(site):
    site.post([zone(n, OLD + 60 * n) for n in range(5)])
    viewer = site.client("viewer")
    with site.store._connections.write() as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
    with site.store._connections.write() as db:
        db.execute(f"PRAGMA max_page_count = {pages}")
    records = [zone(n, OLD + 60 * n, run="a" * 16, counts={"person": counts(1.0, 1)}) for n in range(500)]
    answer = site.post(records)
    assert (answer.status_code, answer.headers["Retry-After"]) == (507, "60")
    assert site.store.records.count() == 5  # all or nothing
    for page in ("/", "/zones/box-a/north/lawn"):
        assert viewer.get(page).status_code == 200, "who reads need not know"
    with site.store._connections.write() as db:
        db.execute("PRAGMA max_page_count = 1000000")
    assert len(site.post(records).json()["accepted"]) == 500


def test_health_is_kept_a_week_and_its_latest_for_ever(site):
    site.post([health(n, NOON - 60 * n) for n in range(5)])
    site.clock.now += 8 * 86400
    site.post([health(99, int(site.clock.now), fps=1.0)])
    site.store.upkeep.purge(int(site.clock.now), "test")
    with site.store._connections.read() as db:
        kept = db.execute("SELECT count(*) FROM records WHERE type = 'parvis.health.v1'").fetchone()[0]
    assert kept == 1
    assert site.store.records.cameras()[0].health["fps"] == 1.0
