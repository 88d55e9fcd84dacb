"""The last minute: what the spool holds, what a recording gives, or nothing; never an example."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path

import pytest

from contract.batch import pack, parse_record
from edge.config import load_config
from edge.errors import CameraError
from parvis.privacy.documents import facts, render
from parvis.privacy.minute import Minute, is_recording, last_minute
from parvis.privacy.operator_file import Operator
from parvis.privacy.site import site_of
from tests.edge import media
from tests.front_door import box_file as tiny_box
from tests.parvis import privacy_world as world


def quiet(_: str, __: float) -> None:
    """No progress is shown here."""


def page(config: Path, minute: Minute, language: str = "en") -> str:
    known = facts(site_of(load_config(config)), Operator(), minute, world.NOW)
    return render("box-page", language, known, also=False).html


@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_is_shown_is_what_the_spool_holds_byte_by_byte(tmp_path: Path, language: str) -> None:
    config = world.box_file(tmp_path)
    payloads = world.filled_spool(tmp_path / "state")
    minute = last_minute(load_config(config), tmp_path, tmp_path / "state" / "spool.db", quiet)
    assert [record.payload for record in minute.records] == payloads
    assert [record.arrived for record in minute.records] == [True, False]
    html = page(config, minute, language)
    (exact,) = re.findall(r'<pre id="exact"[^>]*>(.*?)</pre>', html, re.DOTALL)
    assert unescape(exact) == '{"records":[' + ",".join(payloads) + "]}"
    (readable,) = re.findall(r'<pre tabindex="0"[^>]*>(.*?)</pre>', html, re.DOTALL)
    decoder, text, shown = json.JSONDecoder(), unescape(readable).strip(), []
    while text:
        value, end = decoder.raw_decode(text)
        shown.append(value)
        text = text[end:].strip()
    assert shown == [json.loads(payload) for payload in payloads]
    assert f"{len(pack(payloads))} " in html.replace("\u202f", "")
    assert minute.digest in html


def test_the_size_is_that_of_the_uplinks_own_body(tmp_path: Path) -> None:
    config = world.box_file(tmp_path)
    payloads = world.filled_spool(tmp_path / "state")
    minute = last_minute(load_config(config), tmp_path, tmp_path / "state" / "spool.db", quiet)
    assert minute.sent_bytes == len(pack(payloads))
    assert minute.json_bytes == len(minute.body)
    assert minute.sent_bytes < minute.json_bytes


def test_a_longer_interval_is_shown_whole(tmp_path: Path) -> None:
    config = world.written(tmp_path, "box.yaml", world.BOX.replace("interval_s: 60", "interval_s: 300"))
    payloads = world.filled_spool(tmp_path / "state")
    minute = last_minute(load_config(config), tmp_path, tmp_path / "state" / "spool.db", quiet)
    assert minute.seconds == 300
    assert len(minute.records) == 4
    assert [record.payload for record in minute.records][-2:] == payloads


def test_a_live_camera_without_a_spool_has_nothing_to_show(tmp_path: Path) -> None:
    config = world.box_file(tmp_path)
    minute = last_minute(load_config(config), tmp_path, tmp_path / "state" / "spool.db", quiet)
    assert minute == Minute("nothing")
    html = page(config, minute)
    assert "There is none yet" in html
    assert "<pre" not in html
    assert not (tmp_path / "state").exists()


def test_a_recording_is_counted_for_its_first_minute(tmp_path: Path) -> None:
    media.video(tmp_path / "clip.mp4", 71 * 2, fps=2, noise=True)
    config = tiny_box(tmp_path)
    told: list[float] = []
    minute = last_minute(
        load_config(config), tmp_path, tmp_path / "state" / "spool.db", lambda _, share: told.append(share)
    )
    assert minute.source == "recording"
    records = [parse_record(json.loads(record.payload)) for record in minute.records]
    assert [record.seq for record in records] == list(range(len(records)))
    zones = [record for record in records if record.type == "parvis.zone.v1"]
    assert len(zones) == 6, "six intervals of 10 s, and not the eleven seconds after the minute"
    assert sum(zone.observed_s for zone in zones) == pytest.approx(60, abs=0.6)
    assert len({record.run for record in records}) == 1
    assert told == sorted(told)
    assert 0.9 < told[-1] < 1
    html = page(config, minute)
    assert "counted just now" in html
    assert "1 Jan 2026 00:00:00" in html


def test_a_recording_that_is_missing_is_an_error_and_no_empty_page(tmp_path: Path) -> None:
    config = load_config(tiny_box(tmp_path))
    with pytest.raises(CameraError):
        last_minute(config, tmp_path, tmp_path / "state" / "spool.db", quiet)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("clip.mp4", True),
        ("/srv/clip.mp4", True),
        ("./0", True),
        ("rtsp://u:p@h/s", False),
        ("/dev/video0", False),
        ("0", False),
        ("picamera:0", False),
        ("ffmpeg:-i rtsp://u:p@h/s", False),
    ],
)
def test_what_counts_as_a_recording(source: str, expected: bool) -> None:
    assert is_recording(source) == expected
