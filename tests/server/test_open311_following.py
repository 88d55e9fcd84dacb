"""What became of requests elsewhere: each is asked for, and one that cannot be seen holds up no other."""

from __future__ import annotations

import pytest

from server import open311_following as following
from server.notices import NoticeConflict
from server.open311_channel import POLL_S, WAITS_S
from server.open311_client import GeoReport
from tests.server.open311_town import (
    LANES,
    LAT,
    confirmed,
    links,
    ready,
    run,
    square,
    town,
    url,
)

__all__ = ["ready", "square", "town", "url"]


def many(site, own, town, count):
    """Notices with a request each, 1001 and on; the calls until then are forgotten."""
    made = []
    for number in range(count):
        made.append(
            confirmed(
                site, number + 1, zone=LANES[number], lat=LAT + number / 100, x=0.02 + number / 22, w=0.01
            )
        )
        run(site, own)
    assert [link.state for link in links(site)] == ["linked"] * count
    town.log.clear()
    return made


def how(site, notice):
    return site.store.notices.notice(notice.id).state


def server(site):
    (own,) = site.store.endpoints.active()
    return own


def singles(town):
    """The ids that were asked for by themselves."""
    return [path.partition("/requests/")[2][:4] for _, path in town.log if "/requests/" in path]


@pytest.mark.parametrize("status", [400, 401, 403, 410])
@pytest.mark.parametrize("listed", [True, False], ids=["in a list", "by itself"])
def test_a_request_that_is_refused_holds_up_no_other(ready, town, status, listed):
    site, own = ready
    gone, other = many(site, own, town, 2)
    town.list_404 = not listed
    town.singles["1001"] = status
    del town.requests["1001"]
    town.close("1002")
    run(site, own, POLL_S)
    assert (how(site, gone), how(site, other)) == ("confirmed", "cleared")
    assert (server(site).problem, server(site).failures) == ("", 0)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_for_all_of_them_is_told(ready, town, status):
    site, own = ready
    many(site, own, town, 2)
    town.requests.clear()
    town.singles = {"1001": status, "1002": status}
    run(site, own, POLL_S)
    assert (server(site).problem, server(site).failures) == ("key", 1)


def test_what_a_list_says_counts_though_the_server_fails_right_after(ready, town):
    site, own = ready
    _, other = many(site, own, town, 2)
    del town.requests["1001"]
    town.singles["1001"] = 500
    town.close("1002")
    run(site, own, POLL_S)
    assert how(site, other) == "cleared"
    assert server(site).problem == "overloaded"


def test_after_one_that_brings_trouble_each_time_the_next_turn_goes_on_behind_it(ready, town):
    site, own = ready
    _, other = many(site, own, town, 2)
    town.list_404 = True
    del town.requests["1001"]
    town.singles["1001"] = 500
    town.close("1002")
    run(site, own, POLL_S)
    run(site, own, WAITS_S[0])
    assert how(site, other) == "cleared"


def test_what_a_list_leaves_out_is_asked_for_though_the_list_did_not_change(ready, town):
    site, own = ready
    _, other = many(site, own, town, 2)
    town.etags = town.list_one = True
    run(site, own, POLL_S)
    town.close("1002")
    run(site, own, POLL_S)
    assert how(site, other) == "cleared"


def test_a_whole_list_is_asked_for_by_its_etag(ready, town, monkeypatch):
    site, own = ready
    many(site, own, town, 2)
    town.etags = True
    asked = []
    real = GeoReport.by_ids
    monkeypatch.setattr(
        GeoReport, "by_ids", lambda self, ids, etag="": asked.append(bool(etag)) or real(self, ids, etag)
    )
    for _ in range(3):
        run(site, own, POLL_S)
    assert asked == [False, True, True]


def test_an_end_that_others_were_in_the_way_of_is_tried_again_though_the_list_did_not_change(
    ready, town, monkeypatch
):
    site, own = ready
    (notice,) = many(site, own, town, 1)
    town.etags = True
    town.close("1001")

    def move(*args, **kwargs):
        raise NoticeConflict("somebody changed it")

    with monkeypatch.context() as patch:
        patch.setattr(type(site.store.notices), "move", move)
        run(site, own, POLL_S)
    assert (how(site, notice), server(site).failures) == ("confirmed", 0)
    run(site, own, POLL_S)
    assert how(site, notice) == "cleared"


def test_only_so_many_are_asked_for_by_themselves_a_turn_and_each_has_its_turn(ready, town, monkeypatch):
    site, own = ready
    made = many(site, own, town, 8)
    monkeypatch.setattr(following, "ONES_AT_ONCE", 3)
    town.list_404 = True
    town.singles = {str(number): 410 for number in range(1001, 1008)}
    del town.requests["1001"]
    town.close("1008")
    asked = []
    for _ in range(3):
        town.log.clear()
        run(site, own, POLL_S)
        asked.append(singles(town))
    assert asked == [["1001", "1002", "1003"], ["1004", "1005", "1006"], ["1007", "1008", "1001"]]
    assert how(site, made[-1]) == "cleared"


@pytest.mark.parametrize("calls", [1, 2, 4, 6])
def test_told_to_stop_it_asks_for_nothing_more(ready, town, monkeypatch, calls):
    """Four lists of two, then what they left out."""
    site, own = ready
    many(site, own, town, 8)
    monkeypatch.setattr(following, "IDS_AT_ONCE", 2)
    town.requests.clear()
    site.clock.now += POLL_S
    own.turn(lambda: len(town.log) >= calls)
    assert len(town.log) == calls
    # Not done, so it is done at the next start.
    town.log.clear()
    run(site, own)
    assert len(town.log) == 12
