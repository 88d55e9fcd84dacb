"""Opens the server's pages in this process as somebody who is logged in, and weighs what a browser would fetch."""

from __future__ import annotations

import gzip
import re
import warnings
from typing import Any, Final

from server.access import SESSION_COOKIE
from server.credentials import new_token, token_hash
from server.pages.texts import LANGUAGE_COOKIE
from server.store.base import AuditEntry, Store

with warnings.catch_warnings():
    # Starlette 1 prefers httpx2; httpx is what the box uses and what is locked here.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

_ASSET: Final = re.compile(r'(?:<script[^>]*?\ssrc|<link[^>]*?\shref|<img[^>]*?\ssrc)="(/[^"]*)"')
# What an address bar would name; pages in French, as most planners have them.
NAMES: Final = {
    "planner": "marie",
    "technician": "louis",
    "administrator": "anne",
    "crew": "karim",
    "viewer": "jeanne",
}
ORIGIN: Final = "http://127.0.0.1:8000"


def logged_in(app: Any, store: Store, role: str, now: int, language: str = "fr") -> TestClient:
    """A browser whose user has a role, without the price of a password; as nobody for the role ``""``."""
    client = TestClient(app, base_url=ORIGIN, follow_redirects=False)
    client.cookies.set(LANGUAGE_COOKIE, language)
    if role:
        client.cookies.set(SESSION_COOKIE, session(store, role, now))
    return client


def session(store: Store, role: str, now: int) -> str:
    """The cookie of a new login of a user of that role, who is made when absent."""
    token, name = new_token(), NAMES.get(role, role)
    # No password has this hash.
    store.accounts.add_user(name, role, "scrypt$2$1$1$AA==$AA==", AuditEntry(now, "bench", "user.add", name))
    entry = AuditEntry(now, name, "login.ok", name)
    store.accounts.open_session(token_hash(token), name, "bench", now + 12 * 3600, entry)
    return token


def assets(html: str) -> list[str]:
    """The scripts, styles and pictures that a page names, each once."""
    return list(dict.fromkeys(address.replace("&amp;", "&") for address in _ASSET.findall(html)))


def weight(client: TestClient, html: str) -> int:
    """Bytes of a page and all its assets, each compressed by gzip at level 6 as a reverse proxy does."""
    bodies = [html.encode(), *(client.get(address).content for address in assets(html))]
    return sum(len(gzip.compress(body, 6)) for body in bodies)
