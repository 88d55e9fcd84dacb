"""Confirmed notices to another server: looked up first, posted once whatever happens, followed both ways."""

from __future__ import annotations

import pytest

from server.open311_channel import LOOKS_S, POLL_S, POSTING_S
from server.sites import PlaceDetail, Site
from server.store.base import Store
from tests.server.build import config, zone_config
from tests.server.open311_stub import Town, serving
from tests.server.open311_town import (
    LANE,
    LANES,
    LAT,
    LON,
    audit,
    confirmed,
    connect,
    links,
    moved,
    office,
    ready,
    reported,
    run,
    settle,
    square,
    town,
    url,
)

__all__ = ["ready", "square", "town", "url"]

DAY = 86400


def posts(town):
    return [path for method, path in town.log if method == "POST"]


def state(site):
    return [(link.state, link.request_id, link.own) for link in links(site)]


def test_a_confirmed_notice_is_posted_once_and_linked(ready, town):
    site, own = ready
    notice = confirmed(site)
    run(site, own)
    (sent,) = town.posts
    assert (sent["service_code"], float(sent["lat"]), float(sent["long"])) == ("001", LAT, LON)
    assert "Objet immobile sur la chaussée." in sent["description"]
    assert "Place du marché" in sent["description"]
    assert state(site) == [("linked", "1001", True)]
    assert [event.detail for event in site.store.notices.events(notice.id) if event.what == "note"] == [
        "posted 1001"
    ]
    for _ in range(4):
        run(site, own, POLL_S)
    assert len(town.posts) == 1


def test_what_is_only_to_be_verified_goes_nowhere(ready, town):
    site, own = ready
    reported(site)
    run(site, own)
    assert links(site) == []
    assert town.log == []


def test_an_open_request_nearby_stands_for_the_notice_and_nothing_is_posted(ready, town):
    site, own = ready
    town.add("001", LAT + 0.01, LON)
    town.add("002", LAT, LON)
    town.add("001", LAT, LON, status="closed")
    town.add("001", LAT, LON, at=site.clock() - 15 * DAY)
    near = town.add("001", LAT + 0.0002, LON)
    notice = confirmed(site)
    run(site, own)
    assert posts(town) == []
    assert state(site) == [("linked", near, False)]
    assert [event.detail for event in site.store.notices.events(notice.id) if event.what == "note"] == [
        f"found {near}"
    ]


@pytest.mark.parametrize(
    ("metres", "found"), [(30, True), (40, False)], ids=["within radius and uncertainty", "beyond"]
)
def test_the_radius_counts(ready, town, metres, found):
    site, own = ready
    town.add("001", LAT + metres / 111_195, LON)
    confirmed(site)
    run(site, own)
    assert (len(town.posts) == 0) is found


def test_a_request_that_stands_for_another_notice_is_not_taken(ready, town):
    site, own = ready
    confirmed(site)
    run(site, own)
    confirmed(site, 2, zone=LANES[0], lat=LAT + 0.0002, x=0.9, y=0.9)
    run(site, own)
    assert len(town.posts) == 2
    assert {link.request_id for link in links(site)} == {"1001", "1002"}


def test_nor_is_one_that_stands_for_a_notice_of_another_site(ready, town, url):
    site, own = ready
    site.store.sites.add(Site("avenue"), audit(site))
    site.store.sites.describe([PlaceDetail("box-a", "north", LANES[0], "zone", "avenue")], [audit(site)])
    connect(site, url, where="avenue")
    confirmed(site)
    run(site, own)
    confirmed(site, 2, zone=LANES[0], lat=LAT + 0.0002, x=0.9, y=0.9)
    run(site, own)
    assert len(town.posts) == 2


def test_closed_there_ends_the_notice_here(ready, town):
    site, own = ready
    notice = confirmed(site)
    run(site, own)
    town.close("1001", "Objet retiré ce matin par M. Martin")
    run(site, own, POLL_S)
    assert site.store.notices.notice(notice.id).state == "cleared"
    last = site.store.notices.events(notice.id)[-1]
    assert (last.actor, last.after, last.detail) == ("open311:1", "cleared", "closed 1001")
    assert state(site)[0][0] == "closed"
    # What others write is kept nowhere.
    assert "Martin" not in "".join(entry.detail for entry in site.store.accounts.audit(100))


