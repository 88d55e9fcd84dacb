"""``parvis demo --town``: the server's pages on an invented town, with a login; no box, no camera."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console

from parvis.local_server import local_server

SITES: Final = 8
MONTHS: Final = 2.0


def show_town(folder: Path, port: int | None, *, json_: bool, wait: Callable[[], None] | None) -> None:
    """Invent a town in a fresh folder, serve it, and say how to get in.

    Args:
        folder: a fresh folder.
        port: of the pages; None: 8000, or a free one.
        json_: one JSON object as the last line of stdout.
        wait: called while the server is up; None: end at once.
    """
    from server.settings import Settings
    from server.simulate import Wish
    from server.simulate_cli import fill
    from server.simulate_run import calendar_of
    from server.store.sqlite import open_store

    err = Console(stderr=True, highlight=False)
    end = int(time.time())
    start = Wish(SITES, MONTHS, 1, end).start
    store = open_store(Settings(data_dir=folder / "server").database)
    try:
        written = fill(store, Wish(SITES, MONTHS, 1, end, calendar=calendar_of(start, end, "B")))
    finally:
        store.close()
    with local_server(folder / "server", None, port) as server:
        err.print(
            f"{sum(written.records.values())} invented records of {SITES} sites and {MONTHS:g} months,"
            f" {written.quarantined} of them in quarantine ({written.per_s:.0f} a second)."
        )
        if wait is not None:
            err.print(f"\nPages: {server.url}   login: {server.user}   password: {server.password}")
            err.print("Ctrl-C ends the demonstration and removes its data.")
        if json_:
            print(json.dumps(written.as_dict() | {"url": server.url}), flush=True)
        if wait is not None:
            wait()
