"""What the check of a layout says, and what it expects of the objects that will be counted there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from contract.names import GROUP_OF, GROUPS, ClassGroup, ObjectClass
from edge.ground import GroundPlane
from edge.letterbox import Letterbox
from edge.measured import LEAST_OBJECTS, SURELY, Measured, Sizes

Array = NDArray[np.float64]
Severity = Literal["error", "warning", "info"]
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "info")

# Without a dry run or a ground plane: the smallest object that any model can be expected to see, as a share of the
# frame's height. What is wrong for it is wrong for all.
STATIC_HEIGHT: Final = 0.04
# With a ground plane: usual heights in metres, and widths over heights, cars seen from the front.
_HEIGHT_M: Final[dict[ClassGroup, float]] = {"person": 1.7, "bicycle": 1.7, "vehicle": 1.5}
_ASPECT: Final[dict[ClassGroup, float]] = {"person": 0.4, "bicycle": 0.5, "vehicle": 1.2}
# Of objects less high than this in the model's input, pixels, the bundled model finds fewer than four in ten (on the
# rendered scenes at inputs of 128 to 640 px). Used for heights that the dry run did not show.
LEAST_PX: Final[dict[ClassGroup, int]] = {"person": 20, "bicycle": 30, "vehicle": 14}
PLURAL: Final[dict[ClassGroup, str]] = {"person": "people", "bicycle": "bicycles", "vehicle": "vehicles"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend: ``code`` never changes its meaning, ``where`` is like ``zone lawn`` or ``bay p1/b3``."""

    code: str
    severity: Severity
    where: str
    message: str
    remedy: str

    def as_dict(self) -> dict[str, str]:
        """For ``--json``."""
        return asdict(self)


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """The gravest first, else in the order given."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


@dataclass(frozen=True, slots=True)
class Expected:
    """The size of an object at a place.

    Measured where a dry run saw enough of its kind; else from the ground plane; else the least that can be seen.
    """

    wh: tuple[int, int]
    measured: Measured | None
    ground: GroundPlane | None

    def sizes(self, classes: Sequence[ObjectClass]) -> dict[ClassGroup, Sizes]:
        """What is known of the groups of these classes."""
        if self.measured is None:
            return {}
        wanted = {GROUP_OF[name] for name in classes}
        known = self.measured.groups
        return {g: known[g] for g in GROUPS if g in wanted and g in known and known[g].enough}

    def boxes(self, classes: Sequence[ObjectClass], points: Array) -> tuple[Array, Array]:
        """Widths and heights (N,), pixels, of the largest object of these classes that stands at points (N, 2)."""
        sizes = [self._of(group, points) for group in self._groups(classes)]
        if not sizes:
            heights = np.full(len(points), STATIC_HEIGHT * self.wh[1])
            return _ASPECT["person"] * heights, heights
        widths, heights = np.array(sizes).max(axis=0)
        return widths, heights

    def what(self, classes: Sequence[ObjectClass]) -> str:
        """The name of such an object in a message."""
        names = {"person": "a person", "bicycle": "a bicycle", "vehicle": "a vehicle"}
        groups = [names[group] for group in self._groups(classes)]
        return " or ".join(groups) or "the smallest object that a model sees"

    def _groups(self, classes: Sequence[ObjectClass]) -> list[ClassGroup]:
        known = self.sizes(classes)
        wanted = {GROUP_OF[name] for name in classes}
        sighted = self.ground is not None and self.ground.view is not None
        return [group for group in GROUPS if group in wanted and (group in known or sighted)]

    def _of(self, group: ClassGroup, points: Array) -> tuple[Array, Array]:
        sizes = None if self.measured is None else self.measured.groups.get(group)
        if sizes is not None and sizes.enough:
            heights = sizes.height.at(points[:, 1] / self.wh[1]) * self.wh[1]
            return sizes.moving_aspect * heights, heights
        assert self.ground is not None  # noqa: S101 - only then the group is asked for
        upright = _HEIGHT_M[group] * self.ground.upright_px(points)
        heights = np.where(np.isfinite(upright), upright, STATIC_HEIGHT * self.wh[1])
        return _ASPECT[group] * heights, heights

    def input_px(self) -> float | None:
        """How many pixels of the model's input the frame's height takes, if the model is known."""
        if self.measured is None or self.measured.input_hw is None:
            return None
        whole = Letterbox.fit((self.wh[1], self.wh[0]), self.measured.input_hw).scale
        return float(self.wh[1] * (self.measured.input_scale or whole))

    def least_height(self, group: ClassGroup, sizes: Sizes) -> tuple[float, bool]:
        """The height (fraction) under which the model does not see reliably, and whether the dry run showed it."""
        if sizes.least_height is not None:
            return sizes.least_height, True
        scale = self.input_px()
        good = [item.low for item in sizes.found if item.share >= SURELY and item.objects >= LEAST_OBJECTS]
        limit = 0.0 if scale is None else LEAST_PX[group] / scale
        return min(limit, *good) if good else limit, False


def up(value: float) -> str:
    """A share, rounded up to hundredths: a remedy must be enough."""
    return f"{math.ceil(100 * value - 1e-9) / 100:.2f}"


def percent(share: float) -> str:
    """A share in whole per cent, never 0 % of something."""
    return f"{max(round(100 * share), 1)} %"
