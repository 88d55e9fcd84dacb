"""Answers that nobody thought of, and mistakes of ours: they cost one server's turn, never the others'."""

from __future__ import annotations

import logging

import pytest

from server.errors import ServerError
from server.open311 import request_of
from server.open311_channel import WAITS_S, Channel
from server.open311_client import GeoReport, Target, Trouble
from server.open311_http import Answer
from server.sites import Site
from tests.server.open311_stub import Town, serving
from tests.server.open311_town import (
    audit,
    confirmed,
    connect,
    links,
    office,
    ready,
    run,
    square,
    town,
    url,
)

__all__ = ["ready", "square", "town", "url"]


@pytest.fixture
def two(square, town):
    """A server that is asked first, and a second one."""
    first = Town(square.clock)
    square.store.sites.add(Site("avenue"), audit(square))
    with serving(first) as bad, serving(town) as good:
        connect(square, bad, where="avenue")
        connect(square, good)
        yield square, first


@pytest.mark.parametrize(
    ("fault", "told"),
    [("get_half", ("refused", "400: trop long \ufffd")), ("get_squared", ("overloaded", "status 429"))],
)
def test_an_answer_that_nobody_thought_of_costs_that_server_alone(two, town, fault, told):
    site, first = two
    first.faults = [fault] * 20
    own = office(site)
    confirmed(site)
    run(site, own)
    odd, other = site.store.endpoints.active()
    assert (odd.problem, odd.detail) == told
    assert (odd.failures, other.failures, other.problem) == (1, 0, "")
    assert len(town.posts) == 1


def test_the_words_of_a_refused_post_are_kept_without_half_a_character(ready, town):
    site, own = ready
    town.faults = ["half"]
    confirmed(site)
    run(site, own)
    (link,) = links(site)
    assert (link.state, link.problem, link.detail) == ("failed", "refused", "400: trop long \ufffd")


def test_an_error_of_ours_costs_that_server_alone_and_its_page_says_so(two, town, monkeypatch, caplog):
    site, _ = two
    real = Channel.turn

    def turn(self, now, stop):
        if self._own.site == "avenue":
            raise RuntimeError("a mistake, and words of others")
        return real(self, now, stop)

    monkeypatch.setattr(Channel, "turn", turn)
    own = office(site)
    confirmed(site)
    with caplog.at_level(logging.ERROR, "parvis.server"):
        run(site, own)
    odd, other = site.store.endpoints.active()
    assert (odd.problem, odd.failures) == ("other", 1)
    assert odd.poll_at == int(site.clock()) + WAITS_S[0]
    assert "RuntimeError" in odd.detail
    assert "words of others" not in odd.detail
    assert "words of others" in caplog.text
    assert (other.failures, len(town.posts)) == (0, 1)


def test_an_error_of_our_own_store_is_not_the_servers(ready, monkeypatch):
    site, own = ready

    def turn(self, now, stop):
        raise ServerError("the disk is full")

    monkeypatch.setattr(Channel, "turn", turn)
    with pytest.raises(ServerError):
        run(site, own)
    assert [each.failures for each in site.store.endpoints.active()] == [0]


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [("240", 240), ("99999999", 86400), ("\u00b2", 0), ("\u0663", 0), ("9" * 5000, 0), ("-5", 0), ("", 0)],
)
def test_how_long_a_server_asks_to_be_left_alone(said, wait_s):
    def http(*args, **kwargs):
        return Answer(503, {"retry-after": said}, b"")

    with pytest.raises(Trouble) as caught:
        GeoReport(http, Target("https://town.example")).one("1")
    assert caught.value.wait_s == wait_s


@pytest.mark.parametrize("etag", ["\u00b2", "a\r\n b", "x" * 201])
def test_an_etag_that_fits_into_no_header_is_not_kept(etag):
    def http(*args, **kwargs):
        return Answer(200, {"etag": etag}, b"[]")

    assert GeoReport(http, Target("https://town.example")).by_ids(["1"]) == ([], "")


def test_no_text_of_others_holds_what_cannot_be_stored():
    own = request_of({"service_request_id": "7\ud83d", "status": "open", "status_notes": "fait \udc00"})
    assert (own.service_request_id, own.status_notes) == ("7\ufffd", "fait \ufffd")
