"""How fast the server takes records in, against the least that any store must do with them.

Rules:
1. *Taken in*: from the compressed body of a post to its answer, by the server's own code: unpacked, parsed, each record
   checked and judged, stored durably (WAL, ``synchronous=FULL``), hours grown. The network is left out.
   *Stored*: the last part alone, of records that were checked before.
2. *Bare*: the very rows that stand in ``records``, ``intervals`` and ``counts`` afterwards, put into a database with the
   same schema, indexes and settings by ``executemany``, a transaction for each batch. Nothing is checked, no hour grows.
3. The three take turns, batch by batch, each over the same batches, so that a busy machine slows all alike. Rates are
   of the time that passed; processor time stands beside it.

``python -m bench.ingest [--sites N] [--hours N] [--batch N] [--json]``; exit status 1 when *stored* is below ``LEAST``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from contract.batch import MAX_BYTES, MAX_ITEMS, canonical, pack, parse_record
from server.api.body import inflate, parse
from server.api.ingest import items_of, settle
from server.simulate import Wish, deliveries
from server.store.base import Device, Incoming
from server.store.sqlite import SqliteStore

LEAST: Final = 0.25
END: Final = 1_795_348_800
HOUR_MONTHS: Final = 3600 / 2_629_800
TABLES: Final = ("records", "intervals", "counts")


@dataclass(slots=True)
class Clocked:
    """Time that passed and processor time of this process, seconds."""

    wall_s: float = 0.0
    cpu_s: float = 0.0

    def run(self, work: Callable[[], Any]) -> Any:
        """Do something and add what it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        done = work()
        self.wall_s += time.perf_counter() - wall
        self.cpu_s += time.process_time() - cpu
        return done


@dataclass(frozen=True, slots=True)
class Result:
    """Records a second, and the share of the bare rate, by time that passed and by processor time."""

    records: int
    batches: int
    rows: int
    taken_in_per_s: float
    stored_per_s: float
    bare_per_s: float
    taken_in: float
    stored: float
    taken_in_cpu: float
    stored_cpu: float


def batches_of(sites: int, hours: float, size: int) -> list[tuple[Device, list[str]]]:
    """What boxes of an invented town send, minute by minute: batches of one device, as canonical JSON."""
    wish = Wish(
        sites=sites, months=max(0.03, hours * HOUR_MONTHS), seed=1, end=END, interval_s=60, grid_days=0
    )
    found: list[tuple[Device, list[str]]] = []
    for delivery in deliveries(wish):
        device = Device(delivery.device, wish.start, None, None)
        texts = [canonical(parse_record(item)) for item in delivery.items]
        while texts:
            count = size
            while sum(map(len, texts[:count])) > MAX_BYTES - 20:
                count //= 2
            found.append((device, texts[:count]))
            texts = texts[count:]
    return found


def _rows(store: SqliteStore, first: int) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """What stands in the tables since a record's number, as statements and their values."""
    found = []
    with store._connections.read() as db:  # noqa: SLF001 - the bench looks where nobody else may
        for table in TABLES:
            number = "id" if table == "records" else "record_id"
            rows = [tuple(row) for row in db.execute(f"SELECT * FROM {table} WHERE {number} >= ?", (first,))]  # noqa: S608
            if rows:
                places = ", ".join("?" * len(rows[0]))
                found.append((f"INSERT INTO {table} VALUES ({places})", rows))  # noqa: S608
    return found


def _take_in(body: bytes, device: Device, store: SqliteStore) -> dict[str, Any]:
    return settle(items_of(parse(inflate(body))), device, store, END)


def _bare(store: SqliteStore, rows: Sequence[tuple[str, list[tuple[Any, ...]]]]) -> None:
    with store._connections.write() as db:  # noqa: SLF001
        for statement, values in rows:
            db.conn.executemany(statement, values)


def measure(folder: Path, batches: Sequence[tuple[Device, list[str]]]) -> Result:
    """All three over the same batches."""
    taken, stored, bare = Clocked(), Clocked(), Clocked()
    whole, parts, plain = (SqliteStore(folder / f"{name}.sqlite3") for name in ("whole", "parts", "plain"))
    count, rows_in_all, first = 0, 0, 1
    for device, texts in batches:
        body = pack(texts)
        answer = taken.run(partial(_take_in, body, device, whole))
        if len(answer["accepted"]) != len(texts):
            raise RuntimeError(f"not all was taken in: {answer['rejected'][:3]}")
        records = [Incoming(parse_record(json.loads(text)), text) for text in texts]
        stored.run(partial(parts.records.add, records, END))
        rows = _rows(whole, first)
        first += len(texts)
        bare.run(partial(_bare, plain, rows))
        count += len(texts)
        rows_in_all += sum(len(values) for _, values in rows)
    for store in (whole, parts, plain):
        store.close()
    return Result(
        records=count,
        batches=len(batches),
        rows=rows_in_all,
        taken_in_per_s=round(count / taken.wall_s, 1),
        stored_per_s=round(count / stored.wall_s, 1),
        bare_per_s=round(count / bare.wall_s, 1),
        taken_in=round(bare.wall_s / taken.wall_s, 3),
        stored=round(bare.wall_s / stored.wall_s, 3),
        taken_in_cpu=round(bare.cpu_s / taken.cpu_s, 3),
        stored_cpu=round(bare.cpu_s / stored.cpu_s, 3),
    )


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest")
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--batch", type=int, default=MAX_ITEMS)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), batches_of(asked.sites, asked.hours, asked.batch))
    if asked.json:
        print(json.dumps(asdict(result)))
    else:
        for name, value in asdict(result).items():
            print(f"{name:15} {value:g}")
    return int(result.stored < LEAST)


if __name__ == "__main__":
    sys.exit(main())
