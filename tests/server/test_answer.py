"""Answers by a letter's link: two taps, no account, and nothing that a mail scanner could set off."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.answering import CORRECT_S, later_at
from server.links import LIFETIME_S, Claim, claim_of, token
from server.pages.answer import ANSWERS_BURST, BURST
from server.store.crew_base import LinkKey
from tests.server.build import NOON
from tests.server.crew import AUDIT, Post, calm, link_of, recipient
from tests.server.test_notice_store import TZ, by, case, deliver, desk, move

__all__ = ["desk"]
FRENCH, ENGLISH = {"Accept-Language": "fr"}, {"Accept-Language": "en"}


@pytest.fixture
def post(desk):
    return Post(desk)


def letter_link(desk, post, stage="confirmed", **changes) -> str:
    """The link of a letter about a new notice, as it stands in the letter."""
    recipient(desk, stage, **changes)
    [own] = deliver(desk, case(1))
    if stage == "confirmed":
        move(desk, own, "confirmed")
    [(message, _)] = post.messages()
    return link_of(message)


def notice(desk):
    return desk.store.notices.notice(1)


def everything(desk) -> str:
    """All that the database holds, but for what merely looking at it may change."""
    with desk.store._connections.read() as db:
        return "\n".join(db.conn.iterdump())


def tap(desk, link: str, answer: str):
    return desk.client().post(link, data={"answer": answer})


def shown(desk, link: str, **options) -> str:
    return calm(desk.client().get(link, **options).text)


def buttons(html: str) -> list[str]:
    return re.findall(r'name="answer" value="(\w+)"', html)


def test_looking_changes_nothing_however_often_and_however_one_looks(desk, post):
    fresh = everything(desk)
    assert desk.client().get("/a/1-1-c-1-1-" + "a" * 52).status_code == 404
    assert everything(desk) == fresh
    link = letter_link(desk, post)
    before = everything(desk)
    client = desk.client()
    for method in ("GET", "HEAD", "GET", "OPTIONS", "PUT", "DELETE", "PATCH"):
        for suffix in ("", "?answer=cleared", "?answer=nothing_there&confirm=1"):
            answer = client.request(method, link + suffix, headers={"User-Agent": "SafeLinks scanner"})
            assert answer.status_code == (200 if method == "GET" else 405)
    assert everything(desk) == before
    assert notice(desk).state == "confirmed"


@pytest.mark.parametrize("answer", ["cleared", "nothing_there", "not_ours"])
def test_two_taps_end_a_notice(desk, post, answer):
    link = letter_link(desk, post)
    page = shown(desk, link)  # the first tap is the letter's link
    assert buttons(page) == [
        "cleared",
        "nothing_there",
        "not_ours",
        "later_hour",
        "later_evening",
        "later_tomorrow",
    ]
    answered = tap(desk, link, answer)  # the second one is a button
    assert (answered.status_code, answered.headers["location"]) == (303, link)
    assert notice(desk).state == answer
    event = desk.store.notices.events(1)[-1]
    assert (event.actor, event.before, event.after) == ("link:1", "confirmed", answer)
    [line] = [own for own in desk.store.accounts.audit(20, "notice.moved") if own.actor == "link:1"]
    assert f"confirmed -> {answer}" in line.detail
    assert bool(desk.store.notices.vetoes(NOON)) == (answer == "nothing_there")
    assert "Répondu par votre lien le 22/11/2026 13:00" in shown(desk, link)


def test_who_verifies_can_say_that_it_is_there_and_the_crew_cannot(desk, post):
    link = letter_link(desk, post, "to_verify")
    assert buttons(shown(desk, link))[0] == "confirmed"
    assert tap(desk, link, "confirmed").status_code == 303
    assert notice(desk).state == "confirmed"
    page = shown(desk, link)
    assert "confirmed" not in buttons(page)
    assert "déjà confirmé" in page
    assert tap(desk, link, "confirmed").status_code == 409
    move(desk, move(desk, notice(desk), "cleared"), "to_verify")
    crew = f"/a/{token(desk.store.crew.link_key(), Claim(1, 1, 'confirmed', NOON + 60))}"
    assert "confirmed" not in buttons(shown(desk, crew))
    assert tap(desk, crew, "confirmed").status_code == 409
    assert notice(desk).state == "to_verify"


def test_later_reminds_and_the_link_stays_good(desk, post):
    link = letter_link(desk, post)
    assert tap(desk, link, "later_hour").status_code == 303
    assert (notice(desk).state, notice(desk).later_until) == ("confirmed", NOON + 3600)
    assert "Un rappel est prévu le 22/11/2026 14:00" in shown(desk, link)
    desk.clock.now += 3600
    assert [subject.partition(" ")[0] for _, subject in post.letters()] == ["Rappel"]
    assert tap(desk, link, "cleared").status_code == 303
    assert notice(desk).state == "cleared"


def test_this_evening_is_offered_while_it_is_not_yet(desk, post):
    at = NOON - 3600 * 13  # midnight in Paris
    assert later_at("evening", at, TZ) == at + 18 * 3600
    assert later_at("evening", at + 17 * 3600, TZ) == at + 18 * 3600
    assert later_at("evening", at + 17 * 3600 + 1, TZ) is None
    assert later_at("tomorrow", at + 23 * 3600, TZ) == at + 31 * 3600
    link = letter_link(desk, post)
    desk.clock.now = at + 17 * 3600 + 60
    assert "later_evening" not in buttons(shown(desk, link))
    assert tap(desk, link, "later_evening").status_code == 400
    assert notice(desk).later_until is None


def test_one_answer_and_fifteen_minutes_to_correct_it(desk, post):
    link = letter_link(desk, post)
    tap(desk, link, "nothing_there")
    assert buttons(shown(desk, link)) == ["cleared", "not_ours", "back"]
    desk.clock.now += CORRECT_S
    assert tap(desk, link, "cleared").status_code == 303
    assert (notice(desk).state, desk.store.notices.vetoes(int(desk.clock()))) == ("cleared", [])
    desk.clock.now += 1  # corrections do not prolong the time for them
    assert buttons(shown(desk, link)) == []
    assert tap(desk, link, "not_ours").status_code == 409
    assert notice(desk).state == "cleared"


def test_the_same_tap_twice_is_one_answer(desk, post):
    link = letter_link(desk, post)
    assert tap(desk, link, "cleared").status_code == 303
    assert tap(desk, link, "cleared").status_code == 409
    moved = [own for own in desk.store.notices.events(1) if own.actor == "link:1"]
    assert len(moved) == 1


@pytest.mark.parametrize("stage", ["confirmed", "to_verify"])
def test_an_answer_that_is_taken_back_leads_where_it_came_from(desk, post, stage):
    link = letter_link(desk, post, stage)
    tap(desk, link, "nothing_there")
    assert tap(desk, link, "back").status_code == 303
    assert (notice(desk).state, desk.store.notices.vetoes(NOON)) == (stage, [])


@pytest.mark.parametrize(
    ("actor", "said"),
    [("crew-1", "une personne connectée"), ("link:99", "un autre destinataire"), ("open311:sig", "Open311")],
)
def test_what_happened_meanwhile_is_said_without_names(desk, post, actor, said):
    link = letter_link(desk, post)
    move(desk, notice(desk), "cleared", actor)
    answered = tap(desk, link, "nothing_there")
    assert answered.status_code == 409
    page = calm(answered.text)
    assert said in page
    assert "rien changé" in page
    assert "crew-1" not in page
    assert buttons(page) == []
    assert notice(desk).state == "cleared"


def test_a_box_that_saw_it_go_says_so(desk, post):
    link = letter_link(desk, post)
    deliver(desk, case(1, 2, state="cleared"))
    assert "La caméra ne voit plus" in shown(desk, link)


def test_somebody_first_by_a_moment_is_no_loss(desk, post, monkeypatch):
    """The notice is assigned between the page's look and its move: the answer still holds."""
    link = letter_link(desk, post)
    kind = type(desk.store.notices)
    real, calls = kind.move, []

    def late(self, number, version, after, audit, **more):
        if not calls:
            calls.append(1)
            own = self.notice(number)
            real(self, number, own.version, "assigned", by(desk), assigned_to="crew-1")
        return real(self, number, version, after, audit, **more)

    monkeypatch.setattr(kind, "move", late)
    assert tap(desk, link, "cleared").status_code == 303
    assert notice(desk).state == "cleared"


