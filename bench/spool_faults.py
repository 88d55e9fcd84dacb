"""Kill the process that fills and empties a spool, many times, and count what that cost.

Rules:
1. A key counts as acknowledged once the child wrote it to its pipe, after `Spool.append` returned.
2. A record counts as delivered once the child wrote it to its pipe, before `Spool.settle`: as a server commits
   before it answers.
3. Lost: acknowledged, and neither in the spool nor delivered. Duplicated: one key with two contents, or twice in
   the spool. Gaps: numbers missing within a run.

``python -m bench.spool_faults [--kills N] [--seed S] [--json]``; exit status 1 when anything was lost.
"""

from __future__ import annotations

import os
import random
import secrets
import sys
import tempfile
import time
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import spool_bench
from bench.spool_bench import options, tell
from contract.messages import Body, ConfigBody, LineBody, LineCounts
from edge.spool import Spool

_START = datetime(2026, 1, 1, tzinfo=UTC)
_SAME_RUN = "00000000000000aa"
_ALL = 10**9


@dataclass(slots=True)
class Tally:
    """What the children said over all their lives."""

    acknowledged: list[str] = field(default_factory=list)
    delivered: dict[str, int] = field(default_factory=dict)
    conflicts: int = 0
    killed: int = 0
    crashed: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one bench run; all but the last three should be 0 or as many as asked."""

    kills: int
    crashed: int
    acknowledged: int
    delivered: int
    lost: int
    duplicated: int
    gaps: int
    seconds: float


def bodies(draw: random.Random) -> list[Body]:
    """One to four bodies with numbers drawn at random, so that equal keys with other contents are seen."""
    made: list[Body] = [
        LineBody(
            camera="north",
            line="gate",
            start=_START + timedelta(minutes=draw.randrange(100_000)),
            interval_s=60,
            observed_s=60.0,
            time_quality="synced",
            counts={"person": LineCounts(in_=draw.randrange(1000), out=draw.randrange(1000))},
        )
        for _ in range(draw.randint(1, 4))
    ]
    if draw.random() < 0.1:
        made[0] = ConfigBody(
            camera="north",
            at=_START,
            interval_s=60,
            zones=(),
            lines=(),
            ground=None,
            model="starter",
            model_sha256="0" * 64,
            software=f"0.1.{draw.randrange(1000)}",
        )
    return made


def live(path: Path, pipe: int, seed: int) -> None:
    """The child: append, say so, now and then deliver; until killed."""
    draw = random.Random(seed)
    run = _SAME_RUN if draw.random() < 0.5 else secrets.token_hex(8)
    with Spool(path, device="box", run=run) as spool:
        while True:
            keys = spool.append(bodies(draw))
            os.write(pipe, f"A {' '.join(keys)}\n".encode())
            if draw.random() < 0.3:
                batch = spool.peek(limit=draw.randint(1, 20))
                said = " ".join(f"{item.key}={hash_of(item.payload)}" for item in batch)
                os.write(pipe, f"D {said}\n".encode())  # below PIPE_BUF: whole or not at all
                spool.settle({item.key for item in batch}, {})


def hash_of(payload: str) -> int:
    """A number that two different payloads hardly share, the same in every process."""
    return zlib.crc32(payload.encode())


def one_life(path: Path, seed: int, alive_s: float, tally: Tally) -> None:
    """Start a child, kill it after ``alive_s`` seconds, note what it said."""
    said, how = spool_bench.one_life(lambda pipe: live(path, pipe, seed), alive_s)
    for line in said.splitlines():
        kind, *words = line.split(" ")
        for word in words if kind == "A" else ():
            tally.acknowledged.append(word)
        for word in words if kind == "D" else ():
            key, number = word.rsplit("=", 1)
            tally.conflicts += tally.delivered.setdefault(key, int(number)) != int(number)
    if os.WIFSIGNALED(how):
        tally.killed += 1
    else:
        tally.crashed += 1


def judge(path: Path, tally: Tally, seconds: float) -> Result:
    """Compare what was said with what is in the file."""
    with Spool(path, device="box", run=secrets.token_hex(8)) as spool:
        rows = spool.peek(_ALL, _ALL)
    pending = {item.key: item.payload for item in rows}
    there = pending.keys() | tally.delivered.keys()
    twice = sum(count - 1 for count in Counter(tally.acknowledged).values()) + len(rows) - len(pending)
    for key in pending.keys() & tally.delivered.keys():
        twice += tally.delivered[key] != hash_of(pending[key])
    numbers: defaultdict[str, set[int]] = defaultdict(set)
    for key in there:
        _, run, seq = key.split("/")
        numbers[run].add(int(seq))
    return Result(
        kills=tally.killed,
        crashed=tally.crashed,
        acknowledged=len(tally.acknowledged),
        delivered=len(tally.delivered),
        lost=len(set(tally.acknowledged) - there),
        duplicated=twice + tally.conflicts,
        gaps=sum(max(seqs) + 1 - len(seqs) for seqs in numbers.values()),
        seconds=round(seconds, 2),
    )


def kill_often(path: Path, kills: int, seed: int) -> Result:
    """``kills`` lives on one file, each ended at a random moment, opening included."""
    draw, tally, began = random.Random(seed), Tally(), time.monotonic()
    for _ in range(kills):
        one_life(path, draw.getrandbits(32), draw.uniform(0.001, 0.12), tally)
    return judge(path, tally, time.monotonic() - began)


def main() -> int:
    """Run the bench and print its figures."""
    args = options("bench.spool_faults", "kill -9 against the spool", kills=200, seed=1).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = kill_often(Path(folder) / "spool.db", args.kills, args.seed)
    tell(result, as_json=args.json)
    return int(bool(result.lost or result.duplicated or result.gaps or result.crashed))


if __name__ == "__main__":
    sys.exit(main())
