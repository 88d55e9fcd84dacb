"""The crew's pages: the board, one notice, the plan, rules, vetoes, precision; as JSON and CSV."""

from __future__ import annotations

import re

import pytest

from server.notice_rules import SiteRules
from server.pictures import read_picture
from server.sites import PlaceDetail, Site
from server.store.base import AuditEntry
from tests.server.build import NOON, config
from tests.server.plans import png
from tests.server.test_notice_store import by, case, deliver, desk, lane, move

__all__ = ["desk"]
EN = {"Accept-Language": "en"}
NO = "\N{EN DASH}"


@pytest.fixture
def town(desk):
    """A site with a plan, and three notices of its lane: grave, middling and small."""
    said = AuditEntry(NOON, "t", "t", "t")
    desk.store.sites.add(Site("square", "Place du Marché", "Market Square"), said)
    desk.store.sites.set_plan("square", read_picture(png()), said)
    lane = PlaceDetail("box-a", "north", "lane", "zone", "square", "Rue Neuve", "New Street", x=0.25, y=0.5)
    desk.store.sites.describe([lane], [said])
    deliver(
        desk,
        case(1, x=0.2, w=0.02, y=0.76, size_m=0.9),
        case(2, x=0.5, w=0.02, y=0.6, size_m=0.25, kind="debris"),
        case(3, x=0.8, w=0.02, y=0.5, h=0.01, size_m=0.1),
    )
    return desk


def get(site, path: str, role: str = "crew", status: int = 200, **headers: str) -> str:
    answer = site.client(role).get(path, headers=EN | headers)
    assert answer.status_code == status, answer.text[:500]
    return answer.text


def post(town, path: str, role: str = "crew", **fields: str):
    return town.client(role).post(path, data={"csrf": f"csrf-{role}", **fields}, headers=EN)


def numbers(html: str) -> list[int]:
    return [int(one) for one in re.findall(r'<h2><a href="/notices/(\d+)">', html)]


def test_the_board_shows_the_gravest_first_and_filters(town):
    html = get(town, "/notices")
    assert numbers(html) == [1, 2, 3]
    assert "New Street, Market Square" in html
    assert "<b>3</b> to verify" in html
    assert numbers(get(town, "/notices?severity=high")) == [1]
    assert numbers(get(town, "/notices?site=square&kind=debris&camera=box-a/north")) == [1, 2, 3]
    for nothing in ("site=-", "kind=obstruction", "camera=box-a/south", "state=ended"):
        assert numbers(get(town, f"/notices?{nothing}")) == []
    assert "à vérifier" in get(town, "/notices", **{"Accept-Language": "fr"})


@pytest.mark.parametrize(
    "query", ["state=lost", "kind=bag", "severity=5", "site=../x", "camera=box-a", "held=mood"]
)
def test_filters_that_cannot_be_are_said_and_the_board_stays(town, query):
    html = get(town, f"/notices?{query}", status=400)
    assert "These filters were not understood" in html
    assert numbers(html) == [1, 2, 3]
    assert town.client("crew").get(f"/api/v1/notices?{query}").json()["error"] == "bad_query"
    assert town.client("crew").get(f"/notices.csv?{query}").status_code == 400


def test_what_is_held_back_is_said_with_its_reason(town):
    town.store.notices.set_rules("square", SiteRules(cap=3), by(town))
    deliver(town, case(4, x=0.05, w=0.02), case(5, x=0.95, w=0.02))
    html = get(town, "/notices")
    assert "Held back for now, for nobody to verify: 2" in html
    assert "2 by the cap of 3 notices a day" in html
    assert len(numbers(html)) == 3
    assert numbers(get(town, "/notices?state=new&held=cap")) == [5, 4]
    page = get(town, "/notices/5")
    assert "the site has reached its cap of the day" in page


