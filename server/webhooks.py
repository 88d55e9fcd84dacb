"""Pushes notices to other programs: follows the events into a queue for each target, and sends the queues. A thread.

Rules:
1. What is to be sent is stored before it is sent, once an event and target (`store.hooks`); killed anywhere, nothing is
   lost and nothing queued twice. A message may be sent twice, under the same id.
2. Each target has its own turn at the same time, so that a slow or dead one delays no other.
3. A failure is tried again after `WAITS_S`, spread by chance; after `FAILURES` in a row the target is left alone for the
   same while and then tried with one message. What is `PATIENCE_S` old is given up, visibly.
4. Where a target is, is looked up and judged again for each message (`server.pinned`).
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Final

from contract.version import VERSION
from server import cloud_events, signing
from server.pinned import Pusher, PushError
from server.settings import Settings
from server.store.base import Store
from server.store.crew_base import Delivery, Hook, NewDelivery
from server.targets import TargetError, check_url
from server.turning import in_background, turns

log = logging.getLogger("parvis.server")

CHANNEL: Final = "webhooks"
FIRST_S: Final = 15.0
CHECK_S: Final = 5.0
WAITS_S: Final = (30, 60, 300, 900, 1800, 3600)
PATIENCE_S: Final = 3 * 86400
KEPT_S: Final = 30 * 86400
TIDY_S: Final = 86400
# Longer than a conversation may last (pinned.py), so a living sender is never robbed.
LEASE_S: Final = 120
FAILURES: Final = 5
# Messages of one target in one turn; the rest comes with the next.
TURN_MOST: Final = 100
FOLLOW_MOST: Final = 500
TARGETS_MOST: Final = 20


class Webhooks:
    """Follows and sends; ``pusher`` posts, ``chance`` gives fractions of 1 to spread what is tried again."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        pusher: Pusher | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._settings = settings
        self._pusher = pusher or Pusher()
        self._chance = chance
        self._tidied = 0.0
        self._pool = ThreadPoolExecutor(TARGETS_MOST, "webhook")
        self._running: dict[int, Future[int]] = {}

    def _now(self) -> int:
        return int(self._settings.clock())

    def turn(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Queue what happened, and begin a turn of every target that is not in one.

        Raises:
            ServerError: when the database cannot be used.
        """
        self.follow()
        now = self._now()
        if now - self._tidied >= TIDY_S:
            self._store.hooks.tidy(now - KEPT_S)
            self._tidied = now
        for hook in self._store.hooks.hooks():
            running = self._running.get(hook.id)
            if running is None or running.done():
                self._running[hook.id] = self._pool.submit(self._serve, hook, stop)

    def settle(self) -> int:
        """Wait for the turns under way; the number of messages that were accepted in the last ones."""
        return sum(own.result() for own in self._running.values())

    def close(self) -> None:
        """End, after the conversations under way."""
        self._pool.shutdown(cancel_futures=True)

    def follow(self) -> int:
        """Queue what happened since; the number of new messages."""
        notices, queued = self._store.notices, 0
        done = notices.cursor(CHANNEL)
        while events := notices.events_after(done, FOLLOW_MOST):
            targets = self._store.hooks.hooks()
            identity = self._store.crew.identity() if targets else ""
            items: list[NewDelivery] = []
            for event in events if targets else ():
                notice = notices.notice(event.notice)
                if notice is None or event.before == event.after:
                    continue
                before = [step for step in notices.events(event.notice) if step.id < event.id]
                body = cloud_events.message(identity, notice, event)
                kind = cloud_events.type_of(event.after)
                items += [
                    NewDelivery(hook.id, event.id, notice.id, kind, str(event.id), body)
                    for hook in targets
                    if hook.site in {None, notice.site}
                    and cloud_events.is_told(event, before, unverified=hook.unverified)
                ]
            queued += self._store.hooks.queue(items, self._now())
            done = events[-1].id
            notices.follow(CHANNEL, done)
        return queued

    def _serve(self, hook: Hook, stop: Callable[[], bool]) -> int:
        """The turn of one target; what goes wrong here is logged and stops no other."""
        accepted = 0
        try:
            for _ in range(TURN_MOST):
                delivery = None if stop() else self._store.hooks.claim(hook.id, self._now(), LEASE_S)
                if delivery is None:
                    break
                accepted += self._send(hook, delivery)
        except Exception:
            # One target that cannot be served must not keep the others waiting.
            log.exception("webhook %d failed", hook.id)
        return accepted

    def _send(self, hook: Hook, delivery: Delivery) -> bool:
        now = self._now()
        secrets = [hook.secret]
        if hook.secret_before and now < (hook.before_until or 0):
            secrets.append(hook.secret_before)
        headers = {
            "Content-Type": cloud_events.MEDIA_TYPE,
            "User-Agent": f"Parvis/{VERSION}",
            **signing.headers(secrets, delivery.message_id, now, delivery.body),
        }
        try:
            target = check_url(hook.url, internal=hook.internal)
            answer = self._pusher.post(target, headers, delivery.body, internal=hook.internal)
        except TargetError as exc:
            return self._failed(hook, delivery, "refused_target", str(exc))
        except PushError as exc:
            return self._failed(hook, delivery, exc.problem, str(exc))
        if 200 <= answer.status < 300:
            self._store.hooks.sent(delivery, self._now(), answer.status)
            return True
        problem = "redirect" if 300 <= answer.status < 400 else "answer"
        return self._failed(hook, delivery, problem, "", answer.status, answer.retry_after_s)

    def _failed(
        self,
        hook: Hook,
        delivery: Delivery,
        problem: str,
        detail: str,
        status: int | None = None,
        wish_s: int = 0,
    ) -> bool:
        now, hooks = self._now(), self._store.hooks
        wait = self._wait(delivery.attempts, wish_s)
        row = hooks.failed(delivery, now, now + wait, problem, detail, status)
        log.warning("webhook %d did not take message %d: %s", hook.id, delivery.id, problem)
        if row >= FAILURES:
            hooks.pause(hook.id, now + self._wait(row - FAILURES + 1, wish_s))
        hooks.bury(hook.id, now - PATIENCE_S, now)
        return False

    def _wait(self, tries: int, wish_s: int) -> int:
        usual = WAITS_S[min(tries, len(WAITS_S)) - 1]
        # Between half and all of it, so that targets that failed together do not come back together.
        return max(min(wish_s, WAITS_S[-1]), round(usual * (0.5 + self._chance() / 2)))


def webhooks(store: Store, settings: Settings) -> AbstractContextManager[None]:
    """Push notices while the block runs; conversations under way at its end are finished."""
    own = Webhooks(store, settings)

    def loop(stop: threading.Event) -> None:
        turns(stop, own.turn, "webhooks wait", first_s=FIRST_S, every_s=CHECK_S)
        own.close()

    return in_background("webhooks", loop)
