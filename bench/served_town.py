"""A server on a port of this machine, with an invented town in it: what pictures are taken of and checks are run on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvicorn

from bench.addresses import places_at
from bench.open_pages import session
from server.app import create_app
from server.settings import PublicSite, Settings
from server.simulate import Wish
from server.simulate_run import calendar_of, write
from server.store.base import Store
from server.store.sqlite import open_store

# A Saturday in June, 18:00 in Paris: a market morning lies behind, and the pictures do not change with the calendar.
END: Final = 1_781_971_200
# Boxes have delivered, and none is late.
NOW_S: Final = 240
ZONE: Final = "place-du-marche/cam1/place"
PARKING: Final = "parking-des-halles/cam1/nord"
LINE: Final = "rue-de-la-republique/cam1/coupe"


@dataclass(frozen=True, slots=True)
class Town:
    """Where it is served, with its store and what addresses are filled with."""

    origin: str
    store: Store
    places: dict[str, str]
    now: int

    def cookie(self, role: str) -> str:
        """A session of a user of that role."""
        return session(self.store, role, self.now)


@contextmanager
def served_town(folder: Path, sites: int = 8, months: float = 3.0, end: int = END) -> Iterator[Town]:
    """Serve a town; it is written anew unless the folder holds one."""
    settings = Settings(
        data_dir=folder,
        clock=lambda: float(end + NOW_S),
        public_sites=(PublicSite("centre", ("place-du-marche", "rue-de-la-republique")),),
    )
    store = open_store(settings.database)
    if not store.records.count():
        start = Wish(sites, months, 1, end).start
        write(store, Wish(sites, months, 1, end, calendar=calendar_of(start, end, "B")))
    app = create_app(settings, store)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield Town(f"http://127.0.0.1:{port}", store, places_at(end, ZONE, PARKING, LINE), end + NOW_S)
    finally:
        server.should_exit = True
        thread.join()
        store.close()
