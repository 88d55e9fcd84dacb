"""The verdict: healthy means delivering, each reason has its remedy, and no wall clock has a say."""

from __future__ import annotations

import inspect
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.names import Flag, HealthReason
from edge import pulse, vital_signs, vitals
from edge.remedies import REMEDIES, length
from edge.spool import Spool
from edge.station import _Timing
from edge.vitals import (
    VERDICTS,
    Backlog,
    CameraVitals,
    Trouble,
    Vitals,
    close_limit_s,
    delivery_limit_s,
    frame_limit_s,
    judge,
    summary,
)

NOW = 10_000.0
LIVE = CameraVitals("north", "live", 5.0, 12, 0, frame_at=NOW - 0.2, looked_at=NOW - 0.1)
WELL = Vitals(
    at=NOW - 1,
    began=0.0,
    interval_s=60,
    cameras=(LIVE,),
    with_server=True,
    backlog=Backlog(pending=2, age_s=5.0),
    closed_at=NOW - 40,
    delivered_at=NOW - 38,
    disk_free_mb=9000,
    temperature_c=50.0,
    throttled=False,
    clock="synced",
)


def camera(**changes: object) -> Vitals:
    return replace(WELL, cameras=(replace(LIVE, **changes),))


def spool(**changes: object) -> Vitals:
    return replace(WELL, backlog=replace(WELL.backlog, **changes))


def test_a_box_that_delivers_is_healthy() -> None:
    assert judge(WELL, NOW).verdict == "healthy"
    assert summary(judge(WELL, NOW)) == "healthy"


CASES: list[tuple[Vitals, str, HealthReason]] = [
    (replace(WELL, at=NOW - 31), "failing", "loop_stalled"),
    (camera(frame_at=NOW - 31), "failing", "camera_lost"),
    (camera(frame_at=None), "failing", "camera_lost"),
    (camera(state="ended", frame_at=NOW - 900), "degraded", "camera_ended"),
    (camera(looked_at=NOW - 61), "failing", "inference_stalled"),
    (camera(coming_at=NOW - 62, looked_at=NOW - 61), "failing", "inference_stalled"),
    (camera(flags=frozenset({"frozen"})), "failing", "picture_blind"),
    (camera(flags=frozenset({"moved"})), "failing", "picture_blind"),
    (camera(flags=frozenset({"covered"})), "failing", "picture_blind"),
    (camera(flags=frozenset({"dark"})), "degraded", "picture_poor"),
    (camera(flags=frozenset({"degraded"})), "degraded", "picture_poor"),
    (replace(WELL, closed_at=NOW - 151), "failing", "nothing_closed"),
    (replace(WELL, closed_at=None, began=NOW - 60), "degraded", "starting"),
    (replace(WELL, delivered_at=NOW - 391), "failing", "not_delivering"),
    (replace(WELL, delivered_at=None, began=NOW - 60), "degraded", "starting"),
    (replace(WELL, delivered_at=None), "failing", "not_delivering"),
    (spool(degraded=True, held=7), "failing", "disk_refuses"),
    (spool(age_s=1000.0), "degraded", "backlog"),
    (spool(refused_at=NOW - 60), "degraded", "records_refused"),
    (spool(dropped_at=NOW - 60), "degraded", "records_dropped"),
    (spool(merged_at=NOW - 60), "degraded", "records_merged"),
    (replace(WELL, disk_free_mb=49), "failing", "disk_full"),
    (replace(WELL, disk_free_mb=499), "degraded", "disk_low"),
    (replace(WELL, clock="unsynced"), "degraded", "clock_unsynced"),
    (replace(WELL, temperature_c=80.0), "degraded", "hot"),
    (replace(WELL, throttled=True), "degraded", "throttled"),
]


@pytest.mark.parametrize(("state", "verdict", "reason"), CASES, ids=[case[2] for case in CASES])
def test_each_fault_alone_is_told(state: Vitals, verdict: str, reason: HealthReason) -> None:
    found = judge(state, NOW)
    assert (found.verdict, found.reasons) == (verdict, (reason,))
    assert found.troubles[0].remedy.startswith(REMEDIES[reason])


def test_every_reason_can_happen_and_has_a_remedy() -> None:
    assert {reason for *_, reason in CASES} == set(get_args(HealthReason)) == set(REMEDIES)


NEARLY = [
    replace(WELL, at=NOW - 30),
    camera(frame_at=NOW - 30, looked_at=NOW - 30),
    # Back after an outage, and its first picture is being looked at.
    camera(frame_at=NOW - 1, coming_at=NOW - 1, looked_at=NOW - 99),
    replace(WELL, closed_at=NOW - 150),
    replace(WELL, delivered_at=NOW - 390),
    spool(age_s=890.0),
    spool(refused_at=NOW - 3600, dropped_at=NOW - 3600, merged_at=NOW - 3600),
    replace(WELL, disk_free_mb=500, temperature_c=79.9),
    replace(WELL, disk_free_mb=None, temperature_c=None, throttled=None, clock=None, backlog=None),
]


@pytest.mark.parametrize("state", NEARLY)
def test_within_its_limits_a_box_is_healthy(state: Vitals) -> None:
    assert judge(state, NOW).verdict == "healthy"


def test_without_a_server_the_spool_is_the_destination() -> None:
    alone = replace(WELL, with_server=False, delivered_at=None, backlog=Backlog(pending=40_000, age_s=1e6))
    assert judge(alone, NOW).verdict == "healthy"
    assert judge(replace(alone, closed_at=None), NOW).reasons == ("nothing_closed",)


