"""R7 and R8: a month offline fits, older files lose nothing, and what does not fit merges before it is dropped."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from bench.spool_month import Month, measure
from contract.batch import canonical, parse_record, stamp
from edge.spool import Spool
from edge.spool_schema import PAGE_BYTES
from edge.spool_view import waiting
from tests.edge.fault_server import RUN, config, health
from tests.edge.spool_files import gate_body, old_file, parking_body, zone_body
from tests.edge.spool_world import adds_up, opened

MONTH_DAYS = 30


def sums(path: Path) -> dict[str, Counter[str]]:
    """What all that waits adds up to, by zone, in thousandths."""
    found: dict[str, Counter[str]] = {}
    for seen in waiting(path):
        record = json.loads(seen.payload)
        if record["type"] != "parvis.zone.v1":
            continue
        total = found.setdefault(record["zone"], Counter())
        person = record["counts"]["person"]
        total["observed"] += round(record["observed_s"] * 1000)
        total["object"] += round(person["object_s"] * 1000)
        total["entries"] += person["entries"]
        total["exits"] += person["exits"]
        total["dwell"] += sum(person["dwell"]) + 1000 * person["dwell_censored"]
        total["dark"] += round(record["flag_s"].get("dark", 0) * 1000)
        total["peak"] = max(total["peak"], person["peak"])
    return found


def fill(spool: Spool, minutes: range, zones: int = 4) -> None:
    for hour in range(minutes.start, minutes.stop, 60):
        part = range(hour, min(hour + 60, minutes.stop))
        spool.append([zone_body(minute, f"zone-{zone}") for minute in part for zone in range(zones)])


def test_r8_at_the_cap_the_oldest_merge_and_every_sum_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hours = 24
    with opened(tmp_path / "all.db") as spool:
        fill(spool, range(60 * hours))
        whole = spool.stats().bytes
    with opened(tmp_path / "spool.db", max_bytes=whole // 4) as spool:
        fill(spool, range(60 * hours))
        now = spool.stats()
        assert now.bytes <= whole // 4
        assert now.dropped_total == 0
        assert now.merged_total == now.closed_total - now.pending > 1000
        adds_up(spool)
    assert sums(tmp_path / "spool.db") == sums(tmp_path / "all.db")
    spans = [json.loads(seen.payload)["interval_s"] for seen in waiting(tmp_path / "spool.db")]
    assert spans.index(900) < spans.index(60), "the oldest merge first"
    assert spans[-4:] == [60] * 4, "the newest stay as they are"
    assert "merges the oldest" in caplog.text
    assert "drops" not in caplog.text


def test_r8_then_by_the_hour_and_only_then_the_oldest_go(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path / "spool.db", max_bytes=9000) as spool:
        fill(spool, range(60 * 12))
        assert spool.stats().dropped_total == 0
        spans = Counter(json.loads(seen.payload)["interval_s"] for seen in waiting(tmp_path / "spool.db"))
        assert spans[3600] > 0
        assert "drops" not in caplog.text
        fill(spool, range(60 * 12, 60 * 40))
        now = spool.stats()
        assert now.dropped_total > 0
        assert "drops the oldest" in caplog.text
        assert now.bytes <= 9000
        adds_up(spool)
        starts = [json.loads(seen.payload)["start"] for seen in waiting(tmp_path / "spool.db")]
        assert starts == sorted(starts)


def test_r8_what_the_server_may_know_never_merges(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with opened(path, max_bytes=60_000) as spool:
        fill(spool, range(30))
        offered = {item.key: item.payload for item in spool.peek(60)}
        assert len(offered) == 60
    with opened(path, max_bytes=60_000, run="f" * 16) as spool:  # the mark is durable
        fill(spool, range(60, 60 * 12))
        assert spool.stats().merged_total > 500
        left = {seen.key: seen.payload for seen in waiting(path)}
        assert {key: left[key] for key in offered if key in left} == {
            key: payload for key, payload in offered.items() if key in left
        }
        assert len(left.keys() & offered.keys()) == 60
        adds_up(spool)


def test_r8_r9_a_salvage_brings_back_no_part_of_what_merged(tmp_path: Path) -> None:
    """Rows whose way is lost are read page by page; the parts of merged records still lie on pages that are free."""
    path = tmp_path / "spool.db"
    with opened(path, max_bytes=40_000) as spool:
        fill(spool, range(60 * 24))
        before = spool.stats()
        assert before.merged_total > 3000
    whole = sums(path)
    image = bytearray(path.read_bytes())
    roots = [page for page in range(1, len(image) // PAGE_BYTES) if image[page * PAGE_BYTES] == 5]
    assert roots
    for page in roots:
        image[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = bytes(PAGE_BYTES)
    path.write_bytes(image)
    with opened(path) as spool:
        now = spool.stats()
        assert (now.pending, now.dropped_total) == (before.pending, 0)
        adds_up(spool)
    assert sums(path) == whole


def test_r8_runs_and_versions_keep_apart(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db", max_bytes=6000) as spool:
        for minute in range(0, 300, 2):
            spool.append(
                [zone_body(minute), zone_body(minute + 1, zone_version="0" * 16), parking_body(minute)]
            )
        assert spool.stats().merged_total > 300
        versions = Counter[str]()
        for seen in waiting(tmp_path / "spool.db"):
            record = parse_record(json.loads(seen.payload))
            versions[getattr(record, "zone_version", "")] += 1
        assert len(versions) == 2
        adds_up(spool)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_r7_a_file_of_an_older_format_loses_nothing(tmp_path: Path, version: int) -> None:
    path = tmp_path / "spool.db"
    made = [zone_body(minute, zone) for minute in range(40) for zone in ("lawn", "path")]
    bodies = [
        config(),
        *made,
        *(parking_body(n) for n in range(20)),
        *(gate_body(n) for n in range(20)),
        health(1),
    ]
    records = [stamp(body, device="box", run=RUN, seq=number) for number, body in enumerate(bodies)]
    old_file(path, version, records)
    with opened(path) as spool:
        assert [(seen.key, seen.payload) for seen in waiting(path)] == [
            (record.key, canonical(record)) for record in records
        ]
        now = spool.stats()
        assert (now.pending, now.closed_total, now.dropped_total, now.oldest_at) == (122, 122, 0, 1000.5)
        adds_up(spool)
        assert spool.peek(3)[0].key == records[0].key
        assert spool.append([zone_body(999)]) == [f"box/{RUN}/{len(records)}"]
        spool.settle([item.key for item in spool.peek()], {})
        assert spool.stats().pending == 0
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA page_size").fetchone() == (1024,)


def fits(found: Month, days: float) -> None:
    assert found.records == round(days * 1440 * 9 + days * 24 * 2) + max(1, round(days))
    assert (found.dropped, found.merged) == (0, 0)
    assert found.delivered == found.records
    assert found.request_rate <= 2.0
    assert found.file_mb * MONTH_DAYS / days <= 64
    assert found.seconds * MONTH_DAYS / days <= 600


def test_r7_a_quarter_of_a_day_foretells_a_month(tmp_path: Path) -> None:
    fits(measure(tmp_path, 0.25, 8), 0.25)


@pytest.mark.nightly
def test_r7_a_month_offline_fits_and_drains_in_ten_minutes(tmp_path: Path) -> None:
    fits(measure(tmp_path, MONTH_DAYS, 8), MONTH_DAYS)
