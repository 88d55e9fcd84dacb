"""A server in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server import credentials
from server.accounts import add_device
from server.app import create_app
from server.settings import Settings
from server.store.base import Store
from tests.server.build import Clock, Site


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The real price of a password is asserted once; hundreds of logins need not pay it."""
    monkeypatch.setattr(credentials, "_N", 2)
    monkeypatch.setattr(credentials, "_P", 1)
    credentials._nobody.cache_clear()
    yield
    credentials._nobody.cache_clear()


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(folder: str = "data", **options: Any) -> Site:
        clock = options.pop("clock", Clock())
        values = {"ingest_per_s": 1e6, "ingest_burst": 1_000_000} | options
        app = create_app(Settings(data_dir=tmp_path / folder, clock=clock, **values))
        store: Store = app.state.store
        token = add_device(store, "box-a")
        site = Site(app, store, clock, token)
        made.append(site)
        return site

    yield make
    for site in made:
        for client in site.clients:
            client.close()
        site.store.close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()
