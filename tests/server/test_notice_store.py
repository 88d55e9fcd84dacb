"""Cases into notices: once, in whatever order they come, through a killed server, a storm and a purge."""

from __future__ import annotations

import subprocess
import sys
import time
from itertools import permutations
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from server.notice_desk import turn
from server.notice_rules import SiteRules
from server.notices import NoticeConflict
from server.sites import PlaceDetail, Site
from server.store.base import AuditEntry
from server.store.notices_base import Wanted
from tests.server.build import NOON, anomaly, config, utc, zone_config

TZ = ZoneInfo("Europe/Paris")
LANE = [[0.0, 0.5], [1.0, 0.5], [1.0, 1.0], [0.0, 1.0]]
DAY = 86400


def lane(name="lane", purpose="operational"):
    return zone_config(name, "road", purpose=purpose, polygon=LANE)


def case(number: int, revision: int = 1, at: int = NOON - 60, **changes):
    return anomaly(revision, at, case=f"{number:016x}", **changes)


@pytest.fixture
def desk(site):
    """A server with one operational lane."""
    site.post([config(0, NOON - 7200, [lane()])])
    return site


def deliver(site, *records):
    answer = site.post(list(records)).json()
    assert answer["rejected"] == []
    turn(site.store, site.app.state.settings)
    return site.store.notices.board(Wanted(), 10_000)


def by(site, who="crew-1", detail=""):
    return AuditEntry(int(site.clock()), who, "", "", detail)


def move(site, own, after, who="crew-1", **more):
    return site.store.notices.move(own.id, own.version, after, by(site, who), **more)


def test_a_case_becomes_a_notice_that_says_what_it_rests_on(desk):
    [own] = deliver(desk, case(1, y=0.8, size_m=0.6, lon=2.35, lat=48.85))
    assert (own.state, own.held, own.severity, own.version, own.cases) == ("to_verify", None, "high", 1, 1)
    assert (own.device, own.camera, own.zone, own.kind, own.site) == (
        "box-a",
        "north",
        "lane",
        "debris",
        None,
    )
    assert (own.opened_at, own.lon, own.lat, own.size_m) == (NOON, 2.35, 48.85, 0.6)
    [event] = desk.store.notices.events(own.id)
    assert (event.actor, event.what, event.before, event.after) == ("box:box-a", "opened", None, "to_verify")
    assert (event.device, event.case, event.case_revision) == ("box-a", f"{1:016x}", 1)
    assert (event.model, event.model_sha256, event.config_at) == ("starter", "0" * 64, NOON - 7200)
    [line] = desk.store.accounts.audit(5, "notice.")
    assert (line.actor, line.subject) == ("box:box-a", f"notice/{own.id}")
    assert "model starter 000000000000" in line.detail


def test_nothing_twice_when_asked_again(desk):
    before = deliver(desk, case(1), case(1, 2, state="updated"))
    assert turn(desk.store, desk.app.state.settings) == (0, 0)
    assert deliver(desk, case(1)) == before


REVISIONS = [case(1), case(1, 2, state="updated", confidence=0.9), case(1, 3, state="cleared")]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
@pytest.mark.parametrize("together", [True, False])
def test_the_highest_revision_wins_in_any_order(desk, order, together):
    came = [REVISIONS[index] for index in order]
    for batch in [came] if together else [[one] for one in came]:
        found = deliver(desk, *batch)
    assert [own.state for own in found] in ([], ["cleared"])
    # Told before it went: then there is a notice, and only then.
    assert bool(found) == (order[0] != 2)


def test_a_lower_revision_that_comes_late_changes_nothing(desk):
    before = deliver(desk, case(1, 5, state="updated", confidence=0.9))
    assert deliver(desk, case(1, 2, state="cleared"), case(1, 3, confidence=1.0)) == before


def test_statistics_zones_quarantine_and_unknown_zones_give_none(desk):
    desk.post([config(1, NOON - 7000, [lane("lawn", "statistics")], camera="south")])
    found = deliver(
        desk,
        case(1, camera="south", zone="lawn"),
        case(2, zone="elsewhere"),
        case(3, last_seen=utc(NOON + 9 * DAY), first_seen=utc(NOON + 9 * DAY)),
    )
    assert found == []
    assert desk.store.accounts.audit(5, "notice.") == []


