"""Mailings, alerts and the outbox as people manage them; the way out of a letter."""

from __future__ import annotations

import re

import pytest

from server.mail_settings import FILE
from server.mailer import Refused
from server.post_office import PostOffice, unsubscribe_link
from tests.server.build import NOON, config, line, zone, zone_config
from tests.server.test_post_office import Script, put, write_settings

NEW = {"of": "box-a/north/lawn", "recipient": "a@b.fr", "kind": "week", "format": "pdf", "language": "fr"}
RULE = {"kind": "live_rate", "of": "box-a/north/lawn", "recipient": "a@b.fr", "language": "fr", "share": "85",
        "minutes": "15", "cooldown_h": "12"}  # fmt: skip


@pytest.fixture
def town(site):
    """An operational zone, one of statistics, one without a capacity, and a line."""
    zones = [zone_config("lawn", capacity=10), zone_config("quiet", purpose="statistics", capacity=10),
             zone_config("wide")]  # fmt: skip
    site.post([config(0, NOON - 7200, zones)])
    site.post([zone(n, NOON - 3600, zone=name) for n, name in enumerate(("lawn", "quiet", "wide", "old"), 1)])
    site.post([line(9, NOON - 3600)])
    return site


def send(site, path: str, role: str = "planner", **fields: str):
    headers = {"Accept-Language": "en"}
    return site.client(role).post(path, data={"csrf": f"csrf-{role}", **fields}, headers=headers)


def actions(site) -> list[str]:
    return [entry.action for entry in site.store.accounts.audit(20)]


def test_a_mailing_is_made_shown_and_ended_each_with_an_audit_line(town):
    assert send(town, "/subscriptions/add", **NEW).status_code == 303
    page = town.client("planner").get("/subscriptions", headers={"Accept-Language": "en"}).text
    assert "a@b.fr" in page
    assert "Weekly report, PDF, French" in page
    assert send(town, "/subscriptions/end", id="1").status_code == 303
    assert send(town, "/subscriptions/end", id="1").status_code == 409
    assert not town.store.subscriptions.active()
    assert [a for a in actions(town) if a.startswith("subscription")] == [
        "subscription.end",
        "subscription.add",
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"recipient": "a@b.fr, c@d.fr"}, "That is no mail address"),
        ({"recipient": "a@b.fr\r\nBcc: x@y.fr"}, "That is no mail address"),
        ({"of": "box-z"}, "A report holds at most"),
        ({"of": "../x"}, "This form cannot be followed"),
        ({"kind": "year"}, "This form cannot be followed"),
        ({"format": "exe"}, "This form cannot be followed"),
        ({"language": "de"}, "This form cannot be followed"),
    ],
)
def test_a_mailing_that_cannot_be_is_refused_with_the_reason(town, changes, told):
    answer = send(town, "/subscriptions/add", **(NEW | changes))
    assert answer.status_code == 400
    assert told in answer.text
    assert not town.store.subscriptions.active()


def test_the_same_mailing_twice_is_refused_and_a_viewer_or_a_foreign_form_may_not(town):
    send(town, "/subscriptions/add", **NEW)
    assert send(town, "/subscriptions/add", **NEW).status_code == 400
    assert send(town, "/subscriptions/add", role="viewer", **NEW).status_code == 403
    foreign = town.client("planner").post("/subscriptions/add", data={"csrf": "x", **NEW})
    assert foreign.status_code == 403


def test_the_link_of_a_letter_changes_nothing_until_its_button_is_pressed(town):
    send(town, "/subscriptions/add", **NEW)
    [own] = town.store.subscriptions.active()
    path = unsubscribe_link("", town.store.subscriptions.secret(), own)
    reader = town.client()
    for _ in range(3):
        page = reader.get(path, headers={"Accept-Language": "en"})
        assert page.status_code == 200
        assert "end it?" in page.text
    assert town.store.subscriptions.active()
    assert reader.get(path.replace("id=1", "id=2")).status_code == 404
    assert reader.post(path[:-1] + ("A" if path[-1] != "A" else "B")).status_code == 404
    assert reader.post("/unsubscribe?id=1&sign=").status_code == 404
    assert reader.head(path).status_code in {200, 405}
    assert town.store.subscriptions.active()
    assert reader.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 303
    assert not town.store.subscriptions.active()
    assert "Done: a@b.fr" in reader.get(path, headers={"Accept-Language": "en"}).text
    assert actions(town)[0] == "subscription.end"
    assert reader.post(path).status_code == 303, "a second click is no error"


