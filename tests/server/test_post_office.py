"""Letters from the clock to the mail server: once each, through crashes, refusals and a server that was down."""

from __future__ import annotations

import email
import email.policy
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from server import post_office
from server.mail_settings import FILE
from server.mailer import Later, Mailer, Refused, Unsure
from server.pdf import NoPdfError
from server.post_office import KEPT_S, PATIENCE_S, TIDY_S, WAITS_S, PostOffice
from server.schedule import latest_due
from server.store.base import AuditEntry
from server.store.desk_base import NewMail, Subscription
from server.store.mail import LEASE_S
from tests.server.build import NOON, config, counts, zone, zone_config
from tests.server.smtp_faults import Postbox, serving

PARIS = ZoneInfo("Europe/Paris")
DAY_S = 86400
AUDIT = AuditEntry(NOON, "t", "t", "t")
TO = "mairie@exemple.fr"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=PARIS).timestamp())


def write_settings(site, port: int = 25) -> None:
    (site.app.state.settings.data_dir / FILE).write_text(
        f"host = '127.0.0.1'\nport = {port}\nsecurity = 'none'\nsender = 'parvis@exemple.fr'\n"
        "url = 'https://parvis.exemple.fr'\ntimeout_s = 5.0\nend_timeout_s = 5.0\n"
    )


class Script:
    """A sender that does as it is told: None accepts, an exception is raised, ``die`` stops before or after the dot."""

    def __init__(self) -> None:
        self.todo: list[object] = []
        self.accepted: list[tuple[bytes, str]] = []

    def __call__(self, settings):
        return self

    def send(self, message, recipient, handing):
        what = self.todo.pop(0) if self.todo else None
        if what == "die before the dot":
            raise SystemExit
        if isinstance(what, Exception) and not isinstance(what, Unsure):
            raise what
        handing()
        if what == "die after the dot":
            self.accepted.append((message, recipient))
            raise SystemExit
        if isinstance(what, Unsure):
            raise what
        self.accepted.append((message, recipient))


@pytest.fixture
def desk(site):
    """The site's post office with a scripted sender."""
    write_settings(site)
    script = Script()
    office = PostOffice(site.store, site.app.state.settings, script)
    return site, office, script


def subscribe(site, kind="week", scope="box-a/north/lawn", format_="csv", language="fr") -> int:
    now = int(site.clock())
    new = Subscription(0, TO, scope, kind, language, format_, now, "t", latest_due(kind, now, PARIS).end)
    return site.store.subscriptions.add(new, AUDIT)


def feed(site, until: int, days: int = 40) -> None:
    site.clock.now = until
    crowd = {"person": counts(60.0 * 7, 9, 3, 2)}
    site.post([config(0, until - days * DAY_S, [zone_config("lawn", capacity=10)])])
    records = [zone(n + 1, until - 3600 * (n + 1), counts=crowd) for n in range(24 * days)]
    for start in range(0, len(records), 400):
        site.post(records[start : start + 400])


def plain(message: bytes) -> str:
    own = email.message_from_bytes(message, policy=email.policy.default)
    return own.get_body(("plain",)).get_content()


def put(site, job: str = "a") -> None:
    site.store.mails.add(NewMail(job, f"<{job}@e>", TO, "s", b"Subject: s\r\n\r\nx\r\n"), int(site.clock()))


def states(site) -> list[str]:
    return [own.state for own in sorted(site.store.mails.listed(99), key=lambda own: own.id)]


def test_a_weekly_report_leaves_on_monday_at_seven_once(desk):
    site, office, script = desk
    feed(site, at("2026-11-30T00:00"))
    site.clock.now = at("2026-11-24T12:00")
    subscribe(site)
    for moment, letters in (("2026-11-30T06:59", 0), ("2026-11-30T07:00", 1), ("2026-11-30T09:00", 1)):
        site.clock.now = at(moment)
        office.turn()
        assert len(script.accepted) == letters, moment
    message = email.message_from_bytes(script.accepted[0][0], policy=email.policy.default)
    assert message["Subject"] == "Rapport hebdomadaire 2026-W48 : box-a / north / lawn".replace(
        " :", "\u00a0:"
    )
    assert "En moyenne, à un instant donné : 7,0 personnes présentes." in plain(
        script.accepted[0][0]
    ).replace("\u00a0", " ")
    [attached] = message.iter_attachments()
    assert attached.get_filename() == "parvis-box-a-north-lawn-2026-W48.csv"
    assert attached.get_content().startswith("\ufeffLieu;")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Unsubscribe"].startswith("<https://parvis.exemple.fr/unsubscribe?id=1&sign=")
    script.accepted[0][0].decode("ascii")


