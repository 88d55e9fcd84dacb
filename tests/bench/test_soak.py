"""The soak of R38: what it would find, on made-up samples; and a short one for real each night."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.soak.figures import (
    CLEARED_S,
    Grid,
    Result,
    Said,
    Spell,
    Stored,
    grid,
    lies,
    slope_per_hour,
    thirds,
)
from bench.soak.plan import Fault

ROOT = Path(__file__).parents[2]


def nothing() -> None:
    """A fault of the tests does nothing."""


def fault(told_s: float = 30.0) -> Fault:
    return Fault("camera gone", nothing, nothing, frozenset({"camera_lost"}), told_s, blind=True)


def said(**reasons: range) -> list[Said]:
    """A word each 2 s; each reason is told within its range of seconds."""
    return [
        Said(at, frozenset(name for name, when in reasons.items() if at in when)) for at in range(0, 600, 2)
    ]


def test_health_that_tells_the_truth_told_no_lie() -> None:
    told = said(starting=range(60), camera_lost=range(230, 300))
    assert lies([Spell(fault(), 200, 275)], told) == []


def test_a_fault_that_is_passed_over_made_up_or_kept_is_a_lie() -> None:
    spell = Spell(fault(), 200, 275)
    assert lies([spell], said()) == ["camera gone at 200 s: not told within 75 s"]
    assert lies([Spell(fault(told_s=80), 200, 275)], said()) == [], "it did not last long enough to be told"
    kept = said(camera_lost=range(230, 281 + round(CLEARED_S)))
    assert lies([spell], kept) == ["camera_lost said after camera gone, 3 times"]
    assert lies([], said(disk_full=range(100, 104))) == ["disk_full said after the start, 2 times"]
    assert lies([], said(starting=range(200, 204))) == ["starting said after the start, 2 times"]


def row(start: float, place: str = "gate", observed: float = 10.0) -> Stored:
    return Stored(place, start, 10.0, observed, 10.0 - observed)


def test_intervals_that_lie_side_by_side_are_right() -> None:
    rows = [row(start, place) for place in ("gate", "path") for start in (20, 0, 10)]
    assert grid(rows, []) == Grid(intervals=6)


def test_a_hole_an_overlap_and_a_count_without_a_picture_are_seen() -> None:
    found = grid([row(0), row(20), row(25), row(40, observed=0.0)], blind=[(18, 31), (39, 60)])
    assert (found.intervals, found.holes, found.overlaps, found.false) == (4, 2, 1, 1)
    assert found.lost_s == 10


def test_a_slope_is_found_under_noise_and_outliers() -> None:
    level = [(float(at), 200.0 + at % 7) for at in range(0, 3600, 10)]
    assert abs(slope_per_hour(level) or 0) < 0.2
    rising = [(at, value + at / 3600 * 5 + (300 if at % 400 == 0 else 0)) for at, value in level]
    assert slope_per_hour(rising) == pytest.approx(5, abs=0.3)
    assert slope_per_hour(level[:2]) is None
    assert thirds(level[:3]) == (200, 206)


def result(**other: Any) -> Result:
    zero = [
        "waiting",
        "missing",
        "rejected",
        "dropped",
        "merged",
        "quarantined",
        "out_of_row",
        "silent",
        "exit_code",
    ]
    pairs = ["rss_mb", "capture_rss_mb", "server_rss_mb", "files", "threads"]
    values: dict[str, Any] = {**dict.fromkeys(zero, 0), **dict.fromkeys(pairs, (10.0, 10.0))}
    values |= {
        "minutes": 90.0,
        "judged_minutes": 60.0,
        "faults": {},
        "left_out": [],
        "closed": 9,
        "stored": 9,
    }
    values |= {"grid": Grid(intervals=9), "lies": [], "drained_s": 0.0, "rss_mb_per_hour": 0.5}
    return Result(**(values | {"spool_mb": 1.0, "wal_mb": 1.0, "cpu_percent": 9.0} | other))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, []),
        ({"missing": 2}, ["missing: 2"]),
        ({"grid": Grid(intervals=9, overlaps=1)}, ["overlaps: 1"]),
        ({"grid": Grid()}, ["no interval was stored: this proved nothing"]),
        ({"rss_mb": (200.0, 211.0)}, ["memory grew from 200 to 211 MB"]),
        ({"rss_mb_per_hour": 1.5}, ["memory grows by 1.5 MB an hour"]),
        ({"rss_mb_per_hour": 1.5, "judged_minutes": 20.0}, []),
        ({"files": (12.0, 15.0)}, ["files grew from 12 to 15"]),
        ({"threads": (7.0, 9.0)}, ["threads grew from 7 to 9"]),
        ({"wal_mb": 17.0}, ["the WAL grew to 17.0 MB"]),
        ({"lies": ["it lied"]}, ["it lied"]),
    ],
)  # fmt: skip
def test_what_breaks_a_promise_is_named(other: dict[str, Any], words: list[str]) -> None:
    assert result(**other).wrong == words


@pytest.mark.nightly
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is absent: apt install ffmpeg")
def test_r38_a_short_soak_loses_nothing_and_tells_the_truth(tmp_path: Path) -> None:
    """Each fault once but the long outage; `python -m bench.soak --minutes 480` is the whole night."""
    command = [
        sys.executable,
        "-m",
        "bench.soak",
        "--minutes",
        "25",
        "--keep",
        str(tmp_path / "soak"),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, found["wrong"]
    assert {"camera gone", "camera mute", "server killed", "answers of 500", "answers lost"} <= set(
        found["faults"]
    )
    assert found["grid"]["lost_s"] > 60, "the camera was away twice"
