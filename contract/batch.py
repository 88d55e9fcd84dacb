"""Bodies under their envelopes, and the exchange of a batch: what the box posts and what the server answers."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from contract.base import TUPLES, tuples
from contract.messages import (
    AnomalyBody,
    Body,
    ConfigBody,
    Envelope,
    GridBody,
    HealthBody,
    LineBody,
    ParkingBody,
    Strict,
    ZoneBody,
    canonical,
)

MAX_ITEMS: Final = 500
MAX_BYTES: Final = 256 * 1024  # of the JSON before compression
MAX_INFLATED_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 8

RECORDS_PATH: Final = "/api/v1/records"
TIME_HEADER: Final = "Parvis-Time"  # of an answer: the server's Unix seconds, for a box that has no clock


class ZoneRecord(Envelope, ZoneBody):
    """A numbered ``parvis.zone.v1``."""


class ParkingRecord(Envelope, ParkingBody):
    """A numbered ``parvis.parking.v1``."""


class LineRecord(Envelope, LineBody):
    """A numbered ``parvis.line.v1``."""


class GridRecord(Envelope, GridBody):
    """A numbered ``parvis.grid.v1``."""


class ConfigRecord(Envelope, ConfigBody):
    """A numbered ``parvis.config.v1``."""


class HealthRecord(Envelope, HealthBody):
    """A numbered ``parvis.health.v1``."""


class AnomalyRecord(Envelope, AnomalyBody):
    """A numbered ``parvis.anomaly.v1``; its key is the case's, so that a revision counts once."""

    @property
    def key(self) -> str:
        """``device/case/revision``."""
        return f"{self.device}/{self.case}/{self.revision}"


Record = ZoneRecord | ParkingRecord | LineRecord | GridRecord | ConfigRecord | HealthRecord | AnomalyRecord
_RECORD: Final[TypeAdapter[Record]] = TypeAdapter(Annotated[Record, Field(discriminator="type")])
_CLASS_OF: Final[dict[type[Body], type[Any]]] = {
    ZoneBody: ZoneRecord,
    ParkingBody: ParkingRecord,
    LineBody: LineRecord,
    GridBody: GridRecord,
    ConfigBody: ConfigRecord,
    HealthBody: HealthRecord,
    AnomalyBody: AnomalyRecord,
}


class Rejected(Strict):
    """One refused item and why."""

    key: str
    reason: Annotated[str, Field(max_length=500)]


class Answer(Strict):
    """What the server says of a batch. A key in neither list is to be kept and sent again."""

    accepted: tuple[str, ...]
    rejected: tuple[Rejected, ...]


def stamp(body: Body, *, device: str, run: str, seq: int) -> Record:
    """Put a body under its envelope.

    Raises:
        TypeError: when the body is of no known type.
    """
    record_class = _CLASS_OF.get(type(body))
    if record_class is None:
        raise TypeError(f"no record for a body of type {type(body).__name__}")
    # Bodies are validated and frozen: building the record again from its parts need not re-read it as JSON.
    fields = {name: getattr(body, name) for name in type(body).model_fields}
    record: Record = record_class.model_construct(device=device, run=run, seq=seq, **fields)
    return record


def pack(payloads: Iterable[str]) -> bytes:
    """The body of one post as it goes over the wire: the canonical JSON of its records, compressed (gzip, level 6).

    Without gzip's time stamp: the same records are the same bytes (R34).
    """
    return gzip.compress(('{"records":[' + ",".join(payloads) + "]}").encode(), 6, mtime=0)


def parse_record(item: object) -> Record:
    """One record from parsed JSON.

    Raises:
        ValueError: with one line that names the field, the rule and never the value of a secret.
    """
    try:
        return _RECORD.validate_python(tuples(item), context=TUPLES)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "record"
        more = f" (and {exc.error_count() - 1} more)" if exc.error_count() > 1 else ""
        raise ValueError(f"{where}: {first['msg']}{more}"[:400]) from exc


def raw_key(item: object, index: int) -> str:
    """The key under which a refused item is answered, even when it is not a valid record."""
    if isinstance(item, dict):
        device, run, seq = item.get("device"), item.get("run"), item.get("seq")
        if item.get("type") == "parvis.anomaly.v1":
            run, seq = item.get("case"), item.get("revision")
        if isinstance(device, str) and isinstance(run, str) and type(seq) is int:
            return f"{device}/{run}/{seq}"[:200]
    return f"item/{index}"


__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_INFLATED_BYTES",
    "MAX_ITEMS",
    "RECORDS_PATH",
    "TIME_HEADER",
    "AnomalyRecord",
    "Answer",
    "ConfigRecord",
    "GridRecord",
    "HealthRecord",
    "LineRecord",
    "ParkingRecord",
    "Record",
    "Rejected",
    "ZoneRecord",
    "canonical",
    "pack",
    "parse_record",
    "raw_key",
    "stamp",
]