def test_what_was_missed_while_the_server_was_down_is_sent_once_afterwards(desk):
    site, office, script = desk
    feed(site, at("2026-11-30T00:00"))
    site.clock.now = at("2026-11-10T12:00")
    subscribe(site)
    site.clock.now = at("2026-12-02T03:00")
    for _ in range(3):
        office.turn()
    [(message, _)] = script.accepted
    assert "2026-W48" in email.message_from_bytes(message, policy=email.policy.default)["Subject"]


def test_a_clock_that_goes_back_sends_nothing_twice(desk):
    site, office, script = desk
    feed(site, at("2026-11-30T00:00"))
    site.clock.now = at("2026-11-24T12:00")
    subscribe(site)
    for moment in ("2026-11-30T08:00", "2026-11-22T08:00", "2026-11-30T07:30", "2026-11-30T09:00"):
        site.clock.now = at(moment)
        office.turn()
    assert len(script.accepted) == 1


def test_a_month_waits_three_days_for_a_box_that_is_late(desk):
    site, office, script = desk
    feed(site, at("2026-10-31T20:00"))
    site.clock.now = at("2026-10-20T12:00")
    subscribe(site, "month", language="en")
    for moment, letters in (("2026-11-01T08:00", 0), ("2026-11-03T23:00", 0), ("2026-11-04T00:00", 1)):
        site.clock.now = at(moment)
        office.turn()
        assert len(script.accepted) == letters, moment


def test_a_month_with_no_data_is_sent_and_says_so(desk):
    site, office, script = desk
    feed(site, at("2026-09-10T00:00"), days=2)
    site.clock.now = at("2026-10-20T12:00")
    subscribe(site, "month", language="en")
    site.clock.now = at("2026-11-05T07:00")
    office.turn()
    assert "nothing was observed here: there is no data" in plain(script.accepted[0][0])


def test_a_report_that_cannot_be_made_is_visible_and_holds_up_no_other(desk):
    site, office, script = desk
    feed(site, at("2026-11-30T00:00"))
    site.clock.now = at("2026-11-24T12:00")
    subscribe(site, scope="box-z")
    subscribe(site)
    site.clock.now = at("2026-11-30T07:00")
    office.turn()
    assert len(script.accepted) == 1
    assert site.store.subscriptions.one(1).problem == "no_place"
    page = site.client("planner").get("/subscriptions", headers={"Accept-Language": "en"}).text
    assert "nothing, or too much, stands under this name" in page


