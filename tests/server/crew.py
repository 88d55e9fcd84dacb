"""A crew in a test: recipients, letters as they leave, links out of them."""

from __future__ import annotations

import email
import email.policy
import re

from server.post_office import PostOffice
from server.store.base import AuditEntry
from server.store.crew_base import Recipient
from tests.server.build import NOON
from tests.server.test_post_office import Script, write_settings

AUDIT = AuditEntry(NOON, "planner-1", "t", "t")
KINDS = ("debris", "stopped_vehicle", "obstruction")


def recipient(desk, stage="confirmed", address="equipe@exemple.fr", **changes) -> int:
    values = {"language": "fr", "site": None, "kinds": KINDS, "least": "low"} | changes
    own = Recipient(0, address, stage=stage, created_at=int(desk.clock()), created_by="planner-1", **values)
    return desk.store.crew.add(own, AUDIT)


class Post:
    """The server's post office with a mail server that accepts everything."""

    def __init__(self, site) -> None:
        write_settings(site)
        self.site = site
        self._script = Script()
        self._office = PostOffice(site.store, site.app.state.settings, self._script)
        self._office.turn()  # a channel that is new begins now

    def letters(self) -> list[tuple[str, str]]:
        """Who got what since the last time: address and subject, no-break spaces made plain."""
        return [(to, subject_of(message)) for message, to in self.messages()]

    def messages(self) -> list[tuple[bytes, str]]:
        self._script.accepted.clear()
        self._office.turn()
        return list(self._script.accepted)


def parsed(message: bytes):
    return email.message_from_bytes(message, policy=email.policy.default)


def calm(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\u00a0", " ").replace("\u202f", " ")


def subject_of(message: bytes) -> str:
    return calm(parsed(message)["Subject"])


def text_of(message: bytes, kind: str = "plain") -> str:
    return calm(parsed(message).get_body((kind,)).get_content())


def link_of(message: bytes, base: str = "https://parvis.exemple.fr") -> str:
    """The path of the letter's link."""
    return re.search(re.escape(base) + r"(/a/\S+)", text_of(message))[1]