def test_closed_there_as_not_theirs_is_not_ours(ready, town):
    site, own = ready
    notice = confirmed(site)
    run(site, own)
    town.close("1001", "Pas à nous : route départementale")
    run(site, own, POLL_S)
    assert site.store.notices.notice(notice.id).state == "not_ours"


def test_ended_here_first_is_left_alone_and_shown(ready, town):
    site, own = ready
    notice = confirmed(site)
    run(site, own)
    moved(site, notice, "nothing_there")
    run(site, own, POLL_S)
    assert state(site) == [("linked", "1001", True)]
    town.close("1001")
    run(site, own, POLL_S)
    assert site.store.notices.notice(notice.id).state == "nothing_there"
    assert state(site)[0][0] == "closed"


def test_ended_here_before_it_was_posted_is_not_posted(ready, town):
    site, own = ready
    moved(site, confirmed(site), "cleared")
    run(site, own)
    assert state(site) == [("dropped", "", False)]
    assert town.posts == []


def test_of_a_zone_that_is_not_operational_any_more_nothing_is_posted(ready, town):
    site, own = ready
    confirmed(site)
    zones = [zone_config("lane", "road", purpose="statistics", polygon=LANE)]
    site.post([config(900, int(site.clock()), zones)])
    run(site, own)
    assert state(site) == [("dropped", "", False)]
    assert town.log == []


def test_confirmed_again_after_it_was_closed_is_posted_again(ready, town):
    site, own = ready
    notice = confirmed(site)
    run(site, own)
    town.close("1001")
    run(site, own, POLL_S)
    moved(site, notice, "to_verify", "planner-1")
    moved(site, notice, "confirmed", "planner-1")
    run(site, own)
    assert len(town.posts) == 2
    assert state(site) == [("linked", "1002", True)]


@pytest.mark.parametrize(
    "fault", ["accept_drop", "accept_500", "accept_malformed", "accept_slow", "accept_drip"]
)
@pytest.mark.parametrize("echo", [True, False], ids=["by its mark", "by place and time"])
def test_an_unsure_post_is_found_again_and_never_repeated(square, town, url, fault, echo):
    connect(square, url)
    own = office(square, timeout_s=0.6)
    run(square, own)
    town.faults, town.echo_description = [fault], echo
    confirmed(square)
    run(square, own)
    assert state(square)[0][0] == "checking"
    run(square, own, LOOKS_S[0])
    assert state(square) == [("linked", "1001", True)]
    assert len(town.posts) == 1


@pytest.mark.parametrize("fault", ["500", "drop", "malformed", "503"])
def test_an_unsure_post_that_is_nowhere_waits_for_a_person(ready, town, fault):
    site, own = ready
    town.faults = [fault]
    confirmed(site)
    run(site, own)
    for _ in range(6):
        run(site, own, max(LOOKS_S))
    assert state(site)[0][0] == "asks"
    assert len(posts(town)) == 1


def test_a_request_that_is_moderated_away_is_not_posted_again(ready, town):
    site, own = ready
    town.faults, town.hidden = ["accept_drop"], True
    confirmed(site)
    for _ in range(8):
        run(site, own, max(LOOKS_S))
    assert state(site)[0][0] == "asks"
    assert len(town.posts) == 1


def test_the_mark_of_another_notice_that_begins_alike_is_not_taken_for_ours(ready, town):
    """The POST of notice 2 never arrives; that of notice 20 does. Brackets are lost on the way, as in some towns."""
    site, own = ready
    town.faults = ["drop"]
    made = [confirmed(site, 1, x=0.01, w=0.01)]
    run(site, own)
    (lost,) = links(site)
    for number in range(2, 40):
        made.append(
            confirmed(site, number, zone=LANES[number], lat=LAT + number / 100, x=0.02 + number / 42, w=0.01)
        )
        if any(f"{lost.event}" == f"{event.id}"[:-1] for event in site.store.notices.events(made[-1].id)):
            break
    run(site, own)
    for row in town.requests.values():
        row["description"] = row["description"].replace("[", "").replace("]", "")
    assert any(f"-{lost.event}" in row["description"] for row in town.requests.values())
    # Nor in a copy, which stands for no notice of ours.
    alike, *_ = [row for row in town.requests.values() if f"-{lost.event}" in row["description"]]
    town.add(alike["service_code"], LAT + 9, LON, description=alike["description"])
    for wait in LOOKS_S:
        run(site, own, wait)
    (found,) = [link for link in links(site) if link.id == lost.id]
    assert (found.state, found.request_id) == ("asks", "")


