"""A box that is killed at random moments while its server comes and goes: every closed interval arrives exactly once.

Rules:
1. The child appends, and delivers through the real `Uplink` to a server that commits before it answers,
   loses one answer in five, and is away half of the time. It is killed with SIGKILL at random moments.
2. A key counts as closed once the child wrote it to its pipe, after `Spool.append` returned.
3. At the end the server stays, and the box drains. Missing: closed and not on the server. Conflicts: one key that came
   with two contents. Sums: what the server has, against what was closed.

``python -m bench.spool_link [--kills N] [--seed S] [--json]``; exit status 1 when anything is missing, double or wrong.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import secrets
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from bench import spool_bench
from bench.spool_bench import accepting, key_of, options, tell
from bench.spool_faults import bodies
from contract.messages import LineBody
from edge.spool import Spool
from edge.uplink import Uplink

_TOKEN = "t0ken"  # noqa: S105 - of no server
_LOST_ANSWERS = 0.2


@dataclass(slots=True)
class Town:
    """What the server has; ``away`` while it answers nobody."""

    stored: dict[str, dict[str, object]] = field(default_factory=dict)
    conflicts: int = 0
    again: int = 0
    away: bool = False
    draw: random.Random = field(default_factory=lambda: random.Random(1))
    mutex: threading.Lock = field(default_factory=threading.Lock)

    def take(self, items: list[dict[str, object]]) -> bytes | None:
        """Commit, then answer, mostly."""
        with self.mutex:
            keys = []
            for item in items:
                key = key_of(item)
                self.again += key in self.stored
                self.conflicts += self.stored.setdefault(key, item) != item
                keys.append(key)
            lost = self.draw.random() < _LOST_ANSWERS
        return None if lost else accepting(keys)


@dataclass(frozen=True, slots=True)
class Result:
    """The figures; ``missing``, ``conflicts`` and ``sum_error`` must be 0."""

    kills: int
    closed: int
    delivered: int
    sent_again: int
    missing: int
    conflicts: int
    sum_error: int
    seconds: float


def serve(town: Town) -> tuple[int, str]:
    """The server on loopback, as a process of its own: this one forks, which no thread would survive.

    Returns its process id and its address. SIGUSR1 sends it away, SIGUSR2 calls it back; a GET says what it has.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._reply(None if town.away else town.take(json.loads(gzip.decompress(body))["records"]))

        def do_GET(self) -> None:
            said = {"stored": town.stored, "conflicts": town.conflicts, "again": town.again}
            self._reply(json.dumps(said).encode())

        def _reply(self, answer: bytes | None) -> None:
            self.close_connection = True
            if answer is not None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
            """The figures are the log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    url = f"http://127.0.0.1:{server.server_port}"
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)  # until the child listens
    process = os.fork()
    if process == 0:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        signal.signal(signal.SIGUSR1, lambda *_: setattr(town, "away", True))
        signal.signal(signal.SIGUSR2, lambda *_: setattr(town, "away", False))
        server.serve_forever(0.05)
    server.server_close()
    return process, url


def live(path: Path, url: str, pipe: int, seed: int) -> None:
    """The child: close, say so, deliver; until killed."""
    draw, stop = random.Random(seed), threading.Event()
    with Spool(path, device="box", run=secrets.token_hex(8)) as spool:
        uplink = Uplink(
            spool,
            url=url,
            transport=httpx.HTTPTransport(verify=False),
            token=_TOKEN,
            jitter=lambda *_: 0.01,
            wait=lambda _, s: stop.wait(min(s, 0.01)),
        )
        threading.Thread(target=uplink.run, args=(stop,), kwargs={"idle_s": 0.01}, daemon=True).start()
        while True:
            made = bodies(draw)
            keys = spool.append(made)
            said = [f"{key}={_people(body)}" for key, body in zip(keys, made, strict=True)]
            os.write(pipe, (" ".join(said) + "\n").encode())  # below PIPE_BUF: whole or not at all
            stop.wait(draw.uniform(0, 0.01))


def _people(body: object) -> int:
    return body.counts["person"].in_ if isinstance(body, LineBody) else 0


def one_life(path: Path, url: str, seed: int, alive_s: float) -> dict[str, int]:
    """Start a child, kill it after ``alive_s`` seconds; the keys it closed and what they count."""
    said, _ = spool_bench.one_life(lambda pipe: live(path, url, pipe, seed), alive_s)
    return {key: int(count) for key, _, count in (word.rpartition("=") for word in said.split())}


def kill_often(folder: Path, kills: int, seed: int) -> Result:
    """``kills`` lives on one spool, then peace."""
    draw, closed, began = random.Random(seed), dict[str, int](), time.monotonic()
    path = folder / "spool.db"
    process, url = serve(Town())
    try:
        for _ in range(kills):
            os.kill(process, signal.SIGUSR1 if draw.random() < 0.5 else signal.SIGUSR2)
            closed |= one_life(path, url, draw.getrandbits(32), draw.uniform(0.01, 0.3))
        os.kill(process, signal.SIGUSR2)
        with Spool(path, device="box", run=secrets.token_hex(8)) as spool:
            uplink = Uplink(
                spool,
                url=url,
                token=_TOKEN,
                jitter=lambda *_: 0.01,
                wait=lambda _, s: time.sleep(min(s, 0.01)),
            )
            uplink.drain(600)
            uplink.close()
        town = httpx.get(url, timeout=60).json()
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    here = {key: _counted(town["stored"][key]) for key in closed if key in town["stored"]}
    return Result(
        kills=kills,
        closed=len(closed),
        delivered=len(town["stored"]),
        sent_again=town["again"],
        missing=len(closed) - len(here),
        conflicts=town["conflicts"],
        sum_error=abs(sum(here.values()) - sum(closed.values())),
        seconds=round(time.monotonic() - began, 1),
    )


def _counted(item: dict[str, object]) -> int:
    counts = item.get("counts")
    return int(counts["person"]["in"]) if isinstance(counts, dict) else 0


def main() -> int:
    """Run the bench and print its figures."""
    args = options(
        "bench.spool_link", "kill -9 against the way to the server", kills=200, seed=1
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = kill_often(Path(folder), args.kills, args.seed)
    tell(result, as_json=args.json)
    return int(bool(result.missing or result.conflicts or result.sum_error or not result.closed))


if __name__ == "__main__":
    sys.exit(main())