def test_the_purpose_counts_that_is_in_force_when_the_case_is_taken(desk):
    desk.post([case(1), config(1, NOON - 60, [lane(purpose="statistics")])])
    assert deliver(desk) == []
    desk.post([config(2, NOON - 50, [lane()])])
    [own] = deliver(desk, case(1, 2, state="updated"))
    assert own.state == "to_verify"


def test_overlapping_cases_of_a_camera_are_one_notice(desk):
    [own] = deliver(desk, case(1), case(2, x=0.43, confidence=0.95))
    assert (own.cases, own.confidence) == (2, 0.95)
    assert [event.what for event in desk.store.notices.events(own.id)] == ["opened", "case_joined"]
    assert len(deliver(desk, case(3, x=0.9))) == 2
    assert len(deliver(desk, case(4, kind="obstruction"))) == 3


def test_a_notice_ends_when_its_last_case_goes(desk):
    deliver(desk, case(1), case(2, x=0.43))
    [own] = deliver(desk, case(1, 2, state="cleared"))
    assert own.state == "to_verify"
    [own] = deliver(desk, case(2, 2, state="cleared"))
    assert (own.state, own.ended_at) == ("cleared", NOON)
    last = desk.store.notices.events(own.id)[-1]
    assert (last.actor, last.what, last.after, last.case) == (
        "box:box-a",
        "case_cleared",
        "cleared",
        f"{2:016x}",
    )


def test_a_box_that_began_anew_tells_the_same_object_again(desk):
    [first] = deliver(desk, case(1))
    [own] = deliver(desk, case(2, run="f" * 16, x=0.405))
    assert (own.id, own.cases) == (first.id, 2)
    assert [one.state for one in desk.store.notices.cases_of(own.id)] == ["silent", "open"]
    [own] = deliver(desk, case(2, 2, run="f" * 16, state="cleared"))
    assert own.state == "cleared"


def earth(metres_north: float) -> dict[str, float]:
    return {"lon": 2.35, "lat": 48.85 + metres_north / 111_320}


def test_two_cameras_that_see_one_object_give_one_notice(desk):
    desk.post([config(1, NOON - 7000, [lane()], camera="south")])
    [own] = deliver(
        desk, case(1, **earth(0), size_m=0.5), case(2, camera="south", x=0.9, **earth(3.5), size_m=0.7)
    )
    assert own.cases == 2
    found = deliver(desk, case(3, camera="south", x=0.1, **earth(12), size_m=0.5), case(4, x=0.9))
    assert len(found) == 3
    # A case of the second camera is found again through its own place.
    assert len(deliver(desk, case(5, camera="south", x=0.905))) == 3


def test_the_site_of_a_notice_is_its_zones(desk):
    said = AuditEntry(NOON, "t", "t", "t")
    desk.store.sites.add(Site("square"), said)
    desk.store.sites.describe([PlaceDetail("box-a", "north", "gate", "line", site="square")], [])
    [own] = deliver(desk, case(1))
    assert own.site == "square"
    desk.store.sites.remove("square", said)
    assert desk.store.notices.notice(own.id).site is None


def test_what_a_person_does_is_one_version_one_event_one_line(desk):
    [own] = deliver(desk, case(1))
    for after, who, name in (
        ("confirmed", "crew-1", ""),
        ("assigned", "crew-1", "Luc"),
        ("assigned", "crew-2", "Ali"),
    ):
        own = move(desk, own, after, who, assigned_to=name or None)
        assert (own.state, own.assigned_to) == (after, name)
    own = move(desk, own, "in_work")
    assert own.assigned_to == "Ali"
    own = move(desk, own, "cleared", detail="bâche ramassée")
    assert (own.version, own.ended_at) == (6, NOON)
    events = desk.store.notices.events(own.id)
    assert [event.after for event in events][1:] == [
        "confirmed",
        "assigned",
        "assigned",
        "in_work",
        "cleared",
    ]
    assert {event.model for event in events} == {"starter"}
    assert events[-1].detail == "bâche ramassée"
    assert len(desk.store.accounts.audit(20, "notice.")) == len(events) == 6