def test_a_link_dies_with_its_time_its_recipient_its_key_and_its_notice(desk, post):
    link = letter_link(desk, post)
    desk.clock.now = NOON + LIFETIME_S - 1
    assert desk.client().get(link).status_code == 200
    desk.clock.now = NOON + LIFETIME_S
    for method in ("get", "post"):
        answer = getattr(desk.client(), method)(
            link, **({"data": {"answer": "cleared"}} if method == "post" else {})
        )
        assert answer.status_code == 410
    desk.clock.now = NOON
    desk.store.crew.end(1, "t", AUDIT)
    assert tap(desk, link, "cleared").status_code == 410
    other = recipient(desk)
    key = desk.store.crew.link_key()
    good = f"/a/{token(key, Claim(1, other, 'confirmed', NOON + 60))}"
    assert desk.client().get(good).status_code == 200
    assert desk.client().get(f"/a/{token(key, Claim(9, other, 'confirmed', NOON + 60))}").status_code == 410
    desk.store.crew.renew_link_key(AUDIT)
    assert desk.client().get(good).status_code == 404
    assert notice(desk).state == "confirmed"


KEY = LinkKey(1, b"k" * 32)
claims = st.builds(
    Claim, st.integers(1, 10**9), st.integers(1, 10**9), st.sampled_from(["to_verify", "confirmed"]), st.integers(1, 10**11)
)  # fmt: skip


