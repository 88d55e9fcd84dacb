"""Public days: each is worked out once, when it is final, and kept; nobody ever sees it with other figures.

Rules:
1. A day is final ``public_after_s`` after its end; what arrives later changes nothing that was published.
2. Its three tables are made together, from the same rows, and are on the disk before the first of them is answered.
3. A day nobody asked for within ``PUBLISH_WITHIN_S`` of its end is never published: its intervals may be deleted soon,
   and half a day would read as a quiet one.
4. A device's day is published in one site only, also after it moved to another one.

The folder ``public`` next to the database belongs into every backup of it: a day that was lost and is worked out
again could differ by a late record.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from contract.messages import format_time
from contract.names import ClassGroup
from server.errors import StoreError, StoreFull
from server.public_table import PUBLIC_STEPS, public_tables
from server.reading import Reader, View
from server.settings import PublicSite, Settings
from server.store.base import Store

# Together with a day below the shortest time for which intervals are kept (server/retention.py).
PUBLISH_WITHIN_S: Final = 30 * 86400


class NotPublished(Exception):  # noqa: N818 - a state that is answered, not a fault
    """There is no public table of this day; the message says why."""


def day_borders(day: date, settings: Settings) -> tuple[int, int]:
    """The local midnights around a day, seconds since 1970."""
    after = day + timedelta(days=1)
    start, end = (
        int(datetime(one.year, one.month, one.day, tzinfo=settings.zone_info).timestamp())
        for one in (day, after)
    )
    return start, end


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, EOFError) as exc:
        if isinstance(exc, OSError) and exc.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StoreFull(f"{path}: the disk is full; nothing was published") from exc
        raise StoreError(f"{path}: {exc}") from exc


def _read(path: Path) -> dict[str, Any] | None:
    """A published day, None when there is none."""
    with _translated(path):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        found: dict[str, Any] = json.loads(gzip.decompress(data))
        return found


def _keep(path: Path, document: dict[str, Any]) -> None:
    """Put a day on the disk, whole or not at all; one that is there already stays."""
    data = gzip.compress(json.dumps(document, separators=(",", ":")).encode(), mtime=0)
    with _translated(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            # A link never replaces a file, so of two processes the first one wins.
            with contextlib.suppress(FileExistsError):
                os.link(name, path)
        finally:
            Path(name).unlink()
        # Every folder that may be new, up to the one of the database.
        for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
            number = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)


class Publisher:
    """The public days of one server; one is made at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Known to be on the disk, and not only about to be.
        self._safe: set[Path] = set()

    def document(self, store: Store, settings: Settings, site: PublicSite, day: date) -> dict[str, Any]:
        """The published day.

        Returns:
            ``site, day, timezone, start, end, k`` and ``places``: for each place and class its ``bins`` by step
            (``"900"``, ``"3600"``, ``"day"``), with the fields of `PublicBin`.

        Raises:
            NotPublished: when there is none.
            StoreError: when the database or the folder cannot be used.
        """
        path = settings.data_dir / "public" / site.name / f"{day.isoformat()}.json.gz"
        with self._lock if path not in self._safe else contextlib.nullcontext():
            found = _read(path) or self._publish(path, store, settings, site, day)
            self._safe.add(path)
        return found

    def _publish(
        self, path: Path, store: Store, settings: Settings, site: PublicSite, day: date
    ) -> dict[str, Any]:
        end, now = day_borders(day, settings)[1], settings.clock()
        if now < end + settings.public_after_s:
            at = format_time(datetime.fromtimestamp(end + settings.public_after_s, UTC))
            raise NotPublished(f"this day will be published at {at}")
        if now > end + PUBLISH_WITHIN_S:
            raise NotPublished(f"nobody asked for this day within {PUBLISH_WITHIN_S // 86400} days")
        _keep(path, _compile(store, settings, site, day, _elsewhere(path)))
        # Not what was just worked out: another process may have been first.
        found = _read(path)
        if found is None:
            raise StoreError(f"{path}: vanished while it was published")
        return found


def _elsewhere(path: Path) -> set[str]:
    """Devices whose figures of this day stand in the table of another site."""
    found: set[str] = set()
    for other in path.parent.parent.glob(f"*/{path.name}"):
        document = _read(other) if other != path else None
        if document is not None:
            found |= {place["device"] for place in document["places"]}
    return found


def _compile(
    store: Store, settings: Settings, site: PublicSite, day: date, taken: set[str]
) -> dict[str, Any]:
    start, end = day_borders(day, settings)
    reader = Reader(store, settings)
    places = [
        found
        for view in reader.views()
        # Without a configuration it is not known what was looked for, and a class never looked for is not 0.
        if view.place.device in site.devices and view.place.device not in taken and view.configured
        for group in view.groups
        for found in [_place(reader, view, group, start, end, settings.public_k)]
    ]
    if not any(one["observed_s"] > 0 for place in places for one in place["bins"]["day"]):
        raise NotPublished("nothing was delivered for this day")
    return {
        "site": site.name,
        "day": day.isoformat(),
        "timezone": settings.local_tz,
        "start": start,
        "end": end,
        "k": settings.public_k,
        "places": places,
    }


def _place(reader: Reader, view: View, group: ClassGroup, start: int, end: int, k: int) -> dict[str, Any]:
    place = view.place
    tables = public_tables(
        reader.quarters(view, start, end), kind=place.kind, group=group, start=start, end=end, k=k
    )
    return {
        "device": place.device,
        "camera": place.camera,
        "name": place.name,
        "counted": place.kind,
        "kind": view.kind,
        "class": group,
        "bins": {str(step): [asdict(one) for one in tables[step]] for step in PUBLIC_STEPS},
    }
