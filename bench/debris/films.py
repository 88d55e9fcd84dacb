"""Films of roads with things on them, one frame a second, made from a base video and a seed; the truth with them.

A base video runs to and fro. Over it come a weather (`WEATHERS`) and things (`bench.debris.sprites`, or cut-outs of photographs)
that appear and go at known times. Everything follows from the seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.debris import sprites
from bench.debris.sprites import Sprite
from edge.geometry import points_in_polygon

Image = NDArray[np.uint8]
WEATHERS: Final = (
    "day", "clouds", "dusk", "rain", "headlights", "pigeons", "bags", "parked-car", "leaves", "night", "shadows",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One object: its box (4,) pixels, seconds at which it appears and is taken away, its size in metres if known; ``own``: the base video's."""

    kind: str
    xyxy: NDArray[np.float64]
    appears: float
    removed: float
    size_m: float | None
    own: bool = False


@dataclass(eq=False)
class Film:
    """``pictures`` (H, W, 3) of the base, ``polygon`` (M, 2) of its road in pixels; ``px_per_m`` of a ground point, or None."""

    name: str
    pictures: Sequence[Image]
    polygon: NDArray[np.float64]
    weather: str
    seconds: int
    seed: int
    px_per_m: Callable[[NDArray[np.float64]], float] | None = None
    persistence_s: float = 30.0
    cutouts: Sequence[Sprite] = ()
    things: list[Thing] = field(default_factory=list)
    least_px: float = 12.0
    own: Sequence[Thing] = ()

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._sprites: list[Sprite] = []
        last = len(self.pictures) - 1
        self._turn = [*range(last, -1, -1), *range(1, last)]
        self._empty = np.median(np.stack(self.pictures[:: max(1, len(self.pictures) // 40)]), axis=0).astype(
            np.float32
        )
        self._place()
        self.things += self._repeated()
        self._movers = _Movers(self, np.random.default_rng(self.seed + 1))

    def frames(self) -> Iterator[tuple[float, Image]]:
        """(seconds, picture) once a second."""
        noise = np.random.default_rng(self.seed + 2)
        for second in range(self.seconds):
            base = self.pictures[self._turn[second % len(self._turn)]]
            image = base.copy()
            for thing, sprite in zip(self.things, self._sprites, strict=False):
                if thing.appears <= second < thing.removed:
                    sprites.paste(image, sprite, round(thing.xyxy[0]), round(thing.xyxy[1]))
            self._movers.draw(image, second)
            passing = self._passing(base)
            image[passing] = base[passing]
            yield float(second), weather(image, self.weather, second, self.seconds, self.seed, noise)

    def _passing(self, base: Image) -> NDArray[np.bool_]:
        """Whoever moves in the base video hides what lies on the road."""
        away = np.abs(cv2.GaussianBlur(base, (3, 3), 0).astype(np.float32) - self._empty).max(axis=2) > 24
        closed = cv2.morphologyEx(away.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        return np.asarray(cv2.morphologyEx(closed, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8)) > 0)

    def _place(self) -> None:
        """Six things, one after the other in slots of the film, some at the same time."""
        rng, slot = self._rng, (self.seconds - 130) / 6
        taken = [other.xyxy for other in self.own]
        parked = self.car() if self.weather == "parked-car" else None
        if parked is not None:
            (h, w), x, y = parked[0].shape[:2], *parked[1:]
            taken.append(np.array([x, y, x + w, y + h], np.float64))
        for number in range(6):
            for _ in range(200):
                low, high = self.polygon.min(axis=0), self.polygon.max(axis=0)
                foot = rng.uniform(low, high)
                size_m, width = None, rng.uniform(max(self.least_px, 13), 55)
                if self.px_per_m is not None:
                    size_m = float(np.exp(rng.uniform(np.log(0.15), np.log(1.5))))
                    width = size_m * self.px_per_m(foot)
                if width < self.least_px or width > 140:
                    continue
                kind = list(sprites.KINDS)[int(rng.integers(len(sprites.KINDS)))]
                cut = bool(self.cutouts) and number % 2 == 1
                sprite = self._cutout(width) if cut else sprites.draw(kind, width, rng)
                h, w = sprite.shape[:2]
                box = np.array([foot[0] - w / 2, foot[1] - h, foot[0] + w / 2, foot[1]])
                corners = np.array([[box[0], box[3]], [box[2], box[3]], [box[0], box[1]], [box[2], box[1]]])
                apart = all(
                    _gap(box, other) > 25 for other in (*taken, *(thing.xyxy for thing in self.things))
                )
                if points_in_polygon(corners, self.polygon).all() and apart:
                    appears = float(round(50 + slot * number + rng.uniform(0, 0.2 * slot)))
                    removed = float(round(min(appears + rng.uniform(1.6, 2.6) * slot, self.seconds - 80)))
                    self.things.append(
                        Thing("cut-out" if cut else kind, box, appears, max(removed, appears + 65), size_m)
                    )
                    self._sprites.append(sprite)
                    break

    def _repeated(self) -> list[Thing]:
        """What lies in the base video (its seconds), each time that it is shown."""
        found = []
        for thing in self.own:
            shown = [
                thing.appears <= self._turn[second % len(self._turn)] < thing.removed
                for second in range(self.seconds)
            ]
            edges = np.flatnonzero(np.diff([0, *(int(one) for one in shown), 0])).tolist()
            found += [
                replace(thing, appears=float(a), removed=float(b))
                for a, b in zip(edges[::2], edges[1::2], strict=True)
            ]
        return found

    def car(self) -> tuple[Sprite, int, int] | None:
        """A vehicle of the base video, cut out where it drives on the road: its sprite and its upper left corner."""
        best, found = 0, None
        for base in self.pictures[::3]:
            passing = self._passing(base)
            _, labels, stats, _ = cv2.connectedComponentsWithStats(passing.astype(np.uint8))
            for number, (x, y, w, h, area) in enumerate(stats[1:].tolist(), 1):
                feet = np.array([[x + 0.2 * w, y + 0.85 * h], [x + 0.8 * w, y + 0.85 * h]])
                whole = x > 2 and y > 2 and x + w < base.shape[1] - 2 and y + h < base.shape[0] - 2
                if whole and w > 1.1 * h and best < area and points_in_polygon(feet, self.polygon).all():
                    cut = np.s_[y : y + h, x : x + w]
                    alpha = np.where(labels[cut] == number, 255, 0).astype(np.uint8)[..., None]
                    best, found = area, (np.concatenate([base[cut], alpha], axis=2), x, y)
        return found

    def _cutout(self, width: float) -> Sprite:
        original = self.cutouts[int(self._rng.integers(len(self.cutouts)))]
        scale = width / original.shape[1]
        size = (max(4, round(width)), max(3, round(original.shape[0] * scale)))
        return np.asarray(cv2.resize(original, size, interpolation=cv2.INTER_AREA), np.uint8)


def _gap(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pixels between two boxes (4,), so that two things are not one."""
    return float(np.hypot(*np.maximum(0.0, np.maximum(a[:2] - b[2:], b[:2] - a[2:]))))


class _Movers:
    """What comes and goes and is nothing to report: pigeons, bags in the wind, a car that was parked and leaves."""

    def __init__(self, film: Film, rng: np.random.Generator) -> None:
        self._ways: list[tuple[Sprite, list[tuple[float, float, float]]]] = []
        self._car = film.car() if film.weather == "parked-car" else None
        self._leaves_at = round(0.6 * film.seconds)
        polygon, seconds = film.polygon, film.seconds
        low, high = polygon.min(axis=0), polygon.max(axis=0)

        def spot() -> NDArray[np.float64]:
            for _ in range(100):
                found = rng.uniform(low, high)
                if points_in_polygon(found[None], polygon)[0]:
                    return np.asarray(found, np.float64)
            return np.asarray(polygon.mean(axis=0), np.float64)

        count, longest, size = {
            "pigeons": (8, 0.5, (5, 9)),
            "bags": (5, 0.8, (14, 26)),
            "leaves": (14, 3.0, (2, 4)),
        }.get(film.weather, (0, 0.0, (0, 0)))
        for _ in range(count):
            way, at, place = [], 0.0, spot()
            while at < seconds:
                rest = float(rng.uniform(1, max(1.5, longest * film.persistence_s)))
                way.append((at, float(place[0]), float(place[1])))
                way.append((at + rest, float(place[0]), float(place[1])))
                at += rest + float(rng.uniform(1, 6))
                place = spot() if rng.random() < 0.4 else place + rng.normal(0, 25, 2)
            kind = "bag" if film.weather != "leaves" else "branch"
            self._ways.append((sprites.draw(kind, float(rng.uniform(*size)), rng), way))

    def draw(self, image: Image, second: float) -> None:
        """Put them where they are at that second."""
        if self._car is not None and second < self._leaves_at:
            sprite, x, y = self._car
            sprites.paste(image, sprite, x, y, ground=False)
        for sprite, way in self._ways:
            times = np.array([at for at, *_ in way])
            across = float(np.interp(second, times, [one for _, one, _ in way]))
            down = float(np.interp(second, times, [one for *_, one in way]))
            sprites.paste(image, sprite, int(across) - sprite.shape[1] // 2, int(down) - sprite.shape[0])


def weather(
    image: Image, name: str, second: float, seconds: float, seed: int, noise: np.random.Generator
) -> Image:
    """The picture under a weather. Light is multiplied, noise of a sensor is added."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    out, grain = image.astype(np.float32), 1.2
    if name == "clouds":
        phase = seed % 7
        field_ = (
            np.sin(x / width * 4 + y / height * 2 + second / 9 + phase)
            + np.sin(second / 23 + phase)
            + 0.5 * np.sin(second / 5)
        )
        gain = 0.72 + 0.28 * np.tanh(1.6 * field_)
        out *= gain[..., None] * np.array([1.0 + 0.06 * (1 - 1), 1.0, 1.0], np.float32)
        out[..., 2] *= 0.96 + 0.06 * gain
    elif name in {"dusk", "night"}:
        gain = np.interp(second, [0, seconds], [0.9, 0.3]) if name == "dusk" else 0.25
        out *= float(gain)
        grain = 2.5
        if name == "night":
            lamp = np.exp(
                -(((x - 0.3 * width) / (0.25 * width)) ** 2 + ((y - 0.6 * height) / (0.3 * height)) ** 2)
            )
            out *= (1 + 1.2 * lamp)[..., None]
    elif name == "rain":
        out *= 0.75
        streaks = (noise.random((height // 4, width)) > 0.996).astype(np.float32)
        out += (
            45
            * cv2.blur(cv2.resize(streaks, (width, height), interpolation=cv2.INTER_NEAREST), (1, 7))[
                ..., None
            ]
        )
        rng = np.random.default_rng(seed)
        for _ in range(7):
            cx, cy, size = rng.uniform(0, width), rng.uniform(0.4 * height, height), rng.uniform(15, 60)
            wet = np.clip(1.3 - np.hypot(x - cx, 2.2 * (y - cy)) / size, 0, 1)
            grown = float(np.clip((second - rng.uniform(20, 0.6 * seconds)) / 40, 0, 1))
            out *= (1 - 0.35 * grown * np.minimum(1, 2 * wet))[..., None]
        grain = 2.0
    if name == "shadows":
        # The sun comes and goes, and a mast and a roof throw shadows with hard edges that creep by a pixel in half a minute.
        sun = float(np.clip(3 * np.sin(second / 31 + seed % 7) + 1, 0, 1))
        creep = second / 30
        roof = y - 0.35 * x - 0.25 * height + creep < 0
        mast = np.abs(y + 0.9 * x - 0.95 * width - creep) < 0.012 * width
        lit = 0.55 + 0.45 * sun * ~(roof | mast)
        # What the sun does not reach is lit by the sky: bluer.
        out *= lit[..., None] * np.where(
            (roof | mast)[..., None], np.array([1.0, 0.97, 0.93], np.float32), np.float32(1.0)
        )
    if name in {"headlights", "night"}:
        period, stop = 37.0, 12.0
        at = (second + seed) % period
        travel = np.interp(at, [0, 8, 8 + stop, period], [-0.2, 0.45, 0.45, 1.3])
        cone = np.exp(
            -(((x - travel * width) / (0.13 * width)) ** 2 + ((y - 0.62 * height) / (0.09 * height)) ** 2)
        )
        if name == "headlights":
            out *= 0.4
            grain = 2.0
        out += 110 * cone[..., None] * np.array([0.85, 0.95, 1.0], np.float32) * (out / 128 + 0.25)
    out += noise.normal(0, grain, (height, width, 1)).astype(np.float32)
    return np.clip(out, 0, 255).astype(np.uint8)
