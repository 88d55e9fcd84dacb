"""The public page: exactly the figures of the public table, for anyone, in two languages."""

from __future__ import annotations

import html
import re

import pytest

from server.api.public import AT_ONCE
from server.pages.public import bars, newest_day
from server.publishing import NotPublished, Publisher
from server.settings import PublicSite
from tests.server.build import line, parking
from tests.server.test_pages import Page
from tests.server.test_public import DAY, END, FINAL, START, TABLE, people, quarter, zones_config

PAGE = "/public/square"


@pytest.fixture
def square(make_site):
    site = make_site(
        public_sites=(PublicSite("square", ("box-a",)),),
        operator="Ville de Saint-Exemple",
        contact="dpo@example.fr",
    )
    site.clock.now = FINAL
    return site


def get(site, query="", language="en", status=200):
    answer = site.client().get(PAGE + query, headers={"Accept-Language": language})
    assert answer.status_code == status
    return re.sub(r"\s+", " ", html.unescape(answer.text))


def rows_of(text, number=0):
    """The cells of the hourly table of one place."""
    table = re.findall(r"<table>.*?</table>", text)[number]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>.*?</tr>", table)[1:]]


def fill(site):
    values = {36: (3, 0, 2), 37: (9, 7, 8), 38: (20, 30, 12), 39: (11, 0, 6), 44: (2, 1, 1), 48: (7, 9, 6)}
    site.post([zones_config(), *(people(n, *value) for n, value in values.items())])
    site.post([parking(400, START) | quarter(40, occupied_bay_s=3600.0, observed_bay_s=9000.0, bays=10)])
    site.post([line(500, START) | quarter(41)])


def test_every_figure_is_that_of_the_table_and_suppressed_as_it_is(square):
    fill(square)
    text = get(square)
    places = square.client().get(TABLE, params={"step": "3600", "day": DAY}).json()["places"]
    assert len(re.findall(r"<table>", text)) == sum(
        any(one["observed_s"] for one in place["bins"]) for place in places
    )
    shown = {"hidden": "withheld", None: "\N{EN DASH}"}
    number = 0
    for place in places:
        if not any(one["observed_s"] for one in place["bins"]):
            continue
        names = ("in", "out") if "line" in place else ("entries", "exits")
        names = ("arrivals", "departures") if place["kind"] == "parking" else names
        for one, row in zip(place["bins"], rows_of(text, number), strict=True):
            expected = [str(shown.get(one[name], one[name])) for name in names]
            assert row[-3:-1] == expected
        number += 1
    # A mean over an hour in which something is small is withheld, and a small count is no number anywhere.
    by_hour = {row[0]: row[1:5] for row in rows_of(text)}
    assert by_hour["09:00"] == ["withheld", "10", "withheld", "withheld"]
    assert by_hour["11:00"] == ["withheld", "<5", "<5", "<5"]
    assert by_hour["12:00"] == ["0.5", "5", "7", "9"]


def test_the_page_is_for_anyone_without_a_menu_and_in_two_languages(square):
    fill(square)
    for language, said in (("fr", "Comptages publics : square"), ("en", "Public counts: square")):
        text = get(square, language=language)
        page = Page(square.client().get(PAGE, headers={"Accept-Language": language}).text)
        assert said in text
        assert "Ville de Saint-Exemple" in text
        assert "dpo@example.fr" in text
        assert page.all("nav") == []
        assert page.all("html") == [{"lang": language}]
        assert all(attrs.get("src", "/").startswith("/static/") for attrs in page.all("img"))
        assert page.all("script") == []
        for step in ("day", "3600", "900"):
            assert f"/public/v1/sites/square/table.csv?step={step}&day={DAY}" in text


def test_the_downloads_of_the_page_exist(square):
    fill(square)
    page = Page(square.client().get(PAGE).text)
    links = [a["href"] for a in page.all("a") if "/public/v1/" in (a.get("href") or "")]
    assert len(links) == 6
    assert all(square.client().get(link).status_code == 200 for link in links)


