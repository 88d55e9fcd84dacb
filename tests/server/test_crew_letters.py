"""Letters about notices: who gets which, once, and what is in them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server.crew_watch import CrewWatch
from server.mail_settings import read
from server.post_office import KEPT_S, TIDY_S
from server.sites import PlaceDetail, Site
from tests.server.build import NOON
from tests.server.crew import AUDIT, Post, parsed, recipient, subject_of, text_of
from tests.server.test_notice_store import by, case, deliver, desk, move
from tests.server.test_post_office import write_settings

__all__ = ["desk"]
ROOT = Path(__file__).parents[2]
CREW, LOOK = "equipe@exemple.fr", "agent@exemple.fr"


@pytest.fixture
def post(desk):
    return Post(desk)


def to_verify(desk, number=1, **changes):
    return next(n for n in deliver(desk, case(number, **changes)) if n.state == "to_verify")


def test_each_stage_gets_its_letter_once(desk, post):
    recipient(desk)
    recipient(desk, "to_verify", LOOK)
    own = to_verify(desk)
    assert post.letters() == [(LOOK, "À vérifier : Objet sur la chaussée, box-a / lane (n° 1)")]
    own = move(desk, own, "confirmed")
    assert post.letters() == [(CREW, "À dégager : Objet sur la chaussée, box-a / lane (n° 1)")]
    own = move(desk, own, "in_work")
    deliver(desk, case(1, 2, state="updated", last_seen="2026-11-22T12:00:00Z"))
    assert post.letters() == []


def test_a_letter_says_where_what_since_when_and_how_sure(desk, post):
    desk.store.sites.add(Site("market", "Place du Marché", "Market Square"), AUDIT)
    place = PlaceDetail("box-a", "north", "lane", "zone", "market", "Rue nord", "North street", x=0.9, y=0.1)
    desk.store.sites.describe([place], [AUDIT])
    recipient(desk, "to_verify", LOOK)
    recipient(desk, "to_verify", "watch@example.org", language="en")
    to_verify(desk, y=0.8, size_m=0.6, lon=2.35, lat=48.85)
    [(french, _), (english, _)] = post.messages()
    for message, words in (
        (french, ["Où : Place du Marché / Rue nord (caméra north)", "Vu par la caméra : au milieu, au premier plan",
                  "Sur le plan du site : en haut à droite", "Quoi : Objet sur la chaussée, environ 0,6 m",
                  "abord : 22/11/2026 12:59", "80 % selon la caméra"]),
        (english, ["Where: Market Square / North street (camera north)", "Seen by the camera: in the middle, in front",
                   "plan: top right", "about 0.6 m", "First seen: 22 Nov 2026 12:59", "80% by the camera"]),
    ):  # fmt: skip
        text, html = text_of(message), text_of(message, "html")
        for word in words:
            assert word in text
        assert "mlat=48.850000&mlon=2.350000" in text
        assert "https://parvis.exemple.fr/notices/1\n" in text
        assert html.count("https://parvis.exemple.fr/a/") == 1
        assert "<img" not in html
        assert "<script" not in html
        message.decode("ascii")
        assert parsed(message)["Auto-Submitted"] == "auto-generated"
        assert [part.get_content_type() for part in parsed(message).iter_parts()] == [
            "text/plain",
            "text/html",
        ]


def test_what_people_type_is_text_in_a_letter(desk, post):
    desk.store.sites.add(Site("market", "<img src=x onerror=alert(1)>"), AUDIT)
    desk.store.sites.describe(
        [PlaceDetail("box-a", "north", "lane", "zone", "market", "<b>A&B</b>")], [AUDIT]
    )
    recipient(desk, "to_verify", LOOK)
    to_verify(desk)
    [(message, _)] = post.messages()
    assert "<img" not in text_of(message, "html")
    assert "&lt;b&gt;A&amp;B&lt;/b&gt;" in text_of(message, "html")
    assert "<b>A&B</b>" in subject_of(message)


def test_no_person_is_named(desk, post):
    recipient(desk)
    own = move(desk, to_verify(desk), "confirmed", "marie.dupont")
    desk.store.notices.move(
        own.id, own.version, "assigned", by(desk, "marie.dupont"), assigned_to="jean.martin"
    )
    [(message, _)] = post.messages()
    assert b"dupont" not in message
    assert b"martin" not in message


@pytest.mark.parametrize(
    ("changes", "told"),
    [({}, True), ({"site": "market"}, False), ({"kinds": ("obstruction",)}, False), ({"least": "high"}, False),
     ({"least": "low"}, True)],
)  # fmt: skip
def test_sites_kinds_and_severity_are_the_recipient_s_choice(desk, post, changes, told):
    desk.store.sites.add(Site("market"), AUDIT)
    recipient(desk, "to_verify", LOOK, **changes)
    own = to_verify(desk, y=0.55)
    assert own.severity != "high"
    assert bool(post.letters()) == told


def test_an_end_that_was_corrected_before_the_post_left_is_told_all_the_same(desk, post):
    recipient(desk)
    own = move(desk, to_verify(desk), "confirmed")
    assert len(post.letters()) == 1
    for after in ("cleared", "to_verify", "nothing_there"):
        own = move(desk, own, after)
    assert post.letters() == [(CREW, "Plus nécessaire : Objet sur la chaussée, box-a / lane (n° 1)")]
    for after in ("to_verify", "cleared"):
        own = move(desk, own, after)
    assert post.letters() == [], "they know that it is over, and were never told otherwise"


def test_after_months_nobody_is_told_twice_and_those_told_hear_of_the_end(desk, post):
    recipient(desk)
    own = move(desk, to_verify(desk), "confirmed")
    assert len(post.letters()) == 1
    desk.clock.now += KEPT_S + TIDY_S
    assert post.letters() == []
    assert desk.store.mails.listed(9) == [], "the letter and its address are gone"
    own = move(desk, own, "in_work")
    assert post.letters() == [], "it is still known that they were told"
    own = move(desk, own, "nothing_there")
    assert post.letters() == [(CREW, "Plus nécessaire : Objet sur la chaussée, box-a / lane (n° 1)")]
    desk.clock.now += KEPT_S + TIDY_S
    post.letters()
    assert desk.store.crew.written(own.id) == set(), "it is over: nothing is remembered"


def test_whoever_was_told_hears_that_it_is_no_longer_needed(desk, post):
    recipient(desk)
    recipient(desk, "to_verify", LOOK)
    move(desk, to_verify(desk), "confirmed")
    assert [to for to, _ in post.letters()] == [CREW]  # it was over for who verifies when the post left
    deliver(desk, case(1, 2, state="cleared"))
    [(message, to)] = post.messages()
    assert (to, subject_of(message)) == (
        CREW, "Plus nécessaire : Objet sur la chaussée, box-a / lane (n° 1)",
    )  # fmt: skip
    assert "/a/" not in text_of(message)
    assert post.letters() == []


def test_what_came_and_went_between_two_posts_is_not_told(desk, post):
    recipient(desk, "to_verify", LOOK)
    deliver(desk, case(1))
    deliver(desk, case(1, 2, state="cleared"))
    assert post.letters() == []


def test_who_answered_is_not_told_that_it_has_been_answered(desk, post):
    first, second = recipient(desk), recipient(desk, address="autre@exemple.fr")
    own = move(desk, to_verify(desk), "confirmed")
    assert len(post.letters()) == 2
    move(desk, own, "nothing_there", f"link:{first}")
    assert [to for to, _ in post.letters()] == ["autre@exemple.fr"]
    assert second != first


def test_an_end_that_is_taken_back_is_told_anew(desk, post):
    recipient(desk)
    own = move(desk, to_verify(desk), "confirmed")
    post.letters()
    own = move(desk, own, "cleared")
    post.letters()
    move(desk, move(desk, own, "to_verify"), "confirmed")
    assert [subject.partition(" :")[0] for _, subject in post.letters()] == ["À dégager"]


@pytest.mark.parametrize("by_link", [True, False])
def test_a_reminder_comes_at_its_time_to_who_asked_and_once(desk, post, by_link):
    first = recipient(desk)
    recipient(desk, address="autre@exemple.fr")
    own = move(desk, to_verify(desk), "confirmed")
    post.letters()
    desk.store.notices.later(own.id, NOON + 3600, by(desk, f"link:{first}" if by_link else "crew-1"))
    assert post.letters() == []
    desk.clock.now = NOON + 3599
    assert post.letters() == []
    desk.clock.now = NOON + 3600
    found = post.letters()
    assert [to for to, _ in found] == ([CREW] if by_link else [CREW, "autre@exemple.fr"])
    assert found[0][1].startswith("Rappel : ")
    assert desk.store.crew.reminders(int(desk.clock()), 9) == [], "it is not looked at for ever"
    desk.clock.now += 7200
    assert post.letters() == []


def test_no_reminder_of_what_has_ended_and_only_of_the_last_wish(desk, post):
    recipient(desk)
    own = move(desk, to_verify(desk), "confirmed")
    post.letters()
    for until in (NOON + 600, NOON + 7200):
        desk.store.notices.later(own.id, until, by(desk))
        post.letters()
    desk.clock.now = NOON + 700
    assert post.letters() == []
    move(desk, desk.store.notices.notice(own.id), "cleared")
    desk.clock.now = NOON + 7300
    assert [subject.partition(" :")[0] for _, subject in post.letters()] == ["Plus nécessaire"]


def test_no_reminder_when_somebody_went_on_with_it(desk, post):
    recipient(desk)
    own = move(desk, to_verify(desk), "confirmed")
    post.letters()
    own = desk.store.notices.later(own.id, NOON + 600, by(desk))
    post.letters()
    move(desk, own, "in_work")
    desk.clock.now = NOON + 600
    assert post.letters() == []


def test_an_ended_recipient_gets_nothing(desk, post):
    number = recipient(desk, "to_verify", LOOK)
    assert desk.store.crew.end(number, "t", AUDIT)
    assert not desk.store.crew.end(number, "t", AUDIT)
    to_verify(desk)
    assert post.letters() == []


def test_one_notice_that_cannot_be_told_silences_no_other(desk, post, monkeypatch):
    import server.crew_watch as module

    recipient(desk, "to_verify", LOOK)
    real = module.notice_letter

    def fails(store, mail, own, notice, *words, **more):
        if notice.id == 1:
            raise KeyError("a fault of ours")
        return real(store, mail, own, notice, *words, **more)

    monkeypatch.setattr(module, "notice_letter", fails)
    deliver(desk, case(1, x=0.1), case(2, x=0.9))
    assert [subject[-6:] for _, subject in post.letters()] == ["(n° 2)"]


@pytest.mark.parametrize("where", ["write", "follow"])
def test_what_was_killed_half_way_writes_every_letter_once(desk, post, monkeypatch, where):
    """Killed after the first of two notices was written, or when both were and the cursor was not."""
    recipient(desk, "to_verify", LOOK)
    deliver(desk, case(1, x=0.1), case(2, x=0.9))
    owner = type(desk.store.crew) if where == "write" else type(desk.store.notices)
    real, calls = getattr(owner, where), []

    def killed(*words, **more):
        calls.append(words)
        if where == "follow" or len(calls) == 2:
            raise SystemExit
        return real(*words, **more)

    monkeypatch.setattr(owner, where, killed)
    with pytest.raises(SystemExit):
        post.letters()
    monkeypatch.undo()
    assert len(desk.store.crew.letters(9)) == (1 if where == "write" else 2)
    assert len(post.letters()) == 2
    assert len(desk.store.crew.letters(9)) == 2


FOLLOW = """
import sys
from pathlib import Path
from server.crew_watch import CrewWatch
from server.mail_settings import read
from server.settings import Settings
from server.store.sqlite import open_store
from server.webhooks import Webhooks
settings = Settings(data_dir=Path(sys.argv[1]), clock=lambda: 1795348900.0)
store = open_store(settings.database)
print("go", flush=True)
CrewWatch(store, settings, read(settings.data_dir)).turn()
Webhooks(store, settings).follow()
print("done", flush=True)
"""


@pytest.mark.nightly
def test_kill_9_anywhere_writes_every_letter_and_message_once(desk, monkeypatch):
    """The followers are killed at random moments of their work; then they are let finish."""
    import server.crew_watch as module
    from server import webhooks
    from server.store.crew_base import Hook

    recipient(desk, "to_verify", LOOK)
    recipient(desk, "to_verify", "deux@exemple.fr")
    hook = Hook(0, "https://example.org/", None, True, False, "whsec_AQ==", NOON, "t")
    desk.store.hooks.add(hook, AUDIT)
    for channel in (module.CHANNEL, webhooks.CHANNEL):
        desk.store.notices.cursor(channel)
    write_settings(desk)
    number = 30
    deliver(desk, *(case(n, x=0.05 + 0.09 * (n % 10), y=0.55 + 0.15 * (n // 10)) for n in range(number)))
    opened = len(desk.store.notices.events_after(0, 10_000))
    folder, rng = desk.app.state.settings.data_dir, random.Random(5)
    assert read(folder) is not None
    for attempt in range(12):
        words = [sys.executable, "-c", FOLLOW, str(folder)]
        run = subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        assert run.stdout.readline() == b"go\n"
        if attempt < 4:
            time.sleep(rng.uniform(0.0, 0.15))
            run.send_signal(signal.SIGKILL)
        finished = run.stdout.read() == b"done\n"
        run.wait()
        run.stdout.close()
        if finished:
            break
    assert finished
    told = [own for own in desk.store.notices.events_after(0, 10_000) if own.after == "to_verify"]
    assert len(told) == opened >= 5
    jobs = [own.job for own in desk.store.crew.letters(10_000)]
    assert len(jobs) == len(set(jobs)) == 2 * len(told)
    assert sorted(own.event for own in desk.store.hooks.deliveries(10_000)) == [own.id for own in told]
    settings = desk.app.state.settings
    assert CrewWatch(desk.store, settings, read(folder)).turn() == 0
