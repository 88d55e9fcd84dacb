"""End to end: the server's own thread, a town's server over HTTP, and a process that is killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from server import open311_office as office_module
from server.open311_channel import POLL_S
from server.open311_office import open311_office
from server.store.notices_base import Wanted
from tests.server.open311_stub import Town, serving
from tests.server.open311_town import LANES, LAT, confirmed, connect, links, moved, office, run, settle

ROOT = Path(__file__).parents[2]


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def test_the_servers_own_thread_takes_a_notice_there_and_back(site, monkeypatch):
    monkeypatch.setattr(office_module, "FIRST_S", 0.01)
    monkeypatch.setattr(office_module, "CHECK_S", 0.01)
    settle(site)
    town = Town(site.clock)
    with serving(town) as url:
        connect(site, url)
        with open311_office(site.store, site.app.state.settings):
            notice = confirmed(site)
            until(lambda: [link.state for link in links(site)] == ["linked"])
            other = confirmed(site, 2, zone=LANES[0], x=0.9, w=0.01, lat=LAT + 1)
            until(lambda: len(town.posts) == 2)
            moved(site, other, "cleared")
            town.close("1001", "Enlevé")
            site.clock.now += POLL_S
            until(lambda: site.store.notices.notice(notice.id).state == "cleared")
    assert len(town.posts) == 2
    assert site.store.notices.notice(other.id).state == "cleared"


OFFICE = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from server.open311_http import GuardedHttp
    from server.open311_office import Office
    from server.settings import Settings
    from server.store.sqlite import open_store

    folder, began, speed = Path(sys.argv[1]), float(sys.argv[2]), 600.0
    settings = Settings(data_dir=folder, clock=lambda: began + (time.time() - began) * speed)
    store = open_store(settings.database)
    office = Office(store, settings, GuardedHttp(timeout_s=2))
    print("up", flush=True)
    while True:
        office.turn()
        time.sleep(0.01)
    """
)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(3))
def test_kill_9_at_any_moment_never_posts_twice(make_site, seed):
    """Twelve notices, a process killed twenty-five times while it posts them, a server that fails after accepting."""
    rng = random.Random(seed)
    began = time.time()
    site = make_site("killed")
    site.clock.now = began
    settle(site)
    town = Town(lambda: began + (time.time() - began) * 600.0)
    with serving(town) as url:
        connect(site, url)
        run(site, office(site))
        town.delay_s = 0.05
        town.faults = [rng.choice(["", "accept_drop", "accept_500", "429"]) for _ in range(12)]
        for number in range(12):
            confirmed(site, number + 1, zone=LANES[number], x=0.03 + number / 13, w=0.01, lat=LAT + number)
        command = [sys.executable, "-c", OFFICE, str(site.app.state.settings.data_dir), str(began)]
        for _ in range(25):
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
                process.stdout.readline()
                time.sleep(rng.uniform(0, 0.25))
                os.kill(process.pid, signal.SIGKILL)
        town.faults = []
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
            until(lambda: {own.state for own in links(site)} <= {"linked", "asks"}, 120)
            process.kill()
    places = [(own["lat"], own["long"]) for own in town.posts]
    assert len(places) == len(set(places))
    # What a person is asked about was never made: everything that was made has been found again.
    assert len(places) == sum(own.state == "linked" for own in links(site))
    assert len(site.store.notices.board(Wanted(), 100)) == 12