def test_a_request_made_for_a_notice_that_is_not_linked_yet_is_not_taken_by_its_neighbour(ready, town):
    """The answer to the first POST got lost; before it is looked for, a thing nearby is confirmed."""
    site, own = ready
    town.faults = ["accept_drop"]
    confirmed(site, 1, x=0.01, w=0.01)
    run(site, own)
    assert [link.state for link in links(site)] == ["checking"]
    confirmed(site, 2, zone=LANES[1], lat=LAT + 1e-4, x=0.9, w=0.01)
    run(site, own)
    for wait in LOOKS_S:
        run(site, own, wait)
    found = links(site)
    assert [link.state for link in found] == ["linked", "linked"]
    assert len({link.request_id for link in found}) == 2
    for link in found:
        assert f"-{link.event}]" in town.requests[link.request_id]["description"]


def test_a_notice_confirmed_once_more_finds_the_request_that_it_made_before(ready, town):
    site, own = ready
    notice = confirmed(site, 1)
    run(site, own)
    for after in ("nothing_there", "to_verify", "confirmed"):
        notice = moved(site, notice, after)
    run(site, own)
    run(site, own, 600)
    assert len(town.posts) == 1
    assert {link.request_id for link in links(site) if link.state == "linked"} == set(town.requests)


def test_a_marked_request_that_stands_for_another_notice_is_not_taken(ready, town):
    site, own = ready
    town.faults = ["drop"]
    confirmed(site, 1)
    run(site, own)
    (lost,) = links(site)
    confirmed(site, 2, zone=LANES[1], lat=LAT + 1, x=0.9, w=0.01)
    run(site, own)
    # Somebody there merged the texts of two requests.
    (row,) = town.requests.values()
    row["description"] += row["description"].replace(f"-{links(site)[0].event}]", f"-{lost.event}]")
    assert f"-{lost.event}]" in row["description"]
    for wait in LOOKS_S:
        run(site, own, wait)
    assert {link.id: link.state for link in links(site)}[lost.id] == "asks"


@pytest.mark.parametrize("fault", ["429", "redirect"])
def test_a_clear_no_is_no_accepted_request(ready, town, fault):
    site, own = ready
    town.faults = [fault]
    confirmed(site)
    run(site, own)
    assert state(site)[0][0] == {"429": "waiting", "redirect": "failed"}[fault]
    if fault == "429":
        run(site, own, 230)
        assert posts(town) == ["/v2/requests.json"]
        run(site, own, 20)
        assert state(site) == [("linked", "1001", True)]
    assert all("169.254" not in path for _, path in town.log)


def test_a_wrong_key_is_shown_and_not_tried_again(square, town, url):
    connect(square, url, key="wrong")
    own = office(square)
    run(square, own)
    confirmed(square)
    for _ in range(3):
        run(square, own, POLL_S)
    (link,) = links(square)
    assert (link.state, link.problem) == ("failed", "key")
    assert len(posts(town)) == 1
    assert "wrong" not in link.detail


def test_a_service_that_answers_tokens(ready, town):
    site, own = ready
    town.batch, town.token_ready = True, False
    confirmed(site)
    run(site, own)
    assert state(site)[0][0] == "token"
    run(site, own, 60)
    town.token_ready = True
    run(site, own, 60)
    run(site, own, 300)
    assert state(site) == [("linked", "1001", True)]
    assert len(town.posts) == 1


def test_a_token_that_never_becomes_a_number_is_told(ready, town):
    site, own = ready
    town.batch, town.token_ready = True, False
    confirmed(site)
    run(site, own)
    for _ in range(30):
        run(site, own, 3600)
    assert state(site)[0][0] == "untraced"
    assert len(town.posts) == 1


def test_a_black_box_is_found_by_its_mark_or_told(ready, town):
    site, own = ready
    town.blackbox, town.hidden = True, True
    confirmed(site)
    for _ in range(6):
        run(site, own, max(LOOKS_S))
    assert state(site) == [("untraced", "", True)]
    assert len(town.posts) == 1


def test_a_server_that_speaks_xml_alone(square, town, url):
    town.xml_only = True
    connect(square, url)
    own = office(square)
    run(square, own)
    assert square.store.endpoints.active()[0].form == "xml"
    notice = confirmed(square)
    run(square, own)
    town.close("1001")
    run(square, own, POLL_S)
    assert square.store.notices.notice(notice.id).state == "cleared"


