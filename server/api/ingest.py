"""POST /api/v1/records: a batch in, an answer for each item out, durable before it is given.

Rules:
1. Each item is judged alone; one bad item never holds up the others.
2. An item's device is the token's device.
3. Times that cannot be true, or that the box itself does not know, are accepted into quarantine: kept and shown, but
   in no report.
4. An answer tells the server's time, for boxes that have no other (`TIME_HEADER`).
"""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from contract.batch import (
    MAX_ITEMS,
    RECORDS_PATH,
    TIME_HEADER,
    AnomalyRecord,
    ConfigRecord,
    GridRecord,
    HealthRecord,
    Record,
    canonical,
    parse_record,
    raw_key,
)
from contract.messages import Interval
from contract.names import GRID_INTERVAL_S
from server.access import DEVICE, Route, settings_of, store_of
from server.api.body import Refused, check_headers, inflate, parse, read_bounded
from server.guard import problem
from server.limits import Buckets
from server.store.base import Device, Incoming, Store

FUTURE_S: Final = 300
BODY_S: Final = 30.0
# A box may have counted offline for a season before it was enrolled; Parvis itself is younger than 2024.
BEFORE_ENROLMENT_S: Final = 90 * 86400
OLDEST: Final = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp())


def times(record: Record) -> tuple[int, int]:
    """The first and the last time that a record speaks of, seconds since 1970."""
    if isinstance(record, (ConfigRecord, HealthRecord)):
        at = int(record.at.timestamp())
        return at, at
    if isinstance(record, AnomalyRecord):
        return int(record.first_seen.timestamp()), int(record.last_seen.timestamp())
    start = int(record.start.timestamp())
    if isinstance(record, GridRecord):
        # An hour under way may be sent when its run ends, so only its seen part is known to have passed.
        return start, start + min(GRID_INTERVAL_S, int(record.observed_s))
    return start, start + record.interval_s


def implausible(record: Record, now: int, created_at: int) -> str | None:
    """Why a record's times cannot be believed, or None."""
    if isinstance(record, Interval) and record.time_quality == "unsynced":
        return "time_unknown"
    first, last = times(record)
    if max(first, last) > now + FUTURE_S:
        return "future"
    if min(first, last) < OLDEST:
        return "before_2024"
    if min(first, last) < created_at - BEFORE_ENROLMENT_S:
        return "before_enrolment"
    return None


def settle(items: list[Any], device: Device, store: Store, now: int) -> dict[str, Any]:
    """Judge and store a batch; the answer's body."""
    rejected: list[dict[str, str]] = []
    incoming: list[Incoming] = []
    for index, item in enumerate(items):
        key = raw_key(item, index)
        try:
            record = parse_record(item)
        except ValueError as exc:
            rejected.append({"key": key, "reason": f"invalid: {exc}"[:500]})
            continue
        if record.device != device.id:
            rejected.append({"key": key, "reason": "wrong_device"})
            continue
        incoming.append(Incoming(record, canonical(record), implausible(record, now, device.created_at)))
    stored = store.records.add(incoming, now)
    accepted = [item.record.key for item, kept in zip(incoming, stored, strict=True) if kept]
    rejected += [
        {"key": item.record.key, "reason": "conflict"}
        for item, kept in zip(incoming, stored, strict=True)
        if not kept
    ]
    return {"accepted": accepted, "rejected": rejected}


def items_of(body: Any) -> list[Any]:
    """The items of a parsed body.

    Raises:
        Refused: 400 for another shape, 413 for too many items.
    """
    if not isinstance(body, dict) or set(body) != {"records"} or not isinstance(body["records"], list):
        raise Refused(400, "bad_shape", 'the body must be {"records": [...]}')
    items: list[Any] = body["records"]
    if len(items) > MAX_ITEMS:
        raise Refused(413, "too_many", f"a batch may have {MAX_ITEMS} records (got {len(items)})")
    return items


class Ingest:
    """The endpoint and its bounds."""

    def __init__(self, per_s: float, burst: int, queue: int) -> None:
        self._buckets = Buckets(per_s, burst)
        self._places = threading.BoundedSemaphore(queue)

    async def post(self, request: Request) -> Response:
        """Take a batch."""
        settings, store = settings_of(request), store_of(request)
        device: Device = request.state.device
        now = settings.clock()
        wait = self._buckets.wait_s(device.id, now)
        if wait > 0:
            return _later(429, "too_many_requests", "slow down", int(wait) + 1)
        if not self._places.acquire(blocking=False):
            return _later(503, "overloaded", "too many batches are waiting", 5)
        try:
            gzipped = check_headers(request)
            async with asyncio.timeout(BODY_S):
                data = await read_bounded(request)
            answer = await run_in_threadpool(self._take, data, gzipped, device, store, int(now))
        except Refused as exc:
            # What was not read cannot be skipped on a connection that stays open.
            return problem(exc.status, exc.error, exc.detail, {"Connection": "close"})
        except (TimeoutError, ClientDisconnect):
            return problem(
                408, "timeout", f"the body did not arrive within {BODY_S:.0f} s", {"Connection": "close"}
            )
        finally:
            self._places.release()
        return JSONResponse(answer, headers={TIME_HEADER: f"{settings.clock():.3f}"})

    @staticmethod
    def _take(data: bytes, gzipped: bool, device: Device, store: Store, now: int) -> dict[str, Any]:
        return settle(items_of(parse(inflate(data) if gzipped else data)), device, store, now)

    def routes(self) -> list[Route]:
        """The way in."""
        return [Route("POST", RECORDS_PATH, self.post, DEVICE)]


def _later(status: int, error: str, detail: str, seconds: int) -> Response:
    return problem(status, error, detail, {"Retry-After": str(seconds), "Connection": "close"})