def test_a_process_that_is_merely_up_is_not_healthy() -> None:
    up = Vitals(at=NOW, began=0.0, interval_s=60, cameras=(replace(LIVE, frame_at=None),), with_server=True)
    assert judge(up, NOW).verdict == "failing"


def test_the_uplinks_excuse_is_told() -> None:
    said = judge(replace(WELL, delivered_at=None, excuse="the server refused this box's token"), NOW)
    assert "refused this box's token" in said.troubles[0].remedy


def test_limits_follow_the_configuration() -> None:
    assert frame_limit_s(10) == 30
    assert frame_limit_s(0.05) == pytest.approx(60)
    assert close_limit_s(900) == 990
    assert delivery_limit_s(900) == 1230
    slow = replace(WELL, interval_s=900, closed_at=NOW - 980, delivered_at=NOW - 1220)
    assert judge(slow, NOW).verdict == "healthy"


def test_one_cameras_record_leaves_out_the_others_reasons() -> None:
    south = replace(LIVE, camera="south", frame_at=NOW - 100)
    found = judge(replace(WELL, cameras=(LIVE, south), clock="unsynced"), NOW)
    assert found.reasons == ("camera_lost", "clock_unsynced")
    assert found.of("north").reasons == ("clock_unsynced",)
    assert found.of("north").verdict == "degraded"
    assert found.of("south").verdict == "failing"


@given(st.sets(st.sampled_from(range(len(CASES))), min_size=1, max_size=4))
def test_no_fault_hides_a_worse_one(chosen: set[int]) -> None:
    """Faults of different fields together: each is still told, and the verdict is the worst of them."""
    merged, told = WELL, []
    for state, verdict, reason in (CASES[number] for number in sorted(chosen)):
        names = [f.name for f in fields(Vitals) if getattr(state, f.name) != getattr(WELL, f.name)]
        if "began" in names or any(getattr(merged, name) != getattr(WELL, name) for name in names):
            continue
        merged = replace(merged, **{name: getattr(state, name) for name in names})
        told.append((verdict, reason))
    found = judge(merged, NOW)
    assert {reason for _, reason in told} <= set(found.reasons)
    assert found.verdict == max((verdict for verdict, _ in told), key=VERDICTS.index, default="healthy")


@given(st.floats(-3.2e8, 3.2e8))
def test_r14_only_differences_of_moments_count(shift: float) -> None:
    moved = replace(
        WELL,
        at=WELL.at + shift,
        began=WELL.began + shift,
        closed_at=WELL.closed_at + shift,
        delivered_at=WELL.delivered_at + shift,
        cameras=(replace(LIVE, frame_at=LIVE.frame_at + shift, looked_at=LIVE.looked_at + shift),),
    )
    assert judge(moved, NOW + shift).verdict == "healthy"
    assert judge(moved, NOW + 1000 + shift).verdict == "failing"


def test_r14_the_verdict_and_the_pulse_know_no_clock() -> None:
    for module in (vitals, pulse):
        source = inspect.getsource(module)
        assert "import time" not in source
        assert "datetime" not in source


@pytest.mark.parametrize("flag", get_args(Flag))
def test_every_flag_but_lost_is_told_as_a_fault_of_the_picture(flag: Flag) -> None:
    found = judge(camera(flags=frozenset({flag})), NOW)
    assert bool(found.troubles) == (flag != "lost")  # a lost camera tells by its silence


def test_lengths_and_summaries_are_short() -> None:
    assert [length(s) for s in (0, 119, 120, 7199, 7200, 172_800)] == [
        "0 s",
        "119 s",
        "2 min",
        "120 min",
        "2 h",
        "2 days",
    ]
    many = vitals.Judgement(tuple(Trouble("hot", "degraded", f"fault {n}") for n in range(5)))
    assert summary(many) == "degraded: fault 0; fault 1; fault 2; and 2 more"


def test_pictures_that_come_back_begin_anew_and_a_short_gap_does_not() -> None:
    timing = _Timing()
    for at, since in ((100.0, 100.0), (101.0, 100.0), (131.0, 100.0), (162.0, 162.0), (163.0, 162.0)):
        timing.frame(at, gap_s=30.0)
        assert (timing.frame_at, timing.coming_at) == (at, since)


def test_r14_a_clock_that_is_set_forward_makes_no_record_older(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path / "spool.db", device="box-a", run="0" * 16)
    stats = replace(spool.stats(), pending=1, oldest_at=1000.0)
    spool.close()
    monkeypatch.setattr(vital_signs.time, "time", lambda: 1005.0)
    first = vital_signs.backlog(stats, None, 50.0)
    assert (
        first.age_s == 5.0
    )  # before anything is known the wall clock tells it: a queue may be older than this boot
    monkeypatch.setattr(vital_signs.time, "time", lambda: 1007.0 + 86400)
    second = vital_signs.backlog(stats, first, 57.0)
    assert second.age_s == 12.0
    assert vital_signs.backlog(replace(stats, oldest_at=None), second, 58.0).age_s is None
    none = vital_signs.backlog(replace(stats, oldest_at=None), None, 60.0)
    assert vital_signs.backlog(stats, none, 63.0).age_s == 3.0
    monkeypatch.setattr(vital_signs.time, "time", lambda: 1001.0)
    assert vital_signs.backlog(stats, first, 90.0).age_s == 1.0