def test_a_server_that_was_away_at_first_and_speaks_xml_alone(square, town, url):
    town.xml_only, town.faults = True, ["get_500"] * 3
    connect(square, url)
    own = office(square)
    confirmed(square)
    for _ in range(6):
        run(square, own, 900)
    assert state(square) == [("linked", "1001", True)]


def test_ninety_days_are_as_far_as_anybody_may_ask(square, town, url):
    connect(square, url, days=90)
    own = office(square)
    near = town.add("001", LAT, LON, at=square.clock() - 89 * DAY)
    confirmed(square)
    run(square, own)
    assert state(square) == [("linked", near, False)]


def test_what_was_unsure_while_the_server_was_away_for_months_is_still_found(ready, town):
    site, own = ready
    town.faults = ["accept_drop", "get_500", "get_500"]
    confirmed(site)
    run(site, own)
    town.faults = ["get_500"] * 5
    for _ in range(5):
        run(site, own, 20 * DAY)
    run(site, own, 20 * DAY)
    assert state(site) == [("linked", "1001", True)]
    assert len(town.posts) == 1


@pytest.mark.parametrize("quirk", ["number_ids", "wrapped", "list_404", "etags"])
def test_quirks_of_real_servers(ready, town, quirk):
    site, own = ready
    setattr(town, quirk, True)
    first, second = confirmed(site), confirmed(site, 2, zone=LANES[0], lat=LAT + 0.01, x=0.9, y=0.9)
    run(site, own)
    del town.requests["1002"]
    run(site, own, POLL_S)
    run(site, own, POLL_S)
    town.close("1001")
    run(site, own, POLL_S)
    assert site.store.notices.notice(first.id).state == "cleared"
    assert site.store.notices.notice(second.id).state == "confirmed"


def test_linked_requests_are_asked_for_in_one_call(ready, town):
    site, own = ready
    for number in range(20):
        confirmed(site, number + 1, zone=LANES[number], lat=LAT + number * 0.01, x=0.02 + number / 22, w=0.01)
    run(site, own)
    assert len(town.posts) == 20
    town.log.clear()
    run(site, own, POLL_S)
    assert [path.count("%2C") for _, path in town.log] == [19]


def test_the_look_reads_every_page(ready, town):
    site, own = ready
    town.page_size_most = 50
    near = town.add("001", LAT, LON, at=site.clock() - DAY)
    for number in range(180):
        town.add("001", LAT + 0.1, LON + number / 1000)
    confirmed(site)
    run(site, own)
    assert state(site) == [("linked", near, False)]


def test_without_having_looked_nothing_is_posted(ready, town):
    site, own = ready
    confirmed(site)
    town.faults = ["get_500", "get_malformed", "get_bomb", "get_drop"]
    for _ in range(4):
        run(site, own, 3600)
        assert town.posts == []
        assert site.store.endpoints.active()[0].problem
    run(site, own, 3600)
    assert len(town.posts) == 1
    assert site.store.endpoints.active()[0].problem == ""


def test_a_server_in_trouble_is_left_alone_for_longer_each_time(ready, town):
    site, own = ready
    town.faults = ["get_500"] * 100
    confirmed(site)
    asked = []
    for _ in range(360):
        run(site, own, 10)
        asked.append(len(town.log))
    assert asked[-1] <= 6


def test_one_server_in_trouble_holds_no_other_up(square, town, url):
    square.store.sites.add(Site("avenue"), audit(square))
    square.store.sites.describe([PlaceDetail("box-a", "north", LANES[0], "zone", "avenue")], [audit(square)])
    connect(square, "http://127.0.0.1:9/v2", where="avenue")
    connect(square, url)
    own = office(square)
    confirmed(square, 1, zone=LANES[0])
    confirmed(square, 2, x=0.9, y=0.9, lat=LAT + 1)
    run(square, own)
    problems = {each.site: each.problem for each in square.store.endpoints.active()}
    assert problems == {"avenue": "unreachable", "square": ""}
    assert len(town.posts) == 1


