"""The Web feed against the rules of RFC 4287, and who may read it."""

from __future__ import annotations

import re
from datetime import datetime
from xml.etree import ElementTree as ET

import pytest

from server import atom
from server.credentials import token_hash
from server.pages.feeds import SHOWN
from server.sites import PlaceDetail, Site
from server.store.crew_base import FeedKey
from tests.server.build import NOON
from tests.server.crew import AUDIT
from tests.server.test_notice_store import case, deliver, desk, move

__all__ = ["desk"]
A = "{http://www.w3.org/2005/Atom}"
KEY = "pvf_secret"
TAG = re.compile(r"tag:[A-Za-z0-9.-]+,[0-9]{4}(-[0-9]{2}){0,2}:[A-Za-z0-9._~/:-]+")
# RFC 4287, 4.1.1 and 4.1.2: which elements there may be, and how often at the most.
FEED = {"author": 9, "category": 9, "contributor": 9, "generator": 1, "icon": 1, "id": 1, "link": 9, "logo": 1, "rights": 1,
        "subtitle": 1, "title": 1, "updated": 1, "entry": 1000}  # fmt: skip
ENTRY = {"author": 9, "category": 9, "content": 1, "contributor": 9, "id": 1, "link": 9, "published": 1, "rights": 1, "source": 1,
         "summary": 1, "title": 1, "updated": 1}  # fmt: skip


def check_times(own) -> None:
    for name in ("updated", "published"):
        for found in own.findall(A + name):
            assert datetime.fromisoformat(found.text).utcoffset() is not None


def check_atom(body: bytes) -> list:
    """The entries of a feed that keeps the rules."""
    root = ET.fromstring(body)
    assert root.tag == A + "feed"
    for own, allowed in [(root, FEED), *((entry, ENTRY) for entry in root.findall(A + "entry"))]:
        names = [child.tag.removeprefix(A) for child in own if child.tag.startswith(A)]
        for name in ("id", "title", "updated"):
            assert names.count(name) == 1, name
        assert all(names.count(name) <= allowed[name] for name in names)
        assert TAG.fullmatch(own.find(A + "id").text)
        for link in own.findall(A + "link"):
            assert link.get("href").startswith(("http://", "https://"))
        alternates = [
            (one.get("type"), one.get("hreflang"))
            for one in own.findall(A + "link")
            if one.get("rel") == "alternate"
        ]
        assert len(alternates) == len(set(alternates)) == 1  # 4.1.1: not two of the same type and language
        for text in ("title", "summary"):
            assert all(one.get("type") in {None, "text"} and not list(one) for one in own.findall(A + text))
        assert all(one.get("term") for one in own.findall(A + "category"))
        check_times(own)
    # 4.1.1: a feed has an author, unless every entry has.
    assert root.find(f"{A}author/{A}name").text
    assert [one for one in root.findall(A + "link") if one.get("rel") == "self"]
    entries = root.findall(A + "entry")
    ids = [entry.find(A + "id").text for entry in entries]
    assert len(ids) == len(set(ids))
    return entries


@pytest.fixture
def town(desk):
    """A lane of a site, and the site's feed with a key."""
    desk.store.sites.add(Site("market", "Place du Marché", "Market Square"), AUDIT)
    desk.store.sites.describe(
        [PlaceDetail("box-a", "north", "lane", "zone", "market", "Rue <b>&", "")], [AUDIT]
    )
    for site in ("market", ""):
        desk.store.crew.set_feed(FeedKey(site, token_hash(KEY), NOON, "t"), AUDIT)
    return desk


def ask(site, name="market", key=KEY, **headers):
    return site.client().get(f"/feeds/{name}.atom", params={"key": key}, headers=headers)


def confirmed(site, number=1, who="marie.dupont", **changes):
    return move(
        site,
        next(n for n in deliver(site, case(number, **changes)) if n.state == "to_verify"),
        "confirmed",
        who,
    )


def test_a_feed_keeps_the_rules_and_says_what_the_notice_is(town):
    own = confirmed(town, lon=2.35, lat=48.85)
    answer = ask(town)
    assert (answer.status_code, answer.headers["content-type"]) == (
        200,
        "application/atom+xml; charset=utf-8",
    )
    [entry] = check_atom(answer.content)
    assert (
        entry.find(A + "title").text.replace("\u00a0", " ")
        == "Objet sur la chaussée, Place du Marché / Rue <b>& : confirmé"
    )
    assert entry.find(A + "link").get("href").endswith(f"/notices/{own.id}")
    assert {one.get("scheme"): one.get("term") for one in entry.findall(A + "category")}[
        "state"
    ] == "confirmed"
    assert entry.find("{http://www.georss.org/georss}point").text == "48.850000 2.350000"
    assert b"dupont" not in answer.content
    assert KEY.encode() not in answer.content
    english = town.client().get("/feeds/market.atom", params={"key": KEY, "lang": "en"})
    assert b"Market Square" in english.content
    assert b'xml:lang="en"' in english.content


def test_an_empty_feed_keeps_the_rules_too(town):
    assert check_atom(ask(town).content) == []


