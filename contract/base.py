"""What all messages are built from: times, numbers and a model that is closed, frozen and strict."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
    model_validator,
)

from contract.names import BINS

_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ", re.ASCII)


def parse_time(value: object) -> datetime:
    """A whole second in UTC, from ``2026-11-21T10:15:00Z`` or from an aware datetime.

    Raises:
        ValueError: for any other spelling, another zone or a fraction of a second.
    """
    if isinstance(value, datetime):
        if value.utcoffset() is None or value.utcoffset() != UTC.utcoffset(None) or value.microsecond:
            raise ValueError(f"time must be a whole second in UTC (got {value.isoformat()})")
        return value.replace(tzinfo=UTC)
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("time must be written like 2026-11-21T10:15:00Z")
    try:
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
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
    def _arrays(cls, value: Any, info: ValidationInfo) -> Any:
        return tuples(value) if isinstance(value, dict) and info.context is not TUPLES else value


# The context of a validation whose input went through `tuples` as a whole: its parts need not go again.
TUPLES: Final = {"arrays": "tuples"}


def tuples(value: Any) -> Any:
    """Parsed JSON with its arrays as tuples."""
    # Most values are plain: asking before calling makes a record's reading a third faster.
    if isinstance(value, list):
        return tuple([tuples(item) if isinstance(item, (list, dict)) else item for item in value])
    if isinstance(value, dict):
        return {key: tuples(item) if isinstance(item, (list, dict)) else item for key, item in value.items()}
    return value


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(model: Strict) -> str:
    """The one JSON spelling of a message: sorted keys, no spaces, ASCII. Equal messages spell alike."""
    return _ENCODER.encode(model.model_dump(mode="json"))
