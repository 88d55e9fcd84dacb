"""Looks at what the alert rules watch, and stores what they remember together with the letter they write."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from server import scopes
from server.alerts import Sample, Watch, as_state, foresee, outlook_of, refusal, step, watch_of
from server.errors import ServerError
from server.forecast import SHORTEST, Episode, Refusal, episodes_of, forecast
from server.mail_settings import MailSettings
from server.outlook import SLOT_MIN, history_of, size_of
from server.pages.letters import alert_letter
from server.pages.texts import Texts
from server.reading import TRANSIT_S, ZONE_KINDS, Period, Reader, View
from server.schedule import local_day
from server.settings import Settings
from server.store.base import Store
from server.store.desk_base import AlertRule, NewMail

log = logging.getLogger("parvis.server")

# Forecasts rest on whole days, so they change once a day; by then boxes have delivered the last one.
ASKED_AT_H: Final = 6
LOOK_BACK_S: Final = 6 * 3600


def view_of(reader: Reader, scope: str) -> View | None:
    """The one zone of a rule."""
    device, _, rest = scope.partition("/")
    camera, _, name = rest.partition("/")
    return reader.view(device, camera, name, ZONE_KINDS)


def _called(store: Store, rule: AlertRule) -> str:
    return scopes.label(rule.scope, store.sites.details(), {}, rule.language)


def watch(store: Store, settings: Settings, mail: MailSettings, now: int) -> None:
    """Let every rule look once."""
    rules = store.alert_rules.active()
    reader = Reader(store, settings)
    for rule in rules:
        try:
            _look(store, settings, reader, rule, mail, now)
        except Exception as exc:
            # A rule that cannot be judged must not silence the others.
            if not isinstance(exc, (ServerError, ValueError)):
                log.exception("alert rule %d failed", rule.id)
            if rule.problem != str(exc):
                store.alert_rules.step(rule.id, rule.state, None, now, str(exc)[:200])


def _look(
    store: Store, settings: Settings, reader: Reader, rule: AlertRule, mail: MailSettings, now: int
) -> None:
    view = view_of(reader, rule.scope)
    texts = Texts(rule.language, settings.zone_info)
    if view is None:
        _keep(store, rule, dict(rule.state), None, now, "no_such_place")
        return
    capacity = size_of(reader, view)
    refused = refusal(
        rule.kind, rule.numbers, purpose=view.purpose, place_kind=view.place.kind, capacity=capacity
    )
    if refused:
        # A zone that became one of statistics is not watched from this moment on, and what was seen is forgotten.
        _keep(
            store,
            rule,
            as_state(Watch()) if rule.kind != "forecast" else dict(rule.state),
            None,
            now,
            refused[0],
        )
        return
    cooldown_s = int(rule.numbers["cooldown_h"] * 3600)
    if rule.kind == "forecast":
        _ahead(store, settings, reader, rule, view, mail, texts, capacity or 0, cooldown_s, now)
        return
    was = watch_of(rule.state)
    samples = (
        _away(reader, view, was, rule, now) if rule.kind == "camera_away" else _rates(reader, view, was, rule)
    )
    after, since = step(was, samples, int(rule.numbers["minutes"] * 60), cooldown_s, now)
    letter = None
    if since is not None:
        letter = alert_letter(
            mail, rule, f"{since}", {"since": texts.time(since)}, (), now, texts, _called(store, rule)
        )
    _keep(store, rule, as_state(after), letter, now, None)


def _keep(
    store: Store,
    rule: AlertRule,
    state: dict[str, object],
    letter: NewMail | None,
    now: int,
    problem: str | None,
) -> None:
    if letter is not None or state != dict(rule.state) or problem != rule.problem:
        store.alert_rules.step(rule.id, state, letter, now, problem)


def _intervals(
    reader: Reader, view: View, since: int, until: int
) -> list[tuple[int, int, float, float | None]]:
    """Start, end, observed seconds and rate of each interval after ``since``; of all classes that a zone counts."""
    length = view.place.interval_s
    start = max(since, until - LOOK_BACK_S) // length * length
    if until - start < length:
        return []
    reports = [
        reader.report(view, own, Period(start, until // length * length, length)) for own in view.groups
    ]
    found = []
    for bins in zip(*(own.bins for own in reports), strict=True):
        rates = [one.rate for one in bins if one.rate is not None]
        found.append((bins[0].start, bins[0].end, bins[0].observed_s, sum(rates) if rates else None))
    return found


def _since(was: Watch, rule: AlertRule, view: View) -> int:
    """What was before the rule, or before the zone, is no matter of the rule."""
    return max(was.seen_until, rule.created_at, view.place.first_start)


def _rates(reader: Reader, view: View, was: Watch, rule: AlertRule) -> list[Sample]:
    if view.last_end is None:
        return []
    found = _intervals(reader, view, _since(was, rule, view), view.last_end)
    return [Sample(s, e, None if rate is None else rate >= rule.numbers["share"]) for s, e, _, rate in found]


def _away(reader: Reader, view: View, was: Watch, rule: AlertRule, now: int) -> list[Sample]:
    """Nothing observed, or nothing delivered: from here both look the same, and both want someone to go there."""
    until = now - TRANSIT_S - view.place.interval_s
    return [
        Sample(s, e, seen <= 0) for s, e, seen, _ in _intervals(reader, view, _since(was, rule, view), until)
    ]


def _ahead(
    store: Store,
    settings: Settings,
    reader: Reader,
    rule: AlertRule,
    view: View,
    mail: MailSettings,
    texts: Texts,
    capacity: int,
    cooldown_s: int,
    now: int,
) -> None:
    tz = settings.zone_info
    today, was = local_day(now, tz), outlook_of(rule.state)
    if was.asked == today or datetime.fromtimestamp(now, tz).hour < ASKED_AT_H:
        return
    past, _, _ = history_of(store, reader, view, view.groups[0])
    short = Refusal("short_history", 0, SHORTEST)
    found = short if past is None else forecast(past, capacity * rule.numbers["share"])
    if isinstance(found, Refusal):
        state = as_state(foresee(was, (), int(rule.numbers["days"]), cooldown_s, now, today)[0])
        _keep(store, rule, state, None, now, f"forecast.{found.reason}")
        return
    likely: tuple[Episode, ...] = ()
    if found.chance is not None:
        likely = episodes_of(found.chance, found.days, SLOT_MIN, 0, rule.numbers["chance"])
    after, new = foresee(was, likely, int(rule.numbers["days"]), cooldown_s, now, today)
    letter = None
    if new:
        called = _called(store, rule)
        letter = alert_letter(mail, rule, f"{today.isoformat()}", {}, new, now, texts, called)
    _keep(store, rule, as_state(after), letter, now, None)