def test_ids_stay_when_the_notice_the_name_and_the_host_change(town):
    own = confirmed(town)
    [before] = check_atom(ask(town).content)
    town.clock.now += 60
    move(town, own, "cleared")
    town.store.sites.change(Site("market", "Halles"), AUDIT)
    (town.app.state.settings.data_dir / "mail.toml").write_text(
        "host = 'x'\nsender = 'a@exemple.fr'\nurl = 'https://autre.exemple.fr'\n"
    )
    [after] = check_atom(ask(town).content)
    assert after.find(A + "id").text == before.find(A + "id").text
    assert after.find(A + "updated").text > before.find(A + "updated").text
    assert after.find(A + "published").text == before.find(A + "published").text
    assert after.find(A + "link").get("href") == "https://autre.exemple.fr/notices/1"


def test_only_what_a_person_decided_is_in_it(town):
    deliver(town, case(1, x=0.1))
    assert check_atom(ask(town).content) == []  # to be verified
    deliver(town, case(1, 2, state="cleared", x=0.1))
    assert check_atom(ask(town).content) == []  # its box alone has ended it
    own = next(n for n in deliver(town, case(2, x=0.9)) if n.state == "to_verify")
    move(town, own, "nothing_there")
    assert len(check_atom(ask(town).content)) == 1
    assert b"rien sur place" in ask(town).content


def test_sites_are_kept_apart_and_one_feed_has_all(town):
    town.store.sites.add(Site("other"), AUDIT)
    town.store.crew.set_feed(FeedKey("other", token_hash(KEY), NOON, "t"), AUDIT)
    confirmed(town)
    assert [len(check_atom(ask(town, name).content)) for name in ("market", "other", "all.sites")] == [
        1,
        0,
        1,
    ]


@pytest.mark.parametrize("key", ["", "pvf_wrong", KEY + "x", KEY[:-1]])
def test_without_the_key_there_is_no_feed(town, key):
    assert ask(town, key=key).status_code == 404


def test_a_key_is_of_one_feed_can_be_renewed_and_taken_away(town):
    town.store.crew.set_feed(FeedKey("market", token_hash("pvf_new"), NOON, "t"), AUDIT)
    assert (ask(town).status_code, ask(town, key="pvf_new").status_code) == (404, 200)
    assert ask(town, "all.sites", "pvf_new").status_code == 404
    assert town.store.crew.end_feed("market", AUDIT)
    assert not town.store.crew.end_feed("market", AUDIT)
    assert ask(town, key="pvf_new").status_code == 404


@pytest.mark.parametrize(
    ("role", "status"), [("crew", 200), ("planner", 200), ("viewer", 404), ("technician", 404)]
)
def test_a_session_that_may_see_notices_may_read_it(town, role, status):
    assert town.client(role).get("/feeds/market.atom").status_code == status


@pytest.mark.parametrize(
    "name", ["nowhere.atom", "market", "market.xml", ".atom", "all.sites", "market.atom.atom"]
)
def test_other_names_are_no_feed(town, name):
    assert town.client("planner").get(f"/feeds/{name}").status_code == 404


def test_what_has_not_changed_is_not_sent_again(town):
    own = confirmed(town)
    first = ask(town)
    tag, at = first.headers["etag"], first.headers["last-modified"]
    assert at == "Sun, 22 Nov 2026 12:00:00 GMT"
    for headers in (
        {"If-None-Match": tag}, {"If-None-Match": f'"x", W/{tag}'}, {"If-None-Match": "*"}, {"If-Modified-Since": at},
    ):  # fmt: skip
        again = ask(town, **headers)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    for headers in (
        {"If-None-Match": '"x"'}, {"If-None-Match": '"x"', "If-Modified-Since": at}, {"If-Modified-Since": "yesterday"},
        {"If-Modified-Since": "Sun, 22 Nov 2026 11:59:59 GMT"},
    ):  # fmt: skip
        assert ask(town, **headers).status_code == 200
    town.clock.now += 60
    move(town, own, "cleared")
    assert ask(town, **{"If-None-Match": tag}).status_code == 200
    assert ask(town, **{"If-Modified-Since": at}).status_code == 200


def test_the_newest_hundred_and_no_more(town, monkeypatch):
    own = confirmed(town)
    many = [own] * (SHOWN + 20)
    monkeypatch.setattr(type(town.store.notices), "listed", lambda *_, **__: many)
    assert ask(town).text.count("<entry>") == SHOWN


def test_what_xml_cannot_hold_is_replaced():
    odd = 'a\0b\x1f<&>"\ud800\ufffe'
    entry = atom.Entry("tag:a,2026:b", odd, odd, f"https://a/{odd}", 0, 0, ((odd, odd),))
    body = atom.feed(
        number="tag:a,2026:c", title=odd, updated=0, own="https://a/", page="https://a/", language="fr", version=odd, entries=[entry]
    )  # fmt: skip
    [found] = check_atom(body)
    assert found.find(A + "title").text == 'a\ufffdb\ufffd<&>"\ufffd\ufffd'
