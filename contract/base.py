"""What all messages are built from: times, numbers and a model that is closed, frozen and strict."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    model_validator,
)

from contract.names import BINS

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def parse_time(value: object) -> datetime:
    """A whole second in UTC, from ``2026-11-21T10:15:00Z`` or from an aware datetime.

    Raises:
        ValueError: for any other spelling, another zone or a fraction of a second.
    """
    if isinstance(value, datetime):
        if value.utcoffset() is None or value.utcoffset() != UTC.utcoffset(None) or value.microsecond:
            raise ValueError(f"time must be a whole second in UTC (got {value.isoformat()})")
        return value.replace(tzinfo=UTC)
    if not isinstance(value, str) or len(value) != 20:
        raise ValueError("time must be written like 2026-11-21T10:15:00Z")
    try:
        return datetime.strptime(value, _TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as exc:
        raise ValueError("time must be written like 2026-11-21T10:15:00Z") from exc


def format_time(value: datetime) -> str:
    """The wire spelling of a UTC time."""
    return value.astimezone(UTC).strftime(_TIME_FORMAT)


UtcSecond = Annotated[datetime, BeforeValidator(parse_time), PlainSerializer(format_time, return_type=str)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e7, le=1e7)]
Point = tuple[Fraction, Fraction]
Metres = tuple[Finite, Finite]
Histogram = Annotated[tuple[Count, ...], Field(min_length=BINS, max_length=BINS)]
# Versions and model names: no spaces, so no sentence, fits.
Label = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
IntervalSeconds = Literal[10, 30, 60, 300, 900]
# What a record may span: a box without room merges what it could not send, up to an hour. None is counted so.
SpanSeconds = Literal[10, 30, 60, 300, 900, 3600]


class Strict(BaseModel):
    """Base of everything on the wire: immutable, closed, no silent conversion."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, populate_by_name=True, serialize_by_alias=True
    )

    # JSON knows arrays only, and strict mode would refuse a list where a tuple is declared.
    @model_validator(mode="before")
    @classmethod
    def _arrays(cls, value: Any) -> Any:
        return _tuples(value) if isinstance(value, dict) else value


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return value


def canonical(model: Strict) -> str:
    """The one JSON spelling of a message: sorted keys, no spaces, ASCII. Equal messages spell alike."""
    return json.dumps(model.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), allow_nan=False)
