"""What is said of a road: movers on it, cases, and what of a case a restart goes on from. Frozen nouns. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from contract.base import Fraction, Strict
from contract.names import Hex16, Name

Kind = Literal["debris", "stopped_vehicle", "obstruction"]
State = Literal["open", "updated", "cleared"]
Sight = Literal["clear", "learning", "dark", "busy", "unsteady"]
Box = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Mover:
    """A person, a vehicle or a cycle in this frame: its box (4,), pixels, and the number of its track."""

    xyxy: Box
    vehicle: bool
    track_id: int


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One revision of one case; ``xyxy`` (4,) pixels; times are seconds within the run.

    ``slope_now`` and ``slope_then``: mean slope within the box, with the object and of the road without it, logarithms a
    pixel; 0 where it was not measured.
    """

    case: str
    revision: int
    kind: Kind
    state: State
    xyxy: Box
    first_seen: float
    last_seen: float
    confidence: float
    slope_now: float = 0.0
    slope_then: float = 0.0


class KeptCase(Strict):
    """An open case over a restart: where it is (fractions of the frame), Unix seconds, and two numbers by which to know it.

    Never sent. No part of a picture: two mean slopes cannot be turned back into one.
    """

    case: Hex16
    revision: Annotated[int, Field(ge=1, le=1_000_000)]
    kind: Kind
    zone: Name
    zone_version: Hex16
    x1: Fraction
    y1: Fraction
    x2: Fraction
    y2: Fraction
    first_seen: float
    last_seen: float
    confidence: Fraction
    slope_now: float
    slope_then: float


class KeptCases(Strict):
    """The open cases of one camera."""

    camera: Name
    cases: tuple[KeptCase, ...]
