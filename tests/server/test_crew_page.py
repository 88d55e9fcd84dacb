"""The page of whom notices go to: forms, secrets shown once, the audit."""

from __future__ import annotations

import re

import pytest

from server.credentials import token_hash
from server.sites import Site
from server.store.crew_base import NewDelivery
from server.targets import TargetError, check_url
from tests.server.build import NOON
from tests.server.crew import AUDIT, Post, calm, recipient

PAGE = "/notices/crew"
PERSON = {
    "recipient": "equipe@exemple.fr", "stage": "confirmed", "site": "", "least": "medium", "language": "fr",
    "kind_debris": "1", "kind_obstruction": "1",
}  # fmt: skip


@pytest.fixture
def browser(site):
    site.store.sites.add(Site("market", "Place du Marché"), AUDIT)
    return site.client("planner", headers={"Accept-Language": "fr"})


def send(browser, path: str, role="planner", **fields):
    return browser.post(f"{PAGE}/{path}", data={"csrf": f"csrf-{role}"} | fields)


def actions(site) -> list[tuple[str, str]]:
    return [(own.action, own.subject) for own in site.store.accounts.audit(50) if own.actor == "planner-1"]


def test_a_recipient_is_added_tried_and_ended(site, browser):
    post = Post(site)
    assert send(browser, "recipients/add", **PERSON).status_code == 303
    [own] = site.store.crew.recipients()
    assert (own.address, own.stage, own.site, own.least) == ("equipe@exemple.fr", "confirmed", None, "medium")
    assert own.kinds == ("debris", "obstruction")
    page = calm(browser.get(PAGE).text)
    assert "equipe@exemple.fr" in page
    assert send(browser, "recipients/trial", id="1").status_code == 303
    assert post.letters() == [("equipe@exemple.fr", "Parvis : les avis arrivent")]
    assert send(browser, "recipients/end", id="1").status_code == 303
    assert send(browser, "recipients/end", id="1").status_code == 409
    assert send(browser, "recipients/trial", id="1").status_code == 409
    assert site.store.crew.recipients() == []
    found = [own for own in actions(site) if own[0].startswith("recipient.")]
    assert found == [(f"recipient.{what}", "equipe@exemple.fr") for what in ("end", "trial", "add")]


@pytest.mark.parametrize(
    "changes",
    [{"recipient": "nobody"}, {"recipient": "a@b.fr, c@d.fr"}, {"stage": "new"}, {"least": "none"}, {"language": "de"},
     {"site": "nowhere"}, {"kind_debris": "", "kind_obstruction": ""}, {"recipient": "known@exemple.fr"}],
)  # fmt: skip
def test_a_recipient_that_cannot_be_is_refused_in_words(site, browser, changes):
    recipient(site, address="known@exemple.fr")
    answer = send(browser, "recipients/add", **(PERSON | changes))
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert len(site.store.crew.recipients()) == 1


def test_a_webhook_s_secret_is_shown_once_and_can_be_changed(site, browser):
    url = "https://crews.example.org/in"
    answer = send(browser, "hooks/add", url=url, site="market", unverified="1")
    assert answer.status_code == 200
    [secret] = re.findall(r"whsec_[A-Za-z0-9+/=]{44}", answer.text)
    [own] = site.store.hooks.hooks()
    assert (own.url, own.site, own.unverified, own.internal, own.secret) == (
        url,
        "market",
        True,
        False,
        secret,
    )
    assert secret not in browser.get(PAGE).text
    [fresh] = re.findall(r"whsec_[A-Za-z0-9+/=]{44}", send(browser, "hooks/secret", id="1").text)
    own = site.store.hooks.hook(1)
    assert (own.secret, own.secret_before, own.before_until) == (fresh, secret, NOON + 86400)
    assert send(browser, "hooks/trial", id="1").status_code == 303
    [trial] = site.store.hooks.deliveries(9)
    assert (trial.type, trial.event, trial.notice) == ("fr.parvis.trial.v1", None, 0)
    assert send(browser, "hooks/end", id="1").status_code == 303
    for path in ("end", "secret", "trial", "again"):
        assert send(browser, f"hooks/{path}", id="1").status_code == 409
    log = "\n".join(f"{own.subject} {own.detail}" for own in site.store.accounts.audit(50))
    assert secret not in log
    assert fresh not in log
    assert [own for own in actions(site) if own[0].startswith("webhook.")] == [
        (f"webhook.{what}", url) for what in ("end", "trial", "secret", "add")
    ]


