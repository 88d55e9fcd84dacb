"""Webhooks from a case to a receiver: what is said, how it is signed, and what becomes of a target that does not answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl

import pytest

from server import signing
from server.pinned import Pusher
from server.store.base import AuditEntry
from server.store.crew_base import Hook
from server.webhooks import FAILURES, KEPT_S, PATIENCE_S, TIDY_S, WAITS_S, Webhooks
from tests.server.build import NOON
from tests.server.receivers import Receiver, answering
from tests.server.smtp_faults import certificate, server_context
from tests.server.test_notice_store import case, deliver, desk, move

__all__ = ["desk"]

AUDIT = AuditEntry(NOON, "t", "t", "t")
SECRET = signing.secret_of(b"\1" * 24)
WORDS = {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}
DATA = {
    "notice", "state", "state_before", "kind", "severity", "site", "device", "camera", "zone", "opened_at", "first_seen",
    "last_seen", "x", "y", "w", "h", "lon", "lat", "size_m", "confidence", "cases",
}  # fmt: skip


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def hooks(desk):
    own = Webhooks(desk.store, desk.app.state.settings, Pusher(total_s=5.0), lambda: 1.0)
    own.follow()  # a channel that is new begins now
    yield own
    own.close()


def target(desk, receiver, **changes) -> int:
    values = {
        "url": f"http://127.0.0.1:{receiver.port}/in",
        "site": None,
        "unverified": False,
        "internal": True,
    }
    own = Hook(0, **(values | changes), secret=SECRET, created_at=NOON, created_by="t")
    return desk.store.hooks.add(own, AUDIT)


def turn(hooks: Webhooks) -> int:
    hooks.turn()
    return hooks.settle()


def told(receiver) -> list[dict]:
    return [json.loads(got.body) for got in receiver.got]


def types(receiver) -> list[str]:
    return [
        message["type"].removeprefix("fr.parvis.notice.").removesuffix(".v1") for message in told(receiver)
    ]


def only(desk):
    [own] = desk.store.hooks.deliveries(9)
    return own


def confirmed(desk, number: int = 1, **changes):
    """A notice that a person confirmed."""
    own = next(n for n in deliver(desk, case(number, **changes)) if n.state == "to_verify")
    return move(desk, own, "confirmed")


def apart(number: int):
    """A place of its own for each notice."""
    return {"x": 0.1 + 0.2 * (number % 5), "y": 0.55 + 0.1 * (number // 5)}


def test_a_confirmed_notice_is_pushed_as_a_signed_cloudevent(desk, hooks, receiver):
    target(desk, receiver)
    own = confirmed(desk, y=0.8, size_m=0.6, lon=2.35, lat=48.85)
    assert turn(hooks) == 1
    [got], [message] = receiver.got, told(receiver)
    assert got.head == "POST /in HTTP/1.1"
    assert got.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert (set(message), set(message["data"])) == (WORDS, DATA)
    assert message["specversion"] == "1.0"
    assert message["source"] == f"urn:uuid:{desk.store.crew.identity()}"
    assert (message["type"], message["subject"]) == ("fr.parvis.notice.confirmed.v1", f"notices/{own.id}")
    assert message["time"] == "2026-11-22T12:00:00Z"
    data = message["data"]
    assert (data["state_before"], data["state"], data["size_m"], data["lon"]) == (
        "to_verify",
        "confirmed",
        0.6,
        2.35,
    )
    assert got.headers["webhook-id"] == message["id"]
    # What a receiver computes who knows nothing but docs/crew.md.
    signed = f"{message['id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.new(b"\1" * 24, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"


def test_a_signature_stands_and_falls_with_body_time_id_and_secret():
    body, at = b'{"a":1}', NOON
    good = signing.headers([SECRET], "7", at, body)
    assert signing.is_genuine(SECRET, good, body, at + 299)
    other = signing.secret_of(b"\2" * 24)
    assert not signing.is_genuine(other, good, body, at)
    assert not signing.is_genuine(SECRET, good, body + b" ", at)
    assert not signing.is_genuine(SECRET, good, body, at + 301)
    assert not signing.is_genuine(SECRET, good | {"webhook-timestamp": str(at + 1)}, body, at)
    assert not signing.is_genuine(SECRET, good | {"webhook-id": "8"}, body, at)
    assert not signing.is_genuine(SECRET, {}, body, at)
    both = signing.headers([other, SECRET], "7", at, body)
    assert signing.is_genuine(SECRET, both, body, at)
    assert signing.is_genuine(other, both, body, at)


def test_no_word_that_a_person_wrote_leaves(desk, hooks, receiver):
    target(desk, receiver, unverified=True)
    own = confirmed(desk)
    own = desk.store.notices.move(
        own.id, own.version, "assigned", AuditEntry(NOON, "crew-1", "", "", "Dupont knows"), assigned_to="Dupont",
        detail="ring at Dupont's",
    )  # fmt: skip
    move(desk, own, "cleared", "crew-1")
    turn(hooks)
    assert len(receiver.got) == 4
    said = b"".join(got.body for got in receiver.got)
    assert b"Dupont" not in said
    assert b"crew-1" not in said


def test_only_what_a_person_confirmed_is_official(desk, hooks, receiver):
    other = Receiver()
    try:
        target(desk, receiver)
        target(desk, other, unverified=True)
        [one] = deliver(desk, case(1, **apart(1)))
        move(desk, one, "nothing_there")  # never confirmed
        two = confirmed(desk, 2, **apart(3))
        deliver(desk, case(2, 2, state="cleared", **apart(3)))  # its box sees it go
        turn(hooks)
        assert types(receiver) == ["confirmed", "cleared"]
        assert {message["data"]["notice"] for message in told(receiver)} == {two.id}
        assert sorted(types(other)) == sorted(
            ["to_verify", "nothing_there", "to_verify", "confirmed", "cleared"]
        )
    finally:
        other.stop()


def test_what_is_held_back_is_nobody_s(desk, hooks, receiver):
    target(desk, receiver, unverified=True)
    [one] = deliver(desk, case(1))
    move(desk, one, "nothing_there")
    receiver.got.clear()
    turn(hooks)
    receiver.got.clear()
    assert any(own.state == "new" for own in deliver(desk, case(9)))
    turn(hooks)
    deliver(desk, case(9, 2, state="cleared"))
    turn(hooks)
    assert receiver.got == []


def test_a_target_of_one_site_hears_of_no_other(desk, hooks, receiver):
    target(desk, receiver, site="elsewhere")
    confirmed(desk)
    assert (turn(hooks), receiver.connections) == (0, 0)


def test_a_failure_is_tried_again_under_the_same_id_and_a_new_time(desk, hooks, receiver):
    target(desk, receiver)
    receiver.answers = [answering(500), b"", answering(404), answering(429, "Retry-After: 900")]
    confirmed(desk)
    waits = []
    for _ in range(4):
        assert turn(hooks) == 0
        assert turn(hooks) == 0, "not before its time"
        waits.append(only(desk).next_at - desk.clock.now)
        desk.clock.now = only(desk).next_at
    assert turn(hooks) == 1
    assert waits == [*WAITS_S[:3], 900]
    assert len({(got.headers["webhook-id"], got.body) for got in receiver.got}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 5
    assert (only(desk).state, only(desk).status, only(desk).attempts) == ("sent", 204, 5)


def test_waits_are_spread_by_chance(desk, receiver):
    target(desk, receiver)
    found = set()
    for chance in (0.0, 0.5, 1.0):
        own = Webhooks(desk.store, desk.app.state.settings, Pusher(), lambda chance=chance: chance)
        found.add(own._wait(1, 0))
        own.close()
    assert found == {WAITS_S[0] // 2, round(WAITS_S[0] * 0.75), WAITS_S[0]}


def test_steps_of_one_notice_arrive_in_order_and_hold_up_no_other_notice(desk, hooks, receiver):
    target(desk, receiver)
    first = confirmed(desk, 1, **apart(0))
    move(desk, first, "cleared")
    second = confirmed(desk, 2, **apart(3))
    receiver.answers = [answering(503)]
    turn(hooks)
    assert [(m["data"]["notice"], m["data"]["state"]) for m in told(receiver)] == [
        (first.id, "confirmed"),
        (second.id, "confirmed"),
    ]
    desk.clock.now += WAITS_S[0]
    turn(hooks)
    assert [(m["data"]["notice"], m["data"]["state"]) for m in told(receiver)[2:]] == [
        (first.id, "confirmed"),
        (first.id, "cleared"),
    ]


def test_a_dead_target_is_given_up_visibly_after_three_days_and_can_be_tried_again(desk, hooks, receiver):
    number = target(desk, receiver)
    receiver.usual = answering(500)
    own = confirmed(desk, **apart(1))
    move(desk, own, "cleared")
    start = desk.clock.now
    turn(hooks)
    while desk.store.hooks.counts()[number].get("waiting") and desk.clock.now < start + 2 * PATIENCE_S:
        desk.clock.now += 1800
        turn(hooks)
    assert desk.store.hooks.counts() == {number: {"dead": 2}}, "what waited behind it too"
    assert PATIENCE_S < desk.clock.now - start < PATIENCE_S + 2 * WAITS_S[-1]
    head, behind = sorted(desk.store.hooks.deliveries(9), key=lambda one: one.id)
    assert (head.problem, head.status, behind.problem, behind.attempts) == ("answer", 500, "paused", 0)
    assert len(receiver.got) < 100, "an hour between two tries, not a storm"
    receiver.usual = answering(204)
    assert desk.store.hooks.again(number, int(desk.clock()), AUDIT) == 2
    assert turn(hooks) == 2
    assert desk.store.hooks.counts() == {number: {"sent": 2}}


def test_after_several_failures_in_a_row_a_target_is_tried_with_one_message(desk, hooks, receiver):
    number = target(desk, receiver)
    receiver.usual = answering(500)
    for n in range(8):
        confirmed(desk, n, **apart(n))
    turn(hooks)
    assert len(receiver.got) == FAILURES
    assert desk.store.hooks.hook(number).paused_until == desk.clock.now + WAITS_S[0]
    desk.clock.now += WAITS_S[0]
    turn(hooks)
    assert len(receiver.got) == FAILURES + 1
    receiver.usual = answering(204)
    desk.clock.now += WAITS_S[-1]
    assert turn(hooks) == 8
    assert desk.store.hooks.hook(number).failures == 0


def test_a_target_that_hangs_delays_no_other(desk, hooks, receiver):
    """The other target gets everything while the first is still being talked to."""
    hung = Receiver(drip=True)
    try:
        target(desk, hung)
        target(desk, receiver)
        for n in range(3):
            confirmed(desk, n, **apart(n))
        hooks.turn()
        hooks._running[2].result(timeout=60)
        assert len(receiver.got) == 3
        confirmed(desk, 7, **apart(7))
        hooks.turn()  # another turn begins although the first target is still in its own
        hooks._running[2].result(timeout=60)
        assert len(receiver.got) == 4
    finally:
        hung.stop()


def test_a_target_that_may_not_be_reached_is_not(desk, hooks, receiver):
    target(desk, receiver, internal=False)
    target(desk, receiver, url=f"https://localhost.:{receiver.port}/", internal=False)
    confirmed(desk)
    assert (turn(hooks), receiver.connections) == (0, 0)
    assert {own.problem for own in desk.store.hooks.deliveries(9)} == {"refused_target"}


def test_over_https_the_certificate_is_checked(desk, tmp_path):
    made = certificate(tmp_path)
    if made is None:
        pytest.skip("the openssl command is needed: apt-get install openssl")
    receiver = Receiver(server_context(*made))
    trusting = ssl.create_default_context(cafile=made[0])
    try:
        target(desk, receiver, url=f"https://localhost:{receiver.port}/in")
        here = lambda host, port: ["127.0.0.1"]  # noqa: E731
        for context, accepted in ((None, 0), (trusting, 1)):
            own = Webhooks(desk.store, desk.app.state.settings, Pusher(here, context))
            own.follow()
            if context is None:
                confirmed(desk)
            assert turn(own) == accepted
            own.close()
            assert only(desk).problem == (None if accepted else "tls")
            desk.clock.now += WAITS_S[0]
        assert len(receiver.got) == 1
    finally:
        receiver.stop()


def test_a_new_secret_and_the_old_one_are_both_good_for_a_while(desk, hooks, receiver):
    number, fresh = target(desk, receiver), signing.secret_of(b"\3" * 24)
    assert desk.store.hooks.rotate(number, fresh, NOON + 3600, AUDIT)
    own = confirmed(desk)
    turn(hooks)
    desk.clock.now = NOON + 3600
    move(desk, own, "cleared")
    turn(hooks)

    def believed(got, secret):
        return signing.is_genuine(secret, got.headers, got.body, int(desk.clock()))

    desk.clock.now = NOON
    assert [believed(receiver.got[0], secret) for secret in (SECRET, fresh)] == [True, True]
    desk.clock.now = NOON + 3600
    assert [believed(receiver.got[1], secret) for secret in (SECRET, fresh)] == [False, True]


def test_an_ended_target_gets_nothing_and_its_secret_is_forgotten(desk, hooks, receiver, tmp_path):
    number = target(desk, receiver)
    confirmed(desk)
    hooks.follow()
    assert desk.store.hooks.end(number, "t", AUDIT)
    assert not desk.store.hooks.end(number, "t", AUDIT)
    assert (turn(hooks), receiver.connections) == (0, 0)
    assert desk.store.hooks.hook(number).secret == ""
    assert desk.store.hooks.deliveries(9) == []


def test_what_was_killed_between_queue_and_cursor_is_queued_once(desk, hooks, receiver, monkeypatch):
    target(desk, receiver)
    confirmed(desk)

    def killed(*_):
        raise SystemExit

    monkeypatch.setattr(type(desk.store.notices), "follow", killed)
    with pytest.raises(SystemExit):
        hooks.follow()
    monkeypatch.undo()
    assert len(desk.store.hooks.deliveries(9)) == 1
    again = Webhooks(desk.store, desk.app.state.settings, Pusher())
    assert (again.follow(), len(desk.store.hooks.deliveries(9))) == (0, 1)
    again.close()


def test_what_was_killed_while_sending_is_sent_again_after_its_lease(desk, hooks, receiver):
    number = target(desk, receiver)
    confirmed(desk)
    hooks.follow()
    assert desk.store.hooks.claim(number, int(desk.clock()), 120) is not None
    assert turn(hooks) == 0
    desk.clock.now += 120
    assert turn(hooks) == 1


def test_old_messages_and_targets_are_deleted(desk, hooks, receiver):
    number = target(desk, receiver)
    confirmed(desk)
    turn(hooks)
    desk.store.hooks.end(number, "t", AUDIT)
    desk.clock.now += KEPT_S + TIDY_S
    turn(hooks)
    assert (desk.store.hooks.deliveries(9), desk.store.hooks.hook(number)) == ([], None)
