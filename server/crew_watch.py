"""Writes letters about notices into the outbox: follows the events, and reminds when a time has come.

Rules:
1. What is written is decided by `server.telling`; a letter's job is unique, so the letters of an event and the cursor that
   comes after them are once each, wherever the server is killed.
2. Without mail settings nothing is followed. Where they were missing for a while, what is still open is told afterwards and
   what is over is not; where they come for the first time, telling begins with the next step.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from server.errors import ServerError
from server.mail_settings import MailSettings
from server.notices import ENDED, Notice
from server.pages.crew_letters import notice_letter
from server.pages.texts import Texts
from server.settings import Settings
from server.store.base import Store
from server.store.crew_base import Recipient, Reminder
from server.store.desk_base import NewMail
from server.telling import What, due, reminded

log = logging.getLogger("parvis.server")

CHANNEL: Final = "mail:crew"
FOLLOW_MOST: Final = 500
REMIND_MOST: Final = 200
Wish = tuple[Recipient, What, str]


class CrewWatch:
    """One turn's letters about notices."""

    def __init__(self, store: Store, settings: Settings, mail: MailSettings) -> None:
        self._store = store
        self._mail = mail
        self._now = int(settings.clock())
        self._tz = settings.zone_info

    def turn(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Write what is due; the number of new letters.

        Raises:
            StoreError: when the database cannot be used.
        """
        return self._follow(stop) + self._remind()

    def _follow(self, stop: Callable[[], bool]) -> int:
        notices, crew, written = self._store.notices, self._store.crew, 0
        done = notices.cursor(CHANNEL)
        while not stop() and (events := notices.events_after(done, FOLLOW_MOST)):
            recipients = crew.recipients()
            for number in dict.fromkeys(event.notice for event in events):
                try:
                    written += self._tell(number, recipients)
                except ServerError:
                    raise
                except Exception:
                    # One notice that cannot be told must not keep every other letter waiting for ever.
                    log.exception("notice %d was not told", number)
            for event in events:
                if event.what == "later":
                    self._note(event.notice, event.actor)
            done = events[-1].id
            notices.follow(CHANNEL, done)
        return written

    def _tell(self, number: int, recipients: list[Recipient]) -> int:
        notices, crew = self._store.notices, self._store.crew
        notice = notices.notice(number)
        if notice is None:
            return 0
        wishes = due(notice, notices.events(number), recipients, crew.written(number))
        return crew.write(self._letters(notice, wishes), self._now)

    def _note(self, number: int, actor: str) -> None:
        notice = self._store.notices.notice(number)
        if notice is not None and notice.state not in ENDED and notice.later_until is not None:
            self._store.crew.remind(Reminder(number, notice.later_until, actor))

    def _remind(self) -> int:
        crew, notices, written = self._store.crew, self._store.notices, 0
        for own in crew.reminders(self._now, REMIND_MOST):
            notice = notices.notice(own.notice)
            wishes: list[Wish] = []
            if notice is not None:
                events = notices.events(own.notice)
                wishes = reminded(notice, events, crew.recipients(), own.until, own.actor)
            letters = self._letters(notice, wishes) if notice else []
            written += crew.write(letters, self._now, own)
        return written

    def _letters(self, notice: Notice, wishes: list[Wish]) -> list[NewMail]:
        return [
            notice_letter(
                self._store, self._mail, own, notice, what, job, at=self._now, t=Texts(own.language, self._tz)
            )
            for own, what, job in wishes
        ]