def test_a_board_of_many_has_pages(town):
    town.store.notices.set_rules("square", SiteRules(cap=1000), by(town))
    deliver(town, *(case(n + 10, x=(n % 20) / 20, y=0.1 + n // 20 / 20, w=0.004, h=0.004) for n in range(60)))
    pages = [numbers(get(town, f"/notices?state=all&page={n}")) for n in (1, 2, 3, 4)]
    assert [len(one) for one in pages] == [30, 30, 3, 0]
    assert len({number for one in pages for number in one}) == 63
    assert numbers(get(town, "/notices?state=all&page=x")) == pages[0]


def test_one_notice_says_what_it_rests_on_and_draws_no_picture(town):
    html = get(town, "/notices/1")
    for told in ("starter", "000000000000", "box box-a", "rests on case 0000000000000001, revision 1"):
        assert told in html
    assert '<rect class="nt-box nt-high"' in html
    assert '<polygon class="nt-zone"' in html
    assert "<img" not in html.split("<main", 1)[1]
    assert town.client("crew").get("/notices/99").status_code == 404
    assert town.client("crew").get("/notices/x").status_code == 404


def test_a_notice_whose_case_went_on_under_another_keeps_its_box(town):
    move(town, town.store.notices.notice(1), "cleared")
    deliver(town, case(1, 2, state="updated", x=0.2, w=0.02, y=0.76))
    html = get(town, "/notices/1")
    assert '<rect class="nt-box nt-high nt-gone"' in html
    assert "Cases gathered: 0" in html


def test_a_crew_confirms_assigns_works_and_clears(town):
    for version, do, more in (
        ("1", "confirmed", {}),
        ("2", "assigned", {"name": " Équipe  nord ", "note": "avec balai"}),
        ("3", "in_work", {}),
        ("4", "cleared", {"note": "planche"}),
    ):
        answer = post(town, "/notices/1", do=do, version=version, **more)
        assert (answer.status_code, answer.headers["location"]) == (303, "/notices/1")
    own = town.store.notices.notice(1)
    assert (own.state, own.assigned_to, own.version) == ("cleared", "Équipe nord", 5)
    html = get(town, "/notices/1")
    assert "Équipe nord, avec balai" in html
    assert "planche" in html
    assert "Reopen, to verify" in html
    assert [e.actor for e in town.store.accounts.audit(4, "notice.moved")] == ["crew-1"] * 4


def test_a_quick_answer_comes_back_to_the_board_as_it_was_filtered(town):
    answer = post(
        town,
        "/notices/3",
        do="nothing_there",
        version="1",
        back="board",
        query="?kind=debris&site=square&evil=//x",
    )
    assert answer.headers["location"] == "/notices?site=square&kind=debris"
    assert town.store.notices.notice(3).state == "nothing_there"
    bad = post(town, "/notices/2", do="confirmed", version="1", back="board", query="?state=//evil.example")
    assert bad.headers["location"] == "/notices"


def test_two_people_at_once_get_a_clear_word_and_lose_nothing(town):
    assert post(town, "/notices/1", "planner", do="confirmed", version="1").status_code == 303
    answer = post(town, "/notices/1", do="nothing_there", version="1", note="rien vu du pont")
    assert answer.status_code == 409
    assert "Somebody was faster: the notice is now “confirmed” (planner-1," in answer.text
    assert 'value="rien vu du pont"' in answer.text
    assert town.store.notices.notice(1).state == "confirmed"
    answer = post(town, "/notices/1", do="to_verify", version="2")
    assert answer.status_code == 409
    assert "not possible from here" in answer.text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"do": "assigned", "version": "1"}, "Write to whom"),
        ({"do": "flown", "version": "1"}, "not understood"),
        ({"do": "confirmed"}, "not understood"),
        ({"do": "note", "note": "  "}, "note is empty"),
        ({"do": "later", "hours": "7"}, "not understood"),
        ({"do": "note", "note": "x" * 401}, "400"),
    ],
)
def test_a_form_that_cannot_be_followed_changes_nothing(town, fields, told):
    before = town.store.notices.events(1)
    answer = post(town, "/notices/1", **fields)
    assert answer.status_code == 400
    assert told in answer.text
    assert town.store.notices.events(1) == before


def test_a_form_of_another_page_is_refused(town):
    answer = town.client("crew").post("/notices/1", data={"csrf": "x", "do": "confirmed", "version": "1"})
    assert answer.status_code == 403
    assert town.store.notices.notice(1).state == "to_verify"


def test_a_note_and_a_reminder(town):
    assert post(town, "/notices/1", do="note", note="<b>vu</b>").status_code == 303
    assert post(town, "/notices/1", do="later", hours="4").status_code == 303
    html = get(town, "/notices/1")
    assert "&lt;b&gt;vu&lt;/b&gt;" in html
    assert "reminder on 22 Nov 2026 17:00" in html


def test_the_plan_shows_notices_at_their_zone_and_in_the_frame(town):
    html = get(town, "/notices/map")
    assert 'transform="translate(250.0 333.3)"' in html
    assert html.count('class="nt-box') == 3
    assert '<a href="/notices/2" aria-label="2. Debris on the road, to verify">' in html
    assert town.client("crew").get("/notices/plan/square").headers["content-type"] == "image/png"
    assert town.client("crew").get("/sites/square/plan").status_code == 403


