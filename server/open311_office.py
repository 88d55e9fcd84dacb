"""What goes to other Open311 servers by itself, and comes back. A thread.

Rules:
1. Nothing is decided here: `server.open311_channel` says what is done, the store that it is once.
2. A server that cannot be asked is left alone for `WAITS_S`, longer each time; the others are not held up. Nor are they by an
   error of ours: whatever goes wrong while one server is asked costs that server's turn alone, unless it is our own store.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from server.errors import ServerError
from server.notices import Notice
from server.open311_channel import POLL_S, WAITS_S, Channel, Describe
from server.open311_client import GeoReport, Target, Trouble
from server.open311_following import Memory
from server.open311_http import GuardedHttp, Http
from server.open311_keys import KeyFileError, own_key
from server.open311_place import Position
from server.open311_telling import KEPT_S, catch_up
from server.pages.open311_words import to_post
from server.pages.texts import Texts
from server.settings import Settings
from server.store.base import Store
from server.store.open311_base import Endpoint
from server.turning import in_background, turns

FIRST_S: Final = 15.0
CHECK_S: Final = 10.0
TIDY_S: Final = 86400
log = logging.getLogger("parvis.server")


def mark_of(store: Store) -> str:
    """What begins the marks of this installation: of no other, and telling nothing of it."""
    return "PARVIS-" + hashlib.sha256(b"open311" + store.subscriptions.secret()).hexdigest()[:8]


def server_of(own: Endpoint, settings: Settings, http: Http) -> GeoReport:
    """An endpoint as a server to be asked.

    Raises:
        KeyFileError: when its key cannot be read.
    """
    key = own_key(settings.data_dir, own.id)
    return GeoReport(http, Target(own.url, own.jurisdiction_id, key, own.form, own.private, own.key_on_get))


class Office:
    """Asks every endpoint in turn."""

    def __init__(self, store: Store, settings: Settings, http: Http | None = None) -> None:
        self._store = store
        self._settings = settings
        self._http: Http = http or GuardedHttp()
        self._memory: dict[int, Memory] = {}
        self._tidied = 0.0

    def turn(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Do what is to be done now.

        Raises:
            ServerError: when the database cannot be used.
        """
        now = int(self._settings.clock())
        catch_up(self._store)
        if now - self._tidied >= TIDY_S:
            self._store.tools.forget(now - KEPT_S)
            self._tidied = now
        for own in self._store.endpoints.active():
            if stop():
                return
            self._ask(own, now, stop)

    def _ask(self, own: Endpoint, now: int, stop: Callable[[], bool]) -> None:
        texts = Texts(own.language, self._settings.zone_info)
        form = own.form
        try:
            server = server_of(own, self._settings, self._http)
            describe: Describe = partial(_described, self._store, texts)
            memory = self._memory.setdefault(own.id, Memory())
            channel = Channel(self._store, own, server, describe, mark_of(self._store), memory)
            channel.follow()
            if own.failures and own.poll_at > now:
                return
            if not own.form:
                server.services()
            polled = channel.turn(now, stop)
            if polled or own.failures or server.form != own.form:
                self._store.endpoints.asked(own.id, now, now + POLL_S, 0, "", "", server.form)
        except KeyFileError as exc:
            self._failed(own, now, "key_file", str(exc), 0, form)
        except Trouble as exc:
            self._failed(own, now, exc.problem, str(exc), exc.wait_s, form)
        except ServerError:
            raise
        except Exception as exc:
            # What a server says may bring out a mistake of ours that nobody thought of. The page names its kind; the text of
            # the error stays in the journal, for it may quote that server.
            log.exception("Open311 waits for %s", own.site)
            detail = f"an error of this server ({type(exc).__name__}); its journal says more"
            self._failed(own, now, "other", detail, 0, form)

    def _failed(self, own: Endpoint, now: int, problem: str, detail: str, wait_s: int, form: str) -> None:
        wait = max(wait_s, WAITS_S[min(own.failures, len(WAITS_S) - 1)])
        self._store.endpoints.asked(own.id, now, now + wait, own.failures + 1, problem, detail, form)


def _described(store: Store, texts: Texts, notice: Notice, own: Endpoint, mark: str, place: Position) -> str:
    return to_post(store, notice, place, mark, texts)


def open311_office(store: Store, settings: Settings) -> AbstractContextManager[None]:
    """Ask and tell other servers while the block runs; what is under way at its end is finished."""
    office = Office(store, settings)
    return in_background(
        "open311", lambda stop: turns(stop, office.turn, "Open311 waits", first_s=FIRST_S, every_s=CHECK_S)
    )