def test_an_unknown_code_holds_no_other_kind_up(square, town, url):
    town.list_unknown = True
    connect(square, url, codes={"debris": "404", "stopped_vehicle": "002"})
    own = office(square)
    confirmed(square, 1)
    confirmed(square, 2, kind="stopped_vehicle", zone=LANES[0], x=0.9, y=0.9)
    run(square, own)
    assert sorted((link.state, link.problem) for link in links(square)) == [
        ("failed", "not_found"),
        ("linked", ""),
    ]


def test_kinds_without_a_code_and_other_sites_are_not_posted(ready, town):
    site, own = ready
    confirmed(site, 1, kind="obstruction")
    run(site, own)
    assert links(site) == []


@pytest.mark.parametrize(("lon", "lat", "sent"), [(2.4, 48.9, True), (None, None, False)])
def test_without_a_position_of_its_own_the_site_stands_in_or_nothing_is_posted(
    site, town, url, lon, lat, sent
):
    settle(site, lon=lon, lat=lat)
    connect(site, url)
    own = office(site)
    confirmed(site, lon=None, lat=None)
    run(site, own)
    if sent:
        assert (float(town.posts[0]["lat"]), float(town.posts[0]["long"])) == (48.9, 2.4)
        assert "celle du site, à 150 m près" in town.posts[0]["description"]
    else:
        assert town.posts == []
        assert state(site) == [("no_place", "", False)]


def test_fields_of_the_administrator_go_with_it_and_no_name_of_a_user(square, town, url):
    connect(square, url, extra={"attribute[TYPE]": "OBJ", "email": "voirie@ville.example"})
    own = office(square)
    confirmed(square)
    run(square, own)
    assert town.posts[0]["attribute[TYPE]"] == "OBJ"
    assert town.posts[0]["email"] == "voirie@ville.example"
    assert "planner-1" not in str(town.posts[0])
    assert "box-a" not in str(town.posts[0])


class Killed(BaseException):
    """kill -9, as close as a test comes: nothing after it runs."""


def _breaking(store: Store, at: int):
    """Make the ``at``-th write of the store die before, and the next one after it was made."""
    connections = store.endpoints._connections
    real, count = connections.write, [0]

    def write():
        count[0] += 1
        if count[0] == at:
            raise Killed
        return real()

    connections.write = write
    return lambda: setattr(connections, "write", real)


def _through_crashes(make_site, fault: str, **ways: bool):
    """The server dies before its n-th write, for every n, is started again, and goes on until nothing is due."""
    for at in range(1, 14):
        site = make_site(f"crash-{at}")
        town = Town(site.clock)
        for name, value in ways.items():
            setattr(town, name, value)
        settle(site)
        with serving(town) as url:
            connect(site, url)
            run(site, office(site))
            town.faults = [fault] if fault else []
            confirmed(site)
            mend = _breaking(site.store, at)
            died = False
            try:
                run(site, office(site))
                run(site, office(site), POLL_S)
            except Killed:
                died = True
            mend()
            for _ in range(6):
                run(site, office(site), max(POSTING_S, *LOOKS_S))
            yield at, town, state(site)[0]
        if not died:
            assert at > 3
            return
    pytest.fail("the crashes never came to an end")


def test_a_crash_at_every_write_never_posts_twice_though_nothing_can_be_found_again(make_site):
    for at, there, (ends, *_) in _through_crashes(make_site, "", hidden=True):
        assert len(there.posts) == 1, f"died at write {at}"
        assert ends in {"linked", "asks"}, f"died at write {at}"


@pytest.mark.nightly
@pytest.mark.parametrize("fault", ["", "accept_drop", "accept_500"])
@pytest.mark.parametrize("batch", [False, True], ids=["ids", "tokens"])
def test_a_crash_at_every_write_and_a_fault_end_as_one_linked_request(make_site, fault, batch):
    for at, there, ends in _through_crashes(make_site, fault, batch=batch):
        assert len(there.posts) == 1, f"died at write {at}"
        assert ends == ("linked", "1001", True), f"died at write {at}"


def test_what_was_confirmed_before_the_server_was_added_is_not_posted(square, town, url):
    confirmed(square)
    connect(square, url)
    run(square, office(square))
    assert links(square) == []


def test_a_key_file_that_others_may_read_is_not_used(ready, town):
    site, own = ready
    (site.app.state.settings.data_dir / "open311" / "1.key").chmod(0o644)
    confirmed(site)
    run(site, own)
    assert site.store.endpoints.active()[0].problem == "key_file"
    assert town.log == []
