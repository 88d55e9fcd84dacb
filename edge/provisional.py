"""What is counted while the time is unknown: slices of two seconds, sorted into intervals once it is known. Pure.

Rules:
1. A slice goes whole into the interval that its middle lies in: its figures are `SLICE_S` / 2 off at most. Nothing is
   lost or doubled, for every counted figure adds up or is a maximum. (A peak is a maximum held for a second: where it
   lies across the edge of two slices it may be missed.)
2. Slices are written down without their start: what they have is the second since the machine started.
3. Only sums by zone and line are written, never the presence grid: two seconds of that would be a path.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from contract.messages import Body, LineBody, ParkingBody, ZoneBody
from contract.names import UNOBSERVED_FLAGS, TimeQuality
from edge.timeline import SLICE_S

_LOST_S: Final = 0.5  # as in `edge.closing`: less is not told
_PLACE: Final = ("type", "camera", "zone", "line", "zone_version", "bay_mode", "bays", "interval_s")
_ANY: Final[TypeAdapter[Body]] = TypeAdapter(
    Annotated[ZoneBody | ParkingBody | LineBody, Field(discriminator="type")]
)


@dataclass(frozen=True, slots=True)
class Slice:
    """One zone or line for ``SLICE_S`` seconds from ``begins`` on (seconds since the machine started, a multiple of it).

    ``figures``: the body of its record as JSON, without its start and time quality.
    """

    begins: int
    figures: dict[str, Any]

    @staticmethod
    def of(begins: int, body: Body) -> Slice:
        """A closed body, whose start means nothing."""
        figures = body.model_dump(mode="json")
        del figures["start"], figures["time_quality"]
        return Slice(begins, figures)


def written(slices: Sequence[Slice]) -> str:
    """Slices as one short line of text."""
    rows = [[one.begins, one.figures] for one in slices]
    packed = zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 6)
    return base64.b85encode(packed).decode()


def read(text: str) -> list[Slice]:
    """What `written` wrote.

    Raises:
        ValueError: for anything else.
    """
    try:
        rows = json.loads(zlib.decompress(base64.b85decode(text)))
        return [Slice(int(begins), dict(figures)) for begins, figures in rows]
    except (zlib.error, TypeError, KeyError) as exc:
        raise ValueError("no slices of unknown time") from exc


def interval_of(one: Slice, anchor: float) -> int:
    """Where the interval of a slice begins, Unix seconds; ``anchor`` is the Unix time at which the machine started."""
    length = int(one.figures["interval_s"])
    return int((anchor + one.begins + SLICE_S / 2) // length) * length


def sorted_in(slices: Iterable[Slice], anchor: float, quality: TimeQuality) -> list[Body]:
    """The records that slices add up to, in order of time.

    Args:
        slices: of one start of the machine, in any order.
        anchor: the Unix time at which it started.
        quality: whether that is known, or only what a clock said that nobody had set.

    Raises:
        ValueError: for slices that no counter wrote.
    """
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in slices:
        key = (interval_of(one, anchor), *(one.figures.get(name) for name in _PLACE))
        sums[key] = _sum(sums[key], one.figures) if key in sums else one.figures
    return [
        _body(key[0], figures, quality) for key, figures in sorted(sums.items(), key=lambda item: item[0][0])
    ]


def _body(start: int, figures: dict[str, Any], quality: TimeQuality) -> Body:
    told = _rounded(figures)
    length = float(told["interval_s"])
    told["flag_s"] = {
        flag: min(seconds, length)
        for flag, seconds in told["flag_s"].items()
        if flag != "lost" or seconds >= _LOST_S
    }
    # The last interval before known time may begin half a slice early and end on time.
    blind = max((told["flag_s"].get(flag, 0.0) for flag in UNOBSERVED_FLAGS), default=0.0)
    told["observed_s"] = min(told["observed_s"], round(length - blind, 3))
    if "bays" in told:
        told["observed_bay_s"] = min(told["observed_bay_s"], round(told["bays"] * told["observed_s"], 3))
        told["occupied_bay_s"] = min(told["occupied_bay_s"], told["observed_bay_s"])
    return _ANY.validate_python(
        {**told, "start": datetime.fromtimestamp(start, UTC), "time_quality": quality}
    )


def _sum(one: Any, other: Any, name: str = "") -> Any:
    """Two figures of the same name as one: sums, maxima of peaks, and what describes the place as it is."""
    if isinstance(one, dict):
        both = {key: _sum(one[key], other[key], key) for key in one.keys() & other.keys()}
        return {**one, **other, **both}
    if isinstance(one, list):
        return [a + b for a, b in zip(one, other, strict=True)]
    if name in _PLACE or one is None or isinstance(one, str):
        return one
    return max(one, other) if name.startswith("peak") else one + other


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 3) if isinstance(value, float) else value
