"""Who and what the actors look like: bodies, clothes, paints. All drawn from a seeded generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Rng = np.random.Generator

SKINS = ((0.62, 0.42, 0.32), (0.55, 0.35, 0.25), (0.45, 0.27, 0.18), (0.30, 0.17, 0.10), (0.16, 0.085, 0.05))
HAIRS = (
    (0.03, 0.02, 0.015),
    (0.09, 0.05, 0.03),
    (0.22, 0.13, 0.06),
    (0.45, 0.33, 0.18),
    (0.4, 0.4, 0.4),
    (0.2, 0.06, 0.03),
)
TOPS = (
    (0.5, 0.04, 0.04), (0.03, 0.07, 0.3), (0.03, 0.03, 0.035), (0.62, 0.6, 0.56), (0.05, 0.2, 0.1), (0.55, 0.35, 0.06),
    (0.2, 0.2, 0.22), (0.1, 0.28, 0.45), (0.4, 0.12, 0.2), (0.75, 0.74, 0.72), (0.28, 0.18, 0.1), (0.6, 0.22, 0.05),
)  # fmt: skip
BOTTOMS = (
    (0.03, 0.045, 0.11),
    (0.025, 0.025, 0.03),
    (0.12, 0.10, 0.08),
    (0.32, 0.28, 0.2),
    (0.08, 0.12, 0.2),
    (0.18, 0.18, 0.19),
)
PAINTS = (
    (0.6, 0.6, 0.62), (0.75, 0.75, 0.75), (0.02, 0.02, 0.022), (0.12, 0.12, 0.13), (0.35, 0.36, 0.38), (0.4, 0.015, 0.015),
    (0.02, 0.06, 0.22), (0.06, 0.15, 0.3), (0.05, 0.1, 0.06), (0.35, 0.3, 0.22), (0.45, 0.16, 0.02),
)  # fmt: skip
BODIES = ("hatch", "saloon", "estate", "suv")


@dataclass(frozen=True)
class PersonLook:
    """A body and its clothes; `height` in metres, `build` 1 = average girth."""

    height: float
    build: float
    skin: str
    hair: str
    top: str
    bottom: str
    shoes: str
    long_hair: bool
    hat: bool
    garment: str  # jacket | shirt | coat | dress
    shorts: bool
    bag: str  # none | backpack | shopping | shoulder
    bag_colour: str


@dataclass(frozen=True)
class CarLook:
    """A body type (see vehicles.BODIES) and its paint."""

    body: str
    paint: str


@dataclass(frozen=True)
class RiderLook:
    """A bicycle, motorcycle or scooter and who rides it, if anybody; `helmet` is its paint or nothing."""

    rider: PersonLook | None
    paint: str
    machine: str = "bicycle"
    helmet: str = ""


def _name(kind: str, rgb: tuple[float, float, float]) -> str:
    return f"{kind}:" + ",".join(f"{max(c, 0.005):.3f}" for c in rgb)


def _vary(rng: Rng, rgb: tuple[float, ...], amount: float = 0.12) -> tuple[float, float, float]:
    k = 1 + rng.uniform(-amount, amount, 3)
    return (rgb[0] * k[0], rgb[1] * k[1], rgb[2] * k[2])


def person(rng: Rng, child: bool = False) -> PersonLook:
    """A random passer-by."""
    garment = str(rng.choice(["jacket", "jacket", "shirt", "shirt", "coat", "dress"]))
    height = rng.uniform(1.12, 1.38) if child else float(np.clip(rng.normal(1.71, 0.08), 1.54, 1.92))
    return PersonLook(
        height=float(height),
        build=float(np.clip(rng.normal(1.02, 0.1), 0.86, 1.3)),
        skin=_name("d", _vary(rng, SKINS[int(rng.choice(5, p=[0.3, 0.3, 0.16, 0.14, 0.1]))], 0.06)),
        hair=_name("d", HAIRS[int(rng.integers(len(HAIRS)))]),
        top=_name("d", _vary(rng, TOPS[int(rng.integers(len(TOPS)))])),
        bottom=_name("d", _vary(rng, BOTTOMS[int(rng.integers(len(BOTTOMS)))])),
        shoes=_name("d", ((0.03, 0.03, 0.03), (0.5, 0.5, 0.5), (0.12, 0.06, 0.03))[int(rng.integers(3))]),
        long_hair=bool(rng.random() < 0.45),
        hat=bool(rng.random() < 0.12),
        garment=garment,
        shorts=bool(garment == "shirt" and rng.random() < 0.3),
        bag=str(rng.choice(["none", "none", "none", "backpack", "shopping", "shoulder"])),
        bag_colour=_name("d", _vary(rng, TOPS[int(rng.integers(len(TOPS)))])),
    )


def car(rng: Rng, body: str | None = None) -> CarLook:
    """A random vehicle, or one of the given body."""
    body = body or str(rng.choice(BODIES, p=[0.35, 0.2, 0.2, 0.25]))
    paints = PAINTS[:5] if body in ("van", "truck") else PAINTS
    return CarLook(body, _name("p", _vary(rng, paints[int(rng.integers(len(paints)))], 0.08)))


def rider(rng: Rng) -> RiderLook:
    """A cyclist."""
    return RiderLook(person(rng), _paint(rng))


def machine(rng: Rng, kind: str, ridden: bool) -> RiderLook:
    """A bicycle, motorcycle or scooter; who rides a motor wears a helmet, a cyclist now and then."""
    helmet = _paint(rng) if kind != "bicycle" or rng.random() < 0.3 else ""
    return RiderLook(person(rng) if ridden else None, _paint(rng), kind, helmet)


def _paint(rng: Rng) -> str:
    return _name("p", _vary(rng, PAINTS[int(rng.integers(len(PAINTS)))]))