def test_what_nothing_observed_is_a_gap_and_never_a_zero(square):
    fill(square)
    text = get(square)
    assert rows_of(text)[0][-3:] == ["\N{EN DASH}", "\N{EN DASH}", "0%"]
    assert 'class="gap" x="0"' in text


def test_marks_have_a_height_that_tells_no_value():
    bins = [
        {"entries": "small", "exits": "hidden"},
        {"entries": 5, "exits": 50},
        {"entries": None, "exits": None},
        {"entries": 0, "exits": "small"},
    ]
    found, top = bars(bins, "zone")
    assert top == 50
    assert {bar.height for bar in found if bar.look in {"small", "withheld"}} == {3.6}
    assert [bar.look for bar in found] == ["small", "withheld", "in", "out", "gap", "in", "small"]


@pytest.mark.parametrize(
    ("now", "query", "said"),
    [
        (FINAL - 1, f"?day={DAY}", "will appear on"),
        (FINAL, "?day=2026-11-30", "will appear on"),
        (END + 40 * 86400, f"?day={DAY}", "Nobody asked for this day"),
        (FINAL, "?day=2026-11-20", "Nothing was observed that day: there are no figures"),
    ],
)
def test_a_day_without_a_table_says_why(square, now, query, said):
    fill(square)
    square.clock.now = now
    assert said in get(square, query)


def test_a_published_day_stays_when_records_come_late(square):
    fill(square)
    first = get(square)
    square.post([people(50, 40, 40, 9)])
    assert get(square) == first
    square.clock.now = FINAL + 40 * 86400
    assert rows_of(get(square, f"?day={DAY}")) == rows_of(first)


@pytest.mark.parametrize("day", ["x", "2026-13-01", "20261121", "1970-01-01", "9999-12-31", "<script>"])
def test_a_day_that_cannot_be_read_is_told_beside_the_newest_one(square, day):
    fill(square)
    text = get(square, f"?day={day}", status=400)
    assert "This day cannot be read" in text
    assert "Entries upwards" in text
    assert "<script>" not in text


def test_a_site_that_is_not_public_does_not_exist(square):
    for name in ("other", "box-a", "v1"):
        answer = square.client("administrator").get(f"/public/{name}")
        assert answer.status_code == 404
        assert "text/html" in answer.headers["content-type"]


def test_the_newest_day_is_the_last_that_is_final(square):
    settings = square.app.state.settings
    assert newest_day(settings, FINAL).isoformat() == DAY
    assert newest_day(settings, FINAL - 1).isoformat() == "2026-11-20"


def test_hours_told_by_two_boxes_are_not_public(square):
    fill(square)
    square.post([people(38, 20, 30, 12) | {"seq": 900, "run": "f" * 16, "observed_s": 700.0}])
    nine = next(row for row in rows_of(get(square)) if row[0] == "09:00")
    assert nine[-1] == "75%"
    assert "43" not in nine
    [person] = [
        one
        for one in square.client().get(TABLE, params={"step": "900", "day": DAY}).json()["places"]
        if (one.get("zone"), one["class"]) == ("lawn", "person")
    ]
    assert [one["observed_s"] for one in person["bins"][36:40]] == [900.0, 900.0, 0.0, 900.0]
    assert person["bins"][38]["entries"] is None


def test_too_many_at_once_are_sent_away(square, monkeypatch):
    fill(square)
    inside = []

    def nested(*_):
        """While one is answered, another one asks."""
        inside.append(square.client().get(PAGE))
        raise NotPublished("no")

    monkeypatch.setattr(Publisher, "document", nested)
    assert square.client().get(PAGE).status_code == 200
    assert [answer.status_code for answer in inside] == [503] + [200] * (AT_ONCE - 1)


def test_without_an_operator_the_page_says_whom_to_ask(make_site):
    site = make_site(public_sites=(PublicSite("square", ("box-a",)),))
    site.clock.now = FINAL
    assert "Ask the town hall" in get(site)
