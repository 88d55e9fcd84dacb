"""Pages for people: two languages, tables under charts, nothing that a name or a query could inject."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from server.pages.figures import csv_cell
from tests.server.build import NOON, config, health, line, parking, zone, zone_config

SERVER = Path(__file__).parents[2] / "server"
VOID = {"meta", "link", "input", "img", "br", "hr"}


class Page(HTMLParser):
    """Every element with its attributes; complains about tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture
def fed(site):
    zones = [
        zone_config("lawn", purpose="statistics", classes=["person", "bicycle"], capacity=20),
        zone_config("p1", "parking", purpose="operational", capacity=10),
    ]
    site.post([config(0, NOON - 7200, zones), health(1, NOON - 30)])
    dark = {"flag_s": {"dark": 30.0}}
    for n in range(30):
        more = dark if n == 3 else {}
        site.post([zone(100 + n, NOON - 7200 + 60 * n, **more), parking(200 + n, NOON - 7200 + 60 * n)])
    site.post([line(300, NOON - 7200), zone(400, NOON + 86400)])
    return site


PATHS = [
    "/",
    "/zones/box-a/north/lawn",
    "/zones/box-a/north/p1",
    "/lines/box-a/north/gate",
    "/zones/box-a/north/lawn/week",
    "/zones/box-a/north/p1/week",
    "/lines/box-a/north/gate/week",
    "/zones/box-a/north/lawn?span=week",
    "/zones/box-a/north/lawn/forecast",
    "/lines/box-a/north/gate/forecast",
    "/zones/box-a/north/p1/parking",
    "/compare",
    "/compare/places",
    "/ranking",
    "/definitions",
    "/devices",
    "/quarantine",
    "/audit",
    "/notices",
    "/fleet",
    "/fleet/box-a",
    "/quality",
    "/cameras/box-a/north/presence",
    "/provenance/zones/box-a/north/lawn",
    "/provenance/lines/box-a/north/gate",
    "/nowhere",
]


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_whole_and_accessible_and_loads_nothing_from_elsewhere(fed, path, language):
    client = fed.client("administrator")
    text = client.get(path, headers={"Accept-Language": language}).text
    page = Page(text)
    assert page.all("html") == [{"lang": language}]
    assert len(page.all("h1")) == 1
    assert {"class": "skip", "href": "#content"} in page.all("a")
    assert all(
        "style" not in attrs and not any(a.startswith("on") for a in attrs) for _, attrs in page.elements
    )
    assert page.all("style") == []
    assert all(attrs.get("src") for attrs in page.all("script"))
    for attrs in (attrs for _, attrs in page.elements):
        for name in ("src", "href", "action"):
            assert (attrs.get(name) or "/").startswith(("/", "#")), attrs
    for attrs in page.all("input") + page.all("select"):
        if attrs.get("type") != "hidden":
            assert f'for="{attrs["id"]}"' in text
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert all(attrs.get("scope") in {"col", "row"} for attrs in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("alt" in attrs for attrs in page.all("img"))


def test_every_chart_has_a_text_and_a_table_under_it(fed):
    text = fed.client("viewer").get("/zones/box-a/north/lawn").text
    page = Page(text)
    figures = page.all("figure")
    assert [f["data-chart"] for f in figures] == ["occupancy", "moves"]
    tables = {attrs["id"] for attrs in page.all("table")}
    assert {f["data-table"] for f in figures} == tables
    plots = [attrs for attrs in page.all("div") if attrs.get("role") == "img"]
    assert len(plots) == 2
    assert all("2,0" in p["aria-label"] and "couverture" in p["aria-label"] for p in plots)
    assert "sombre 30" in text


def test_a_zone_page_shows_numbers_as_the_language_writes_them(fed):
    client = fed.client("viewer")
    assert ">2,0<" in client.get("/zones/box-a/north/lawn", headers={"Accept-Language": "fr"}).text
    assert ">2.0<" in client.get("/zones/box-a/north/lawn", headers={"Accept-Language": "en"}).text


def test_the_language_is_chosen_by_cookie_then_browser_then_french(fed):
    client = fed.client()
    assert 'lang="fr"' in client.get("/login").text
    assert client.get("/language/en?next=/login").headers["location"] == "/login"
    assert '<html lang="en">' in client.get("/login", headers={"Accept-Language": "fr"}).text


CORPUS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{ 71 * 73 }}",
    "=1+1",
    "+1",
    "@SUM(A1)",
    "\r\nSet-Cookie: a=b",
    "\x00",
    "\u202egnp.exe",
    "x" * 65536,
    "../../etc/passwd",
    '/"><script>alert(1)</script>',
    "é",
]