def test_the_outbox_shows_what_is_wrong_what_to_do_and_sends_again(town):
    write_settings(town)
    script = Script()
    put(town)
    script.todo = [Refused("refused", "550 <no> such user")]
    office = PostOffice(town.store, town.app.state.settings, script)
    office.turn()
    page = town.client("administrator").get("/mail", headers={"Accept-Language": "en"}).text
    assert "given up" in page
    assert "550 &lt;no&gt; such user" in page
    assert "check the address of the recipient" in page
    assert send(town, "/mail/again", "administrator", id="1").status_code == 303
    office.turn()
    assert (
        "accepted by the mail server"
        in town.client("administrator").get("/mail", headers={"Accept-Language": "en"}).text
    )
    assert send(town, "/mail/again", "administrator", id="1").status_code == 409
    assert "letter.again" in actions(town)
    assert send(town, "/mail/trial", "administrator", recipient="x@y.fr").status_code == 303
    assert office.turn() == 1


def test_pages_say_that_no_mail_is_set_up_or_that_its_settings_are_broken(town):
    client = town.client("administrator")
    for path in ("/mail", "/subscriptions", "/alerts"):
        assert "No mail server is set up" in client.get(path, headers={"Accept-Language": "en"}).text
    (town.app.state.settings.data_dir / FILE).write_text("host = 'a'")
    assert "sender is missing" in client.get("/mail", headers={"Accept-Language": "en"}).text
    assert send(town, "/mail/trial", "administrator", recipient="x@y.fr").status_code == 409


def test_a_statistics_zone_can_never_have_a_live_rule_and_the_reason_is_told(town):
    page = town.client("planner").get("/alerts", headers={"Accept-Language": "en"}).text
    live = re.search(r'id="of-live_rate".*?</select>', page, re.DOTALL)
    assert live is not None
    assert "lawn" in live[0]
    assert "quiet" not in live[0]
    for kind in ("live_rate", "camera_away"):
        answer = send(town, "/alerts/add", **(RULE | {"kind": kind, "of": "box-a/north/quiet"}))
        assert answer.status_code == 400
        assert "this zone is for statistics" in answer.text
        answer = send(town, "/alerts/add", **(RULE | {"kind": kind, "of": "box-a/north/old"}))
        assert "purpose of this zone is not known" in answer.text
    assert not town.store.alert_rules.active()
    forecast = {"kind": "forecast", "of": "box-a/north/quiet", "chance": "70", "days": "7"}
    assert send(town, "/alerts/add", **(RULE | forecast)).status_code == 303


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"of": "box-a/north/gate"}, "no such zone"),
        ({"of": "box-a/north/wide"}, "no capacity is known"),
        ({"share": "5"}, "Share of the capacity (%) must be"),
        ({"minutes": "x"}, "For how many minutes must be"),
        ({"minutes": "-3"}, "For how many minutes must be"),
        ({"kind": "other"}, "This form cannot be followed"),
        ({"recipient": "nobody"}, "That is no mail address"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_the_reason(town, changes, told):
    answer = send(town, "/alerts/add", **(RULE | changes))
    assert answer.status_code == 400
    assert told in answer.text


def test_a_rule_is_made_shown_and_ended_each_with_an_audit_line(town):
    assert send(town, "/alerts/add", **RULE).status_code == 303
    page = town.client("planner").get("/alerts", headers={"Accept-Language": "en"}).text
    assert "85% of the capacity or more for 15 min" in page
    assert send(town, "/alerts/end", id="1").status_code == 303
    assert send(town, "/alerts/end", id="1").status_code == 409
    assert [a for a in actions(town) if a.startswith("rule")] == ["rule.end", "rule.add"]
