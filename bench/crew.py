"""What it costs to tell a crew: letters and messages of a storm, and the pages that people and programs ask for after it.

``python -m bench.crew [--notices 1000] [--recipients 5] [--targets 5] [--repeats 15] [--json]``: as many notices are confirmed
at once on a store that holds 20,000 other letters; the followers write the letters and the messages; then the page of
whom notices go to, a feed and the page behind a letter's link are asked for over the application (without a network), on a
store that counts the rows its queries touch. Exit status 1 when a page takes longer than `LIMIT_MS` or touches more than
`LIMIT_ROWS` rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from bench.open_pages import logged_in
from bench.touched import CountingStore
from contract.batch import canonical, parse_record
from server.app import create_app
from server.crew_watch import CHANNEL as LETTERS
from server.crew_watch import CrewWatch
from server.links import Claim, token
from server.mail_settings import MailSettings
from server.notice_rules import SiteRules
from server.settings import Settings
from server.store.base import AuditEntry, Incoming
from server.store.crew_base import Hook, Recipient
from server.store.desk_base import NewMail
from server.store.mail import insert_mail
from server.store.notices_base import Wanted
from server.webhooks import CHANNEL as MESSAGES
from server.webhooks import Webhooks

LIMIT_MS: Final = 150.0
LIMIT_ROWS: Final = 20_000
NOW: Final = 1_795_348_800
OTHER_LETTERS: Final = 20_000
SAID: Final = AuditEntry(NOW, "bench", "bench", "-")
MAIL: Final = MailSettings("127.0.0.1", "parvis@example.org", "https://parvis.example.org", security="none")


def _utc(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _records(number: int) -> list[dict[str, Any]]:
    """The configuration of a lane, and cases of it apart from each other: 40 x 25 places."""
    lane: dict[str, Any] = {
        "id": "lane", "kind": "road", "purpose": "operational", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]], "bays": {},
        "capacity": None, "classes": ["car"],
    }  # fmt: skip
    own: dict[str, Any] = {"device": "bench", "run": "b" * 16, "camera": "c"}
    found = [
        {
            "type": "parvis.config.v1", **own, "seq": 0, "at": _utc(NOW - 3600), "interval_s": 60, "zones": [lane],
            "lines": [], "ground": None, "model": "bench", "model_sha256": "0" * 64, "software": "bench",
        }
    ]  # fmt: skip
    for n in range(number):
        found.append(  # noqa: PERF401 - two dozen fields read better so
            {
                "type": "parvis.anomaly.v1", **own, "seq": n + 1, "case": f"{n:016x}", "revision": 1, "kind": "debris",
                "state": "open", "zone": "lane", "first_seen": _utc(NOW - 60), "last_seen": _utc(NOW), "x": (n % 40 + 0.5) / 40,
                "y": (n // 40 % 25 + 0.5) / 25, "w": 0.004, "h": 0.004, "lon": None, "lat": None, "size_m": 0.4,
                "confidence": 0.8,
            }
        )  # fmt: skip
    return found


def fill(store: CountingStore, notices: int, recipients: int, targets: int) -> int:
    """Letters of other things, recipients, targets, confirmed notices; how many there are of these."""
    with store._connections.write() as db:  # noqa: SLF001 - one by one they would take minutes
        for n in range(OTHER_LETTERS):
            insert_mail(
                db, NewMail(f"report/{n}", f"<{n}@example.org>", "a@example.org", "Report", b"x"), NOW
            )
    for channel in (LETTERS, MESSAGES):
        store.notices.cursor(channel)
    for n in range(recipients):
        own = Recipient(0, f"crew{n}@example.org", "fr", "confirmed", None, ("debris",), "low", NOW, "bench")
        store.crew.add(own, SAID)
    for n in range(targets):
        hook = Hook(0, f"https://example.org/{n}", None, False, False, "whsec_AQ==", NOW, "bench")
        store.hooks.add(hook, SAID)
    store.notices.set_rules(None, replace(SiteRules(), cap=1000), SAID)
    items = [parse_record(item) for item in _records(notices)]
    for first in range(0, len(items), 500):
        batch = [Incoming(record, canonical(record)) for record in items[first : first + 500]]
        store.records.add(batch, NOW)
    while store.notices.take(ZoneInfo("Europe/Paris"), 100):
        pass
    waiting = store.notices.board(Wanted(states=frozenset({"to_verify"})), notices)
    for notice in waiting:
        store.notices.move(notice.id, notice.version, "confirmed", SAID)
    return len(waiting)


def pages(store: CountingStore, settings: Settings, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each page, median and worst, and the rows its queries touch."""
    app = create_app(settings, store)
    client = logged_in(app, store, "planner", NOW)
    link = token(store.crew.link_key(), Claim(1, 1, "confirmed", NOW + 3600))
    found = {}
    for name, path in (
        ("page", "/notices/crew"),
        ("feed", "/feeds/all.sites.atom"),
        ("answer", f"/a/{link}"),
    ):
        spans = []
        for _ in range(repeats):
            store.watch.clear()
            began = time.perf_counter()
            answer = client.get(path)
            spans.append(1000 * (time.perf_counter() - began))
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answers {answer.status_code}")
        found[name] = {
            "median_ms": round(statistics.median(spans), 1),
            "worst_ms": round(max(spans), 1),
            "rows": store.watch.rows,
        }
    return found


def measure(folder: Path, notices: int, recipients: int, targets: int, repeats: int) -> dict[str, Any]:
    """Fill, tell, ask."""
    settings = Settings(data_dir=folder, clock=lambda: float(NOW))
    store = CountingStore(settings.database)
    hooks = Webhooks(store, settings)
    try:
        confirmed = fill(store, notices, recipients, targets)
        began = time.perf_counter()
        letters = CrewWatch(store, settings, MAIL).turn()
        written = time.perf_counter()
        messages = hooks.follow()
        queued = time.perf_counter()
        return {
            "confirmed": confirmed,
            "letters": letters,
            "letters_per_s": round(letters / (written - began)),
            "messages": messages,
            "messages_per_s": round(messages / (queued - written)),
            "pages": pages(store, settings, repeats),
        }
    finally:
        hooks.close()
        store.close()


def main(arguments: list[str] | None = None) -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.crew")
    parser.add_argument("--notices", type=int, default=1000)
    parser.add_argument("--recipients", type=int, default=5)
    parser.add_argument("--targets", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), asked.notices, asked.recipients, asked.targets, asked.repeats)
    over = any(p["median_ms"] > LIMIT_MS or p["rows"] > LIMIT_ROWS for p in result["pages"].values())
    if asked.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:15} {value}")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
