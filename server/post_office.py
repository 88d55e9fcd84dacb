"""What goes out by itself: due reports and alerts are written into the outbox, and the outbox is sent. A thread.

Rules:
1. Nothing is decided here: `server.schedule` says what is due, `server.alerts` what is said, the store that it is once.
2. A letter that fails is tried again after `WAITS_S`, and given up, visibly, after `PATIENCE_S`.
3. One that may have been accepted (`Unsure`) is not sent again by itself.
4. A failure of one subscription or letter stops no other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from server import mail_settings
from server.crew_watch import CrewWatch
from server.errors import ServerError
from server.mail_settings import MailSettings, MailSettingsError
from server.mailer import Mailer, MailFailure, Refused, Sender, Unsure
from server.pages.letters import report_letter
from server.pages.texts import Texts
from server.pdf import NoPdfError
from server.reading import Reader
from server.reporting import NothingToReport, build, delivered_until
from server.schedule import due
from server.settings import Settings
from server.store.base import Store
from server.store.desk_base import Subscription
from server.turning import in_background
from server.unsubscribing import signature
from server.watching import watch

log = logging.getLogger("parvis.server")

FIRST_S: Final = 20.0
CHECK_S: Final = 30.0
# Greylisting wants a quarter of an hour; a mail server that is being mended, days.
WAITS_S: Final = (60, 300, 900, 1800, 3600, 4 * 3600)
PATIENCE_S: Final = 5 * 86400
KEPT_S: Final = 90 * 86400
TIDY_S: Final = 86400
SEND_MOST: Final = 50
AGAIN_S: Final = 600
# Why a report could not be made, in the words of the catalogue.
PROBLEMS: Final = ((NoPdfError, "no_pdf"), (NothingToReport, "no_place"))


def unsubscribe_link(base: str, secret: bytes, own: Subscription) -> str:
    """Where a letter's subscription is ended."""
    return f"{base}/unsubscribe?id={own.id}&sign={signature(secret, own.id, own.recipient)}"


class PostOffice:
    """Writes what is due and sends what is written; ``sender`` makes what hands letters over."""

    def __init__(
        self, store: Store, settings: Settings, sender: Callable[[MailSettings], Sender] = Mailer
    ) -> None:
        self._store = store
        self._settings = settings
        self._sender = sender
        self._tidied = 0.0
        self._again_at: dict[int, int] = {}

    def turn(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Do what is to be done now; the number of letters that were accepted.

        Raises:
            ServerError: when the settings or the database cannot be used.
        """
        own = mail_settings.read(self._settings.data_dir)
        now = int(self._settings.clock())
        if own is None:
            return 0
        self._store.mails.recover(now)
        if now - self._tidied >= TIDY_S:
            self._store.mails.tidy(now - KEPT_S)
            self._store.crew.tidy(now - KEPT_S)
            self._tidied = now
        for each in self._store.subscriptions.active():
            if stop():
                return 0
            self._write(each, own, now)
        watch(self._store, self._settings, own, now)
        CrewWatch(self._store, self._settings, own).turn(stop)
        return self.send(own, stop)

    def _write(self, own: Subscription, mail: MailSettings, now: int) -> None:
        """Put the letter of a due period into the outbox, once."""
        tz, reader = self._settings.zone_info, Reader(self._store, self._settings)
        try:
            span = due(own.kind, own.done_through, now, tz)
            if span is None or 0 < self._again_at.get(own.id, 0) - now <= AGAIN_S:
                return
            # What waits or fails is looked at again later: a report is much work for every half minute.
            self._again_at[own.id] = now + AGAIN_S
            if due(own.kind, own.done_through, now, tz, delivered_until(reader, own.scope) or 0) is None:
                return
            link = unsubscribe_link(mail.base, self._store.subscriptions.secret(), own)
            document = build(reader, self._store, own.scope, span, now=now, tz=tz, language=own.language)
            letter = report_letter(mail, own, document, link, Texts(own.language, tz))
            self._store.subscriptions.write(own.id, span.end, letter, now)
            self._again_at.pop(own.id, None)
        except Exception as exc:
            # One subscription that cannot be served must not keep the others waiting.
            if not isinstance(exc, (ServerError, ValueError)):
                log.exception("the report of subscription %d failed", own.id)
            found = next((word for kind, word in PROBLEMS if isinstance(exc, kind)), "other")
            if own.problem != found:
                self._store.subscriptions.note_problem(own.id, found)

    def send(self, own: MailSettings, stop: Callable[[], bool] = lambda: False) -> int:
        """Send what is due; the number of letters that were accepted."""
        accepted, sender = 0, self._sender(own)
        for _ in range(SEND_MOST):
            claimed = None if stop() else self._store.mails.claim(int(self._settings.clock()))
            if claimed is None:
                break
            mail, message = claimed
            try:
                sender.send(message, mail.recipient, lambda number=mail.id: self._store.mails.handed(number))  # type: ignore[misc]
            except MailFailure as exc:
                self._failed(mail.id, mail.attempts, mail.created_at, exc)
            else:
                self._store.mails.sent(mail.id, int(self._settings.clock()))
                accepted += 1
        return accepted

    def _failed(self, number: int, attempts: int, created_at: int, exc: MailFailure) -> None:
        now = int(self._settings.clock())
        log.warning("letter %d was not accepted: %s", number, exc.problem)
        if isinstance(exc, Unsure):
            self._store.mails.give_up(number, "unsure", now, exc.problem, str(exc))
        elif isinstance(exc, Refused) or now - created_at > PATIENCE_S:
            self._store.mails.give_up(number, "failed", now, exc.problem, str(exc))
        else:
            wait = WAITS_S[min(attempts, len(WAITS_S)) - 1]
            self._store.mails.put_back(number, now + wait, exc.problem, str(exc))


def _loop(office: PostOffice, stop: threading.Event) -> None:
    wait, told = FIRST_S, ""
    while not stop.wait(wait):
        wait = CHECK_S
        try:
            office.turn(stop.is_set)
            told = ""
        except MailSettingsError as exc:
            if str(exc) != told:
                log.warning("no mail goes out: %s", exc)
            told = str(exc)
        except ServerError as exc:
            log.warning("letters wait: %s", exc)
        except Exception:
            # A thread that died unseen would send nothing for ever.
            log.exception("letters wait")


def post_office(store: Store, settings: Settings) -> AbstractContextManager[None]:
    """Write and send letters while the block runs; the one under way at its end is finished."""
    return in_background("post office", partial(_loop, PostOffice(store, settings)))