@pytest.mark.parametrize(
    "url",
    ["", "http://example.org/", "https://a:b@example.org/", "https://127.0.0.1/", "https://0x7f.1/", "https://localhost/",
     "https://example.org/#a", "https://[::1]/", "https://exa_mple..org/", "https://169.254.169.254/", "javascript:alert(1)"],
)  # fmt: skip
def test_a_target_that_may_not_be_is_refused_in_words(site, browser, url):
    answer = send(browser, "hooks/add", url=url)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert site.store.hooks.hooks() == []


def test_only_an_administrator_allows_a_host_of_the_own_network(site, browser):
    url = "http://crews.mairie.local:8080/in"
    assert send(browser, "hooks/add", url=url, internal="1").status_code == 400
    boss = site.client("administrator")
    assert 'name="internal"' not in browser.get(PAGE).text
    assert 'name="internal"' in boss.get(PAGE).text
    assert send(boss, "hooks/add", "administrator", url=url, internal="1").status_code == 200
    assert site.store.hooks.hook(1).internal
    [line] = site.store.accounts.audit(1, "webhook.add")
    assert line.detail == "every site, internal"


def test_what_was_given_up_is_seen_and_sent_once_more(site, browser):
    send(browser, "hooks/add", url="https://crews.example.org/in")
    body = b"{}"
    site.store.hooks.queue([NewDelivery(1, 7, 3, "fr.parvis.notice.confirmed.v1", "7", body)], NOON)
    own = site.store.hooks.claim(1, NOON, 120)
    site.store.hooks.failed(own, NOON, NOON + 30, "answer", "", 503)
    assert site.store.hooks.bury(1, NOON + 1, NOON) == 1
    page = calm(browser.get(PAGE).text)
    assert "messages abandonnés : 1" in page
    assert "Refus de la destination. (503)" in page
    assert send(browser, "hooks/again", id="1").status_code == 303
    assert site.store.hooks.counts() == {1: {"waiting": 1}}


def test_a_feed_s_key_is_shown_once_and_opens_the_feed(site, browser):
    answer = send(browser, "feeds/renew", site="market")
    [path] = re.findall(r"https?://[^/]+(/feeds/market\.atom\?key=pvf_[\w-]{43})", answer.text)
    assert site.client().get(path).status_code == 200
    key = path.partition("key=")[2]
    assert key not in browser.get(PAGE).text
    assert site.store.crew.feed("market").key_hash == token_hash(key)
    assert send(browser, "feeds/end", site="market").status_code == 303
    assert site.client().get(path).status_code == 404
    assert send(browser, "feeds/end", site="market").status_code == 409
    assert send(browser, "feeds/renew", site="nowhere").status_code == 400


def test_links_are_cancelled_by_an_administrator(site, browser):
    before = site.store.crew.link_key()
    assert site.store.crew.link_key() == before
    assert send(browser, "links/renew").status_code == 403
    assert send(site.client("administrator"), "links/renew", "administrator").status_code == 200
    after = site.store.crew.link_key()
    assert (after.id, after.secret != before.secret) == (before.id + 1, True)


@pytest.mark.parametrize("path", ["recipients/add", "hooks/add", "feeds/renew"])
def test_a_form_of_another_site_is_refused(site, browser, path):
    fields = PERSON | {"url": "https://example.org/", "csrf": "wrong"}
    assert browser.post(f"{PAGE}/{path}", data=fields).status_code == 403
    assert (site.store.crew.recipients(), site.store.hooks.hooks(), site.store.crew.feeds()) == ([], [], [])


def test_every_rule_of_a_target_has_its_words():
    from server.pages.texts import CATALOGUES

    rules = set()
    for url in (
        "https://a.org/#x",
        "ftp://a.org",
        "https://a@b.org",
        "https://a..org",
        "https://1",
        "https://localhost",
        "https://10.0.0.1",
    ):
        with pytest.raises(TargetError) as caught:
            check_url(url, internal=False)
        rules.add(caught.value.rule)
    assert rules == {"form", "scheme", "userinfo", "host", "numeric", "internal", "address"}
    assert all(f"crew.target.{rule}" in CATALOGUES["fr"] for rule in rules)
