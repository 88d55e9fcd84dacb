"""A plan is a picture by its content, or it is refused with the rule and what was found."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.pictures import MOST_BYTES, read_picture
from server.sites import SiteError
from tests.server.plans import chunk, jpeg, png, segment

CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def refused(data: bytes) -> SiteError:
    with pytest.raises(SiteError) as caught:
        read_picture(data)
    return caught.value


@pytest.mark.parametrize(
    ("data", "kind"),
    [(png(), "image/png"), (jpeg(), "image/jpeg"), (jpeg(frame=0xC2), "image/jpeg")],
)
def test_a_picture_is_known_by_its_content(data, kind):
    found = read_picture(data)
    assert (found.media_type, found.width, found.height) == (kind, 120, 80)
    assert found.content == data


def test_what_draws_nothing_is_dropped():
    secret = b"taken at 48.85 N 2.35 E"
    text = chunk(b"tEXt", b"Comment\0" + secret) + chunk(b"eXIf", secret)
    assert read_picture(png(more=text)).content == png()
    notes = segment(0xE1, b"Exif\0\0" + secret) + segment(0xFE, secret)
    assert read_picture(jpeg(more=notes)).content == jpeg()


def test_nothing_hides_behind_the_end():
    for whole in (png(), jpeg()):
        assert read_picture(whole + b"<script>alert(1)</script>").content == whole


@pytest.mark.parametrize(
    ("data", "rule", "found"),
    [
        (b"", "plan_empty", ""),
        (b"%PDF-1.7 ...", "plan_type", "PDF"),
        (b"GIF89a", "plan_type", "GIF"),
        (b"  <svg xmlns=", "plan_type", "SVG"),
        (b"<!DOCTYPE html><script>", "plan_type", "HTML"),
        (b"RIFF....WEBP", "plan_type", "WebP"),
        (b"just text", "plan_type", "text"),
        (b"\0\1\2\xff", "plan_type", "00 01 02 ff"),
        (b"\x89PNG\r\n\x1a\n", "plan_damaged", "the end after 8 bytes"),
        (b"\xff\xd8\xff", "plan_damaged", "byte 2"),
        (png(20_000, 100), "plan_size", "20000 x 100"),
        (png(9_000, 9_000), "plan_size", "9000 x 9000"),
        (png(4, 4), "plan_size", "4 x 4"),
        (jpeg(0, 80), "plan_size", "0 x 80"),
        (jpeg(60_000, 60_000), "plan_size", "60000 x 60000"),
        (png(more=chunk(b"EVIL", b"")), "plan_damaged", "EVIL"),
        (png().replace(b"IDAT", b"zDAT"), "plan_damaged", "check sum"),
        (jpeg(frame=0xC3), "plan_damaged", "FFC3"),
        (png() + bytes(MOST_BYTES), "plan_large", str(len(png()) + MOST_BYTES)),
    ],
)
def test_what_is_no_plan_is_refused_with_rule_and_finding(data, rule, found):
    error = refused(data)
    assert error.rule == rule
    assert found in error.found
    assert found in str(error)


def test_a_bomb_is_refused_by_its_header_before_anything_unfolds():
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0))
    assert refused(bomb).rule == "plan_size"


@CALM
@given(st.sampled_from([png(), jpeg()]), st.integers(0, 400), st.binary(min_size=1, max_size=6))
def test_any_damage_is_refused_or_harmless(whole, at, junk):
    data = whole[:at] + junk + whole[at + len(junk) :]
    try:
        found = read_picture(data)
    except SiteError:
        return
    assert found.media_type in {"image/png", "image/jpeg"}
    assert len(found.content) <= len(data) + 2


@CALM
@given(st.sampled_from([png(), jpeg()]), st.integers(0, 400))
def test_a_picture_cut_short_never_passes_as_png(whole, at):
    if at < len(whole) - (2 if whole[0] == 0xFF else 0):
        try:
            read_picture(whole[:at])
        except SiteError:
            return
        pytest.fail("a part passed for the whole")