@given(claims)
def test_a_token_says_what_was_signed_and_only_with_its_key(claim):
    text = token(KEY, claim)
    assert re.fullmatch(r"[a-z0-9-]{1,110}", text)
    assert claim_of(KEY, text) == claim
    assert claim_of(LinkKey(1, b"l" * 32), text) is None
    assert claim_of(LinkKey(2, b"k" * 32), text) is None


@given(claims, claims)
def test_no_part_of_a_token_can_be_changed(one, other):
    text, signed = token(KEY, one), token(KEY, other).rpartition("-")[2]
    if asdict(one) != asdict(other):
        assert claim_of(KEY, f"{text.rpartition('-')[0]}-{signed}") is None
    for index in range(len(text)):
        for letter in "a1-":
            changed = text[:index] + letter + text[index + 1 :]
            assert changed == text or claim_of(KEY, changed) is None


@pytest.mark.parametrize(
    "given_token", ["x", "1-1-c-1-1-", "1-1-c-99999999999-1-" + "a" * 52, "../../etc/passwd", "%00", "é", "1" * 5000]
)  # fmt: skip
def test_what_is_no_token_is_unknown(desk, given_token):
    assert desk.client().get(f"/a/{given_token}").status_code in {404, 400}


def test_nothing_of_the_page_is_kept_found_or_told_on(desk, post):
    link = letter_link(desk, post)
    for path, status in ((link, 200), ("/a/none", 404)):
        answer = desk.client().get(path)
        assert answer.status_code == status
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow, noarchive"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
    page = shown(desk, link)
    assert "<script" not in page
    assert "planner-1" not in page


def test_the_page_speaks_the_letter_s_language_unless_another_is_chosen(desk, post):
    link = letter_link(desk, post, language="en")
    assert "What did you find?" in shown(desk, link, headers=FRENCH)
    client = desk.client()
    client.cookies.set("parvis_lang", "fr")
    assert "avez-vous trouvé" in calm(client.get(link).text)


@pytest.mark.parametrize(
    "body", [b"", b"answer=", b"answer=new", b"answer=to_verify", b"answer=%00", b"x" * 20_000]
)
def test_what_is_no_answer_changes_nothing(desk, post, body):
    link = letter_link(desk, post)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert desk.client().post(link, content=body, headers=headers).status_code in {400, 409, 413}
    assert desk.client().post(link, json={"answer": "cleared"}).status_code == 400
    assert notice(desk).state == "confirmed"


def test_asking_too_often_is_refused_for_a_while(desk, post):
    link = letter_link(desk, post)
    client = desk.client()
    answers = [client.get("/a/none").status_code for _ in range(BURST + 1)]
    assert answers == [404] * BURST + [429]
    refused = client.post(link, data={"answer": "cleared"})
    assert (refused.status_code, notice(desk).state) == (429, "confirmed")
    assert int(refused.headers["retry-after"]) >= 1
    desk.clock.now += 60
    assert client.post(link, data={"answer": "cleared"}).status_code == 303


def test_one_link_cannot_flood_the_audit(desk, post):
    link = letter_link(desk, post)
    found = [tap(desk, link, "later_hour").status_code for _ in range(ANSWERS_BURST + 2)]
    assert found == [303] * ANSWERS_BURST + [429] * 2