def test_two_people_cannot_overwrite_each_other(desk):
    [own] = deliver(desk, case(1))
    move(desk, own, "confirmed")
    with pytest.raises(NoticeConflict) as met:
        move(desk, own, "nothing_there", "crew-2")
    assert met.value.rule == "version"
    assert desk.store.notices.notice(own.id).state == "confirmed"
    assert desk.store.notices.vetoes(NOON) == []
    with pytest.raises(NoticeConflict) as met:
        move(desk, desk.store.notices.notice(own.id), "new")
    assert met.value.rule == "move"
    with pytest.raises(NoticeConflict) as met:
        desk.store.notices.move(99, 1, "confirmed", by(desk))
    assert met.value.rule == "gone"


def test_what_a_box_adds_disturbs_no_form_that_is_open(desk):
    [own] = deliver(desk, case(1))
    deliver(desk, case(1, 2, state="updated", last_seen=utc(NOON - 1)), case(2, x=0.43))
    assert move(desk, own, "confirmed").last_seen == NOON - 1


def test_later_and_a_note_leave_the_state(desk):
    [own] = deliver(desk, case(1))
    told = desk.store.notices.later(own.id, NOON + 3600, by(desk, "link:crew@example.fr"))
    assert (told.state, told.later_until, told.version) == ("to_verify", NOON + 3600, 2)
    desk.store.notices.note(own.id, "vu du pont", by(desk))
    assert [(e.what, e.detail) for e in desk.store.notices.events(own.id)][1:] == [
        ("later", str(NOON + 3600)),
        ("note", "vu du pont"),
    ]
    ended = move(desk, told, "cleared")
    assert ended.later_until is None
    with pytest.raises(NoticeConflict):
        desk.store.notices.later(own.id, NOON + 3600, by(desk))


def test_nothing_there_makes_a_veto_that_grows_and_ends_by_itself(desk):
    [own] = deliver(desk, case(1))
    move(desk, own, "nothing_there")
    [veto] = desk.store.notices.vetoes(NOON)
    assert (veto.made_by, veto.notice, veto.ends_at, veto.times) == ("crew-1", own.id, NOON + 2 * DAY, 1)
    # The case goes on: nothing new for it while the veto lasts; another case there is held, visibly.
    assert len(deliver(desk, case(1, 2, state="updated"))) == 1
    other = deliver(desk, case(2, x=0.41))[0]
    assert (other.state, other.held, other.held_until) == ("new", "veto", veto.ends_at)
    assert deliver(desk, case(3, x=0.6))[0].held is None
    desk.clock.now = veto.ends_at
    assert turn(desk.store, desk.app.state.settings) == (0, 1)
    other = desk.store.notices.notice(other.id)
    assert (other.state, other.held) == ("to_verify", None)
    move(desk, other, "nothing_there")
    [veto] = desk.store.notices.vetoes(veto.ends_at)
    assert (veto.times, veto.ends_at - veto.made_at) == (2, 4 * DAY)


def test_a_wrong_nothing_there_taken_back_takes_its_veto_along(desk):
    [own] = deliver(desk, case(1))
    ended = move(desk, own, "nothing_there")
    back = move(desk, ended, "to_verify")
    assert (back.state, back.ended_at) == ("to_verify", None)
    assert desk.store.notices.vetoes(NOON) == []
    assert deliver(desk, case(1, 2, state="cleared"))[0].state == "cleared"


def test_a_veto_lifted_by_a_person_lets_go_what_it_held(desk):
    [own] = deliver(desk, case(1))
    move(desk, own, "nothing_there")
    deliver(desk, case(2))
    [veto] = desk.store.notices.vetoes(NOON)
    assert desk.store.notices.lift_veto(veto.id, AuditEntry(NOON, "marie", "veto.lift", ""))
    assert not desk.store.notices.lift_veto(veto.id, AuditEntry(NOON, "marie", "veto.lift", ""))
    assert [e.actor for e in desk.store.accounts.audit(5, "veto.")] == ["marie"]
    # Its place is still cooling down.
    assert turn(desk.store, desk.app.state.settings) == (0, 0)
    assert desk.store.notices.board(Wanted(), 1)[0].held == "cooldown"
    desk.clock.now += 1801
    assert turn(desk.store, desk.app.state.settings) == (0, 1)