def test_positions_go_on_the_map_where_there_are_tiles(make_site):
    site = make_site(tile_url="https://tiles.example/{z}/{x}/{y}.png")
    site.post([config(0, NOON - 7200, [lane()])])
    deliver(site, case(1, lon=2.35, lat=48.85), case(2, x=0.9))
    html = get(site, "/notices/map")
    assert html.count("<li data-lon=") == 1
    assert 'data-lon="2.35" data-lat="48.85"' in html


def test_rules_are_changed_by_planners_only_and_audited(town):
    fields = {
        "site": "square", "cap": "7", "quiet_from": "22:00", "quiet_to": "06:30", "cooldown_min": "15", "veto_days": "3",
    }  # fmt: skip
    assert post(town, "/notices/rules", **fields).status_code == 403
    assert post(town, "/notices/rules", "planner", **fields).status_code == 303
    assert town.store.notices.rules("square") == SiteRules(7, 1320, 390, False, 900, 3)
    assert town.store.notices.rules(None) == SiteRules()
    [entry] = town.store.accounts.audit(5, "rules.")
    assert (entry.actor, entry.subject) == ("planner-1", "site/square")
    assert "cap 40 -> 7" in entry.detail
    html = get(town, "/notices/rules?site=square", "planner")
    assert 'value="22:00"' in html
    assert "7 notices a day; cooldown 15 min" in html
    for wrong in ({"cap": "0"}, {"cap": "many"}, {"quiet_to": ""}, {"quiet_to": "25:00"}, {"site": "none"}):
        assert post(town, "/notices/rules", "planner", **fields | wrong).status_code == 400
    assert town.store.notices.rules("square").cap == 7


def test_vetoes_are_listed_and_lifted(town):
    move(town, town.store.notices.notice(3), "nothing_there")
    html = get(town, "/notices/vetoes")
    assert "80% from the left" in html
    assert post(town, "/notices/vetoes/lift", id="1").status_code == 303
    assert post(town, "/notices/vetoes/lift", id="1").status_code == 409
    assert "No place is vetoed." in get(town, "/notices/vetoes")


def test_precision_has_its_interval_and_a_dash_where_nobody_answered(town):
    assert f"<td>{NO}</td><td>{NO}</td><td>{NO}</td><td>0</td>" in get(town, "/notices/precision")
    for number, after in ((1, "confirmed"), (2, "nothing_there")):
        move(town, town.store.notices.notice(number), after)
    assert f"<td>50%</td><td>9% {NO} 91%</td><td>1</td><td>2</td>" in get(town, "/notices/precision")
    [row] = town.client("crew").get("/api/v1/notices/precision").json()["precision"]
    assert (row["month"], row["answered"], row["real"], row["share"]) == ("2026-11", 2, 1, 0.5)
    assert (round(row["low"], 3), round(row["high"], 3)) == (0.095, 0.905)


def test_the_same_as_json_and_csv(town):
    found = town.client("crew").get("/api/v1/notices?severity=high").json()
    assert found["counts"] == {"to_verify": 1}
    [own] = found["notices"]
    assert (own["id"], own["opened_at"], own["state"]) == (1, "2026-11-22T12:00:00Z", "to_verify")
    assert len(town.client("crew").get("/api/v1/notices?limit=2&offset=2").json()["notices"]) == 1
    assert town.client("crew").get("/api/v1/notices?limit=2000").status_code == 400
    one = town.client("crew").get("/api/v1/notices/1").json()
    assert [event["what"] for event in one["events"]] == ["opened"]
    assert one["events"][0]["config_at"] == "2026-11-22T10:00:00Z"
    answer = town.client("crew").get("/notices.csv?site=square")
    lines = answer.text.strip().split("\r\n")
    assert len(lines) == 4
    assert lines[0].startswith("id,version,site,device")
    assert "attachment" in answer.headers["content-disposition"]


def test_the_overview_says_that_notices_wait_to_whom_may_see_them(town):
    assert "road notices that wait for an answer: 3" in get(town, "/", "planner")
    assert "road notices that wait" not in get(town, "/", "viewer")
    for number in (1, 2, 3):
        move(town, town.store.notices.notice(number), "cleared")
    assert "road notices that wait" not in get(town, "/", "planner")