def test_a_report_that_fails_is_tried_again_every_ten_minutes_and_not_every_turn(desk, monkeypatch):
    site, office, script = desk
    feed(site, at("2026-11-30T00:00"))
    site.clock.now = at("2026-11-24T12:00")
    subscribe(site)
    made, real = [], post_office.build

    def fails_at_first(*words, **more):
        made.append(site.clock.now)
        if len(made) < 3:
            raise NoPdfError("no Pango")
        return real(*words, **more)

    monkeypatch.setattr(post_office, "build", fails_at_first)
    for minute in range(0, 40, 2):
        site.clock.now = at("2026-11-30T07:00") + 60 * minute
        office.turn()
    assert [(moment - at("2026-11-30T07:00")) // 60 for moment in made] == [0, 10, 20]
    assert len(script.accepted) == 1
    assert site.store.subscriptions.one(1).problem is None


def test_an_ended_subscription_gets_nothing(desk):
    site, office, script = desk
    feed(site, at("2026-11-30T00:00"))
    site.clock.now = at("2026-11-24T12:00")
    number = subscribe(site)
    assert site.store.subscriptions.end(number, "t", AUDIT)
    assert not site.store.subscriptions.end(number, "t", AUDIT)
    site.clock.now = at("2026-11-30T07:00")
    office.turn()
    assert not script.accepted


def test_a_letter_that_is_put_off_is_tried_again_later_and_later_and_then_given_up(desk):
    site, office, script = desk
    put(site)
    start = site.clock.now
    script.todo = [Later("unreachable", "no route")] * 99
    waits = []
    while states(site) == ["waiting"]:
        office.turn()
        [own] = site.store.mails.listed(9)
        waits.append(own.next_at - site.clock.now)
        site.clock.now = max(own.next_at, site.clock.now + 1)
    assert tuple(waits[: len(WAITS_S)]) == WAITS_S
    [own] = site.store.mails.listed(9)
    assert (own.state, own.problem, own.detail) == ("failed", "unreachable", "no route")
    assert site.clock.now - start > PATIENCE_S
    script.todo = []
    assert site.store.mails.again(own.id, int(site.clock()), AUDIT)
    office.turn()
    assert states(site) == ["sent"]


def test_a_refused_letter_is_given_up_at_once_and_the_next_one_is_sent(desk):
    site, office, script = desk
    put(site, "a")
    put(site, "b")
    script.todo = [Refused("refused", "550 no such user")]
    assert office.turn() == 1
    assert states(site) == ["failed", "sent"]


def test_a_letter_that_may_have_arrived_is_never_sent_again_by_itself(desk):
    site, office, script = desk
    put(site)
    script.todo = [Unsure("unsure", "no answer")]
    for _ in range(5):
        office.turn()
        site.clock.now += DAY_S
    assert states(site) == ["unsure"]
    assert not script.accepted
    site.store.mails.again(1, int(site.clock()), AUDIT)
    office.turn()
    assert b"x" in script.accepted[0][0]


@pytest.mark.parametrize(
    ("crash", "state", "letters"), [("die before the dot", "sent", 1), ("die after the dot", "unsure", 1)]
)
def test_a_crash_sends_no_letter_twice_and_loses_none_unseen(desk, crash, state, letters):
    site, office, script = desk
    put(site)
    script.todo = [crash]
    with pytest.raises(SystemExit):
        office.turn()
    again = PostOffice(site.store, site.app.state.settings, script)
    for _ in range(4):
        again.turn()
        site.clock.now += LEASE_S // 2
    assert states(site) == [state]
    assert len(script.accepted) == letters


def test_two_senders_never_take_the_same_letter(desk):
    site, _, _ = desk
    put(site)
    assert site.store.mails.claim(NOON) is not None
    assert site.store.mails.claim(NOON) is None


def test_a_job_has_one_letter_for_ever(desk):
    site, _, _ = desk
    put(site)
    put(site)
    assert len(site.store.mails.listed(9)) == 1


def test_without_settings_nothing_is_written_and_broken_ones_are_told(desk):
    site, office, _ = desk
    put(site)
    path = site.app.state.settings.data_dir / FILE
    path.unlink()
    assert office.turn() == 0
    assert states(site) == ["waiting"]


def test_old_letters_and_ended_subscriptions_are_deleted(desk):
    site, office, _ = desk
    put(site)
    site.store.subscriptions.end(subscribe(site), "t", AUDIT)
    office.turn()
    site.clock.now += KEPT_S + TIDY_S
    office.turn()
    assert not site.store.mails.listed(9)
    assert site.store.subscriptions.one(1) is None


def test_a_real_mail_server_that_greylists_gets_the_letter_on_the_second_try(site):
    box = Postbox(at_recipient=["451 4.7.1 greylisted", None])
    controller = serving(box)
    try:
        write_settings(site, controller.port)
        put(site)
        office = PostOffice(site.store, site.app.state.settings, Mailer)
        assert office.turn() == 0
        [own] = site.store.mails.listed(9)
        assert (own.state, own.problem, own.detail) == ("waiting", "later", "451 4.7.1 greylisted")
        site.clock.now += WAITS_S[0]
        assert office.turn() == 1
    finally:
        controller.stop()
    assert [recipients for _, recipients, _ in box.letters] == [[TO]]


def test_a_period_is_written_once_whoever_writes_it(desk):
    """Two servers on one database, or a report that took so long that another turn made it too."""
    site, _, _ = desk
    number = subscribe(site)
    through = site.store.subscriptions.one(number).done_through
    later = [NewMail(f"report/{n}", f"<{n}@e>", TO, "s", b"x") for n in range(3)]
    assert site.store.subscriptions.write(number, through + timedelta(days=7), later[0], NOON)
    assert not site.store.subscriptions.write(number, through + timedelta(days=7), later[1], NOON)
    assert not site.store.subscriptions.write(number, through, later[2], NOON)
    assert len(site.store.mails.listed(9)) == 1