def test_a_place_cools_down_after_an_end_and_a_case_that_stays_comes_back(desk):
    [own] = deliver(desk, case(1))
    move(desk, own, "cleared")
    assert len(deliver(desk, case(1, 2, state="updated"))) == 1
    desk.clock.now += 1801
    found = deliver(desk, case(1, 3, state="updated"))
    assert [one.state for one in found] == ["to_verify", "cleared"]
    move(desk, found[0], "not_ours")
    desk.clock.now += 10 * DAY
    assert len(deliver(desk, case(1, 4, state="updated"))) == 2


def test_a_held_notice_whose_case_goes_is_never_shown(desk):
    desk.store.notices.set_rules(None, SiteRules(cap=1), by(desk))
    deliver(desk, case(1), case(2, x=0.9))
    assert [(h.reason, h.number, h.until) for h in desk.store.notices.held()] == [
        ("cap", 1, NOON + 11 * 3600)
    ]
    deliver(desk, case(2, 2, state="cleared"))
    desk.clock.now += DAY
    assert turn(desk.store, desk.app.state.settings) == (0, 0)
    assert desk.store.notices.held() == []


def test_quiet_hours_hold_but_what_is_grave(desk):
    rules = SiteRules(quiet_from=12 * 60, quiet_to=14 * 60)
    desk.store.notices.set_rules(None, rules, by(desk))  # noon in UTC is one o'clock in Paris
    found = deliver(desk, case(1, y=0.76, size_m=0.9), case(2, x=0.9, size_m=0.1))
    assert [(one.severity, one.held) for one in found] == [("high", None), ("medium", "quiet_hours")]
    assert found[1].held_until == NOON + 3600
    desk.clock.now = NOON + 3600
    assert turn(desk.store, desk.app.state.settings) == (0, 1)