@pytest.mark.parametrize("text", CORPUS)
def test_no_name_that_could_inject_anything_gets_in(site, text):
    for field in ("zone", "camera", "device", "run", "zone_version"):
        answer = site.post([zone(1, NOON - 7200, **{field: text})]).json()
        assert answer["accepted"] == []
        assert len(answer["rejected"][0]["reason"]) <= 500
    assert site.store.records.count() == 0


@pytest.mark.parametrize("text", CORPUS)
def test_no_query_and_no_form_comes_back_as_markup(fed, text):
    text = text[:2000]
    client = fed.client("administrator")
    for path in PATHS:
        for name in ("from", "to", "step", "class", "next", "q"):
            answer = client.get(path, params={name: text})
            page = Page(answer.text)
            assert all(
                attrs.get("src", "/").startswith("/") for attrs in page.all("script") + page.all("img")
            )
            assert "set-cookie" not in answer.headers
            assert "5183" not in answer.text.split("<main")[1] or "{{" not in text
    stranger = fed.client()
    Page(stranger.get("/login", params={"next": text}).text)
    assert "<script>alert" not in stranger.get("/login", params={"next": text}).text
    csrf = re.search(r'name="csrf" value="([^"]+)"', stranger.get("/login").text).group(1)
    answer = stranger.post("/login", data={"name": text, "password": text, "next": text, "csrf": csrf})
    Page(answer.text)
    assert "<script>alert" not in answer.text
    Page(client.get("/audit").text)
    assert all(entry.subject == "(invalid)" for entry in fed.store.accounts.audit(1))


def test_a_csv_reads_back_as_it_was_meant(fed):
    answer = fed.client("viewer").get("/zones/box-a/north/p1/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert len(rows) == 30
    assert float(rows[0]["mean_occupied_bays"]) == 4.0
    assert rows[0]["peak"] == "5"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (None, ""),
        (0, "0"),
        (-3, "-3"),
        (-0.5, "-0.5"),
        ("=1+1", "'=1+1"),
        ("-1", "'-1"),
        ("@a", "'@a"),
        ("\ta", "'\ta"),
        ('say "x", y', '"say ""x"", y"'),
        ("\r=1", '"\'\r=1"'),
        ("plain", "plain"),
    ],
)
def test_csv_text_is_never_a_formula_and_numbers_stay_numbers(cell, expected):
    assert csv_cell(cell) == expected


def test_an_hour_that_occurs_twice_is_told_apart(site):
    back = 1_792_886_400 - 3600  # 2026-10-25T00:00Z minus an hour; clocks go back at 01:00Z
    site.clock.now = back + 6 * 3600
    site.post([zone(n, back + 900 * n, interval_s=900, observed_s=900.0) for n in range(16)])
    page = site.client("viewer").get("/zones/box-a/north/lawn").text
    assert "02:00 (UTC+2)" in page
    assert "02:00 (UTC+1)" in page


def test_static_files_are_kept_for_ever_and_renamed_when_they_change(site):
    page = site.client().get("/login").text
    link = re.search(r'href="(/static/app.css\?v=[0-9a-f]{12})"', page).group(1)
    answer = site.client().get(link)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "leeoniya" in site.client().get("/static/uPlot.iife.min.js").text[:200]
    assert "MIT License" in site.client().get("/static/uPlot.LICENSE.txt").text


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_keeps_a_contrast_of_four_and_a_half_in_light_and_dark():
    sheet = (SERVER / "static" / "app.css").read_text()
    schemes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in sheet.split("@media", 1)]
    schemes[1] = dict(
        re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", sheet.split("prefers-color-scheme: dark")[1])
    )
    pairs = [
        *(
            (text, ground)
            for text in ("ink", "soft", "accent", "bad")
            for ground in ("ground", "panel", "sunk")
        ),
        ("on-accent", "accent"),
        ("warn-ink", "warn-ground"),
    ]
    graphics = [(name, "panel") for name in ("mean", "peak", "in", "out", "cover", "edge")]
    for scheme in schemes:
        for least, group in ((4.5, pairs), (3.0, graphics)):
            for one, other in group:
                light, dark = sorted((_luminance(scheme[one]), _luminance(scheme[other])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= least, (one, other)


@pytest.mark.parametrize(
    ("language", "said"), [("fr", ("en panne", "caméra perdue")), ("en", ("failing", "camera lost"))]
)
def test_the_verdict_of_a_box_is_shown_with_its_reasons(fed, language, said):
    client = fed.client("technician")
    assert said[0] not in client.get("/devices", headers={"Accept-Language": language}).text
    worse = {
        "verdict": "failing",
        "reasons": ["camera_lost", "hot"],
        "flags": ["frozen"],
        "spool_dropped": 7,
        "uptime_s": 90.0,
    }
    fed.post([health(2, NOON - 10, **worse)])
    text = client.get("/devices", headers={"Accept-Language": language}).text
    assert all(word in text for word in said)
    assert 'class="bad">7 / ' in text