def test_a_storm_shows_no_more_than_the_cap_and_says_what_it_holds(desk):
    lanes = [config(n + 1, NOON - 7000, [lane()], camera=f"c{n}") for n in range(10)]
    desk.post(lanes)
    storm = [
        case(n, camera=f"c{n % 10}", x=(n // 10 % 10 + 0.5) / 10, y=(n // 100 + 0.5) / 10, w=0.02, h=0.02)
        for n in range(1000)
    ]
    desk.post(storm[:500])
    desk.post(storm[500:])
    assert turn(desk.store, desk.app.state.settings) == (1000, 0)
    assert desk.store.notices.counts(Wanted()) == {"to_verify": 40, "new": 960}
    assert [(h.site, h.reason, h.number) for h in desk.store.notices.held()] == [(None, "cap", 960)]
    desk.clock.now = NOON + 11 * 3600  # midnight in Paris
    assert turn(desk.store, desk.app.state.settings) == (0, 40)
    assert desk.store.notices.counts(Wanted()) == {"to_verify": 80, "new": 920}
    assert turn(desk.store, desk.app.state.settings) == (0, 0)


def test_rules_are_the_sites_own_or_those_of_no_site(desk):
    desk.store.sites.add(Site("square"), by(desk))
    assert desk.store.notices.rules("square") == SiteRules()
    desk.store.notices.set_rules(None, SiteRules(cap=5), AuditEntry(NOON, "marie", "rules.set", "-"))
    assert desk.store.notices.rules("square").cap == 5
    desk.store.notices.set_rules("square", SiteRules(cap=9), AuditEntry(NOON, "marie", "rules.set", "square"))
    assert (desk.store.notices.rules("square").cap, desk.store.notices.rules(None).cap) == (9, 5)
    assert desk.store.notices.own_rules() == {None, "square"}
    assert [e.detail for e in desk.store.accounts.audit(5, "rules.")] == ["cap 5 -> 9", "cap 40 -> 5"]


def test_channels_begin_at_the_newest_event_and_never_go_back(desk):
    [own] = deliver(desk, case(1))
    notices = desk.store.notices
    assert notices.cursor("letters") == notices.events(own.id)[-1].id
    move(desk, own, "confirmed")
    assert notices.cursor("letters") == notices.events(own.id)[0].id
    [event] = notices.events_after(notices.cursor("letters"), 10)
    notices.follow("letters", event.id)
    notices.follow("letters", event.id - 1)
    assert notices.cursor("letters") == event.id


def test_ended_notices_go_with_the_cases_and_open_ones_stay(desk):
    found = deliver(desk, case(1), case(2, x=0.9), case(3, 1, state="cleared", x=0.1))
    ended = move(desk, found[0], "nothing_there")
    desk.clock.now = NOON + 368 * DAY
    desk.post([config(9, int(desk.clock()) - 60, [lane()])])
    purged = desk.store.upkeep.purge(int(desk.clock()), "t")
    assert (purged.deleted["notices"], purged.deleted["vetoes"], purged.deleted["cases"]) == (1, 1, 3)
    assert purged.deleted["cases without a notice"] == 1
    assert desk.store.notices.notice(ended.id) is None
    assert desk.store.notices.events(ended.id) == []
    [stays] = desk.store.notices.board(Wanted(), 10)
    assert [event.what for event in desk.store.notices.events(stays.id)] == ["opened"]
    # Numbers are never used again, and revisions that come after the purge are taken.
    found = deliver(desk, case(7, at=int(desk.clock()) - 60, x=0.2))
    assert max(one.id for one in found) == max(ended.id, stays.id) + 1


def test_precision_counts_what_people_answered(desk):
    found = deliver(desk, *(case(n, x=n / 10, w=0.02) for n in range(1, 7)))
    for own, after in zip(found, ("nothing_there", "cleared", "not_ours", "confirmed"), strict=False):
        move(desk, own, after)
    [last] = [one for one in found if one.x == 0.1]
    deliver(desk, case(1, 2, state="cleared"))
    assert desk.store.notices.notice(last.id).state == "cleared"
    [row] = desk.store.notices.precision([("2026-11", NOON - 10 * DAY, NOON + DAY)])
    assert (row.device, row.camera, row.month, row.answered, row.real) == ("box-a", "north", "2026-11", 4, 3)


KILLED = """
import sys, zoneinfo
from pathlib import Path
from server.store.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
print("open", flush=True)
while store.notices.take(zoneinfo.ZoneInfo("Europe/Paris"), 1):
    pass
"""


def test_a_server_killed_in_the_middle_does_nothing_twice_and_loses_nothing(desk):
    desk.post(
        [case(n, r, x=(n + 0.5) / 60, w=0.001, h=0.01) for r in (1, 2) for n in range(60)]
        + [case(n, 3, state="cleared", x=(n + 0.5) / 60, w=0.001, h=0.01) for n in range(0, 60, 2)]
    )
    path = desk.app.state.settings.database
    desk.store.notices.set_rules(None, SiteRules(cap=1000), by(desk))
    left = 150
    for pause in (0.03, 0.15):
        killed = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        killed.stdout.readline()
        time.sleep(pause)
        killed.kill()
        killed.wait()
        killed.stdout.close()
    taken, _ = turn(desk.store, desk.app.state.settings)
    assert taken <= left
    # Held by the cooldown of its neighbour: none, for they are far apart.
    assert desk.store.notices.counts(Wanted()) == {"to_verify": 30, "cleared": 30}
    events = desk.store.notices.events_after(0, 1000)
    assert len(events) == 90
    assert len(desk.store.accounts.audit(1000, "notice.")) == 90


def test_a_batch_that_fails_leaves_everything_as_it_was(desk, monkeypatch):
    from server.store import notice_intake

    desk.post([case(n, x=n / 10, w=0.02) for n in range(1, 6)])
    real, calls = notice_intake.add_event, []

    def fails(*args):
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("power cut")
        real(*args)

    monkeypatch.setattr(notice_intake, "add_event", fails)
    with pytest.raises(RuntimeError):
        turn(desk.store, desk.app.state.settings)
    assert desk.store.notices.board(Wanted(), 10) == []
    assert desk.store.accounts.audit(10, "notice.") == []
    monkeypatch.setattr(notice_intake, "add_event", real)
    assert turn(desk.store, desk.app.state.settings) == (5, 0)
