"""The human figure: a mesh hung on bones, and the angles of walking, standing, talking, sitting and cycling.

Each part is modelled in its bone's own frame: the joint at the origin, x forward, y left, limbs hanging down -z.
"""

from __future__ import annotations

import numpy as np

from .looks import PersonLook
from .meshes import Mesh, box, ellipsoid, join, limb
from .world import Floats

PELVIS, CHEST, HEAD, L_THIGH, L_SHIN, L_FOOT, R_THIGH, R_SHIN, R_FOOT, L_ARM, L_FORE, R_ARM, R_FORE, BIKE = (
    range(14)
)
BONES = 14
THIGH, SHIN, ANKLE, SPINE, SHOULDER, UPPER, FORE, HIP_Y, SHOULDER_Y = (
    0.42,
    0.42,
    0.08,
    0.10,
    0.42,
    0.29,
    0.25,
    0.09,
    0.185,
)


def _leg(look: PersonLook, side: int) -> list[Mesh]:
    b = 0.5 + 0.5 * look.build
    lower = look.skin if look.shorts or look.garment == "dress" else look.bottom
    loose = 1.0 if lower == look.skin else 1.22
    thigh = [(0.05, 0, 0, 0.06 * b, 0.06 * b), (0.0, 0, 0, 0.092 * b, 0.088 * b), (-0.15, 0.01, 0, 0.085 * b, 0.08 * b),
             (-0.36, 0.005, 0, 0.064 * b, 0.06 * b), (-0.47, 0, 0, 0.045, 0.045)]  # fmt: skip
    shin = [(0.05, 0, 0, 0.04, 0.04), (0.0, 0, 0, 0.06, 0.056), (-0.13, -0.018, 0, 0.058 * loose, 0.055 * loose),
            (-0.36, 0, 0, 0.042 * loose, 0.04 * loose), (-0.43, 0.0, 0, 0.04 * loose, 0.038 * loose)]  # fmt: skip
    foot = [
        (-0.08, 0.055, 0, 0.135, 0.048),
        (-0.05, 0.05, 0, 0.135, 0.048),
        (-0.02, 0.01, 0, 0.075, 0.042),
        (0.02, -0.01, 0, 0.045, 0.038),
    ]
    bones = (L_THIGH, L_SHIN, L_FOOT) if side > 0 else (R_THIGH, R_SHIN, R_FOOT)
    upper = look.bottom if look.garment != "dress" else look.skin
    return [
        limb(thigh, upper).on(bones[0]),
        limb(shin, lower).on(bones[1]),
        limb(foot, look.shoes).on(bones[2]),
    ]


def _arm(look: PersonLook, side: int) -> list[Mesh]:
    b = 0.5 + 0.5 * look.build
    thick = b * (1.15 if look.garment in ("jacket", "coat") else 0.95)
    bare = look.garment in ("shirt", "dress")
    upper = [(0.04, 0, 0, 0.045 * thick, 0.05 * thick), (0.0, 0, 0, 0.066 * thick, 0.062 * thick),
             (-0.16, 0, 0, 0.052 * thick, 0.05 * thick), (-0.31, 0, 0, 0.04 * thick, 0.04 * thick)]  # fmt: skip
    fore = [
        (0.03, 0, 0, 0.036 * thick, 0.036 * thick),
        (-0.08, 0, 0, 0.045 * thick, 0.042 * thick),
        (-0.24, 0, 0, 0.032, 0.032),
    ]
    bones = (L_ARM, L_FORE) if side > 0 else (R_ARM, R_FORE)
    hand = ellipsoid((0.01, 0, -0.31), (0.042, 0.026, 0.085), look.skin, 8, 6)
    return [
        limb(upper, look.top).on(bones[0]),
        limb(fore, look.skin if bare else look.top, 8).on(bones[1]),
        hand.on(bones[1]),
    ]


def _trunk(look: PersonLook) -> list[Mesh]:
    b = look.build
    g = b * (1.1 if look.garment in ("jacket", "coat") else 1.0)
    hips = [
        (-0.09, 0, 0, 0.09 * b, 0.13 * b),
        (0.0, -0.01, 0, 0.118 * b, 0.168 * b),
        (0.1, 0, 0, 0.112 * b, 0.152 * b),
        (0.16, 0, 0, 0.1 * b, 0.14 * b),
    ]
    chest = [(-0.1, 0, 0, 0.108 * g, 0.158 * g), (0.02, 0, 0, 0.106 * g, 0.148 * g), (0.2, 0.01, 0, 0.122 * g, 0.172 * g),
             (0.34, 0.005, 0, 0.112 * g, 0.188 * g), (0.42, -0.005, 0, 0.085 * g, 0.17), (0.47, -0.01, 0, 0.06, 0.085), (0.49, 0, 0, 0.05, 0.052)]  # fmt: skip
    parts = [
        limb(hips, look.bottom if look.garment != "dress" else look.top, 14).on(PELVIS),
        limb(chest, look.top, 16).on(CHEST),
    ]
    if look.garment == "coat":
        parts.append(
            limb(
                [
                    (0.14, 0, 0, 0.115 * g, 0.16 * g),
                    (-0.05, 0, 0, 0.135 * g, 0.185 * g),
                    (-0.42, 0, 0, 0.17 * g, 0.2 * g),
                ],
                look.top,
                14,
            ).on(PELVIS)
        )
    if look.garment == "dress":
        parts.append(
            limb(
                [
                    (0.14, 0, 0, 0.105 * b, 0.14 * b),
                    (-0.05, 0, 0, 0.14 * b, 0.185 * b),
                    (-0.46, 0, 0, 0.2 * b, 0.22 * b),
                ],
                look.top,
                14,
            ).on(PELVIS)
        )
    if look.bag == "backpack":
        parts.append(ellipsoid((-0.19, 0, 0.22), (0.11, 0.15, 0.24), look.bag_colour).on(CHEST))
    elif look.bag == "shoulder":
        parts.append(box((0.0, -0.25, -0.02), (0.3, 0.1, 0.24), look.bag_colour).on(PELVIS))
    elif look.bag == "shopping":
        parts.append(box((0.0, 0.01, -0.53), (0.3, 0.12, 0.34), look.bag_colour).on(R_FORE))
    return parts


def _head(look: PersonLook) -> list[Mesh]:
    neck = limb([(-0.1, -0.01, 0, 0.055, 0.058), (0.06, 0.0, 0, 0.05, 0.05)], look.skin)
    skull = limb([(0.0, 0.045, 0, 0.035, 0.03), (0.03, 0.03, 0, 0.075, 0.058), (0.1, 0.018, 0, 0.095, 0.073), (0.16, 0.01, 0, 0.1, 0.077),
                  (0.215, 0, 0, 0.08, 0.065), (0.24, 0, 0, 0.04, 0.035)], look.skin, 12)  # fmt: skip
    nose = ellipsoid((0.118, 0, 0.095), (0.018, 0.014, 0.024), look.skin, 6, 4)
    hair = limb([(0.06, -0.045, 0, 0.07, 0.072), (0.12, -0.035, 0, 0.09, 0.086), (0.17, -0.018, 0, 0.1, 0.088),
                 (0.225, -0.008, 0, 0.092, 0.078), (0.255, -0.005, 0, 0.045, 0.04)], look.hair, 12)  # fmt: skip
    parts = [neck, skull, nose, hair]
    if look.long_hair:
        parts.append(
            limb(
                [
                    (0.2, -0.05, 0, 0.06, 0.088),
                    (0.08, -0.06, 0, 0.062, 0.092),
                    (-0.04, -0.07, 0, 0.05, 0.09),
                    (-0.14, -0.085, 0, 0.03, 0.07),
                ],
                look.hair,
            )
        )
    if look.hat:
        parts.append(
            limb(
                [
                    (0.165, 0.03, 0, 0.15, 0.105),
                    (0.18, 0.02, 0, 0.14, 0.1),
                    (0.185, -0.01, 0, 0.105, 0.093),
                    (0.27, -0.01, 0, 0.08, 0.07),
                ],
                look.bag_colour,
                14,
            )
        )
    return [p.on(HEAD) for p in parts]


def build(look: PersonLook) -> Mesh:
    """The whole figure, every vertex in its bone's frame; lengths as for 1.75 m."""
    return join(_trunk(look) + _head(look) + _leg(look, 1) + _leg(look, -1) + _arm(look, 1) + _arm(look, -1))


def _tilt(angle: float) -> Floats:
    """A turn that lifts a hanging limb forward by `angle`."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


def _roll(angle: float) -> Floats:
    """A turn that moves a hanging limb to the left (+y) by `angle`."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def angles(phase: float, swing: float, sit: float, talk: float, cycling: bool = False) -> Floats:
    """Thigh l r, knee l r, arm l r, elbow l r, lean, spread of the arms: the pose as ten angles.

    swing is the amplitude of the thighs; sit and talk run from 0 to 1.
    """
    s, c = np.sin(phase), np.cos(phase)
    if cycling:
        return np.array(
            [
                0.95 + 0.4 * s,
                0.95 - 0.4 * s,
                1.25 - 0.35 * c,
                1.25 + 0.35 * c,
                1.15,
                1.15,
                0.15,
                0.15,
                0.55,
                0.06,
            ]
        )
    knee = 2.0 * swing
    walk = np.array([swing * s + 0.04, -swing * s + 0.04, 0.08 + knee * max(c, 0) ** 1.4, 0.08 + knee * max(-c, 0) ** 1.4,
                     -0.85 * swing * s, 0.85 * swing * s, 0.18 + 0.5 * swing, 0.18 + 0.5 * swing, 0.03 + 0.08 * swing, 0.12])  # fmt: skip
    if talk > 0:
        g = talk * (0.5 + 0.5 * np.sin(1.7 * phase + talk))
        walk[[5, 7]] += np.array([0.55, 1.1]) * g
        walk[[4, 6]] += np.array([0.1, 0.5]) * talk
    seat = np.array([1.5, 1.45, 1.45, 1.35, 0.35, 0.35, 0.75, 0.75, 0.02, 0.1])
    out: Floats = walk + sit * (seat - walk)
    return out


def pose(
    look: PersonLook, a: Floats, place: tuple[float, float, float, float], saddle: float | None = None
) -> tuple[Floats, Floats]:
    """Bone turns (BONES, 3, 3), scaled by the body's size, and joints (BONES, 3) in the world.

    place is x, y, z, heading. The figure stands on its lower foot unless a saddle height is given.
    """
    rot = np.tile(np.eye(3), (BONES, 1, 1))
    pos = np.zeros((BONES, 3))
    rot[CHEST] = _tilt(-a[8])
    pos[CHEST] = (0, 0, SPINE)
    top = pos[CHEST] + rot[CHEST] @ (0, 0, SHOULDER + 0.06)
    rot[HEAD] = _tilt(-0.3 * a[8])
    pos[HEAD] = top
    for side, thigh, knee, t, s, f in (
        (1, a[0], a[2], L_THIGH, L_SHIN, L_FOOT),
        (-1, a[1], a[3], R_THIGH, R_SHIN, R_FOOT),
    ):
        rot[t], rot[s], rot[f] = (
            _tilt(thigh),
            _tilt(thigh - knee),
            _tilt(0.5 * (thigh - knee) if thigh < 1 else 0),
        )
        pos[t] = (0, side * HIP_Y, -0.02)
        pos[s] = pos[t] + rot[t] @ (0, 0, -THIGH)
        pos[f] = pos[s] + rot[s] @ (0, 0, -SHIN)
    for side, arm, elbow, u, f in ((1, a[4], a[6], L_ARM, L_FORE), (-1, a[5], a[7], R_ARM, R_FORE)):
        spread = _roll(side * a[9])
        rot[u] = rot[CHEST] @ spread @ _tilt(arm + a[8])
        rot[f] = rot[CHEST] @ spread @ _tilt(arm + elbow + a[8])
        pos[u] = pos[CHEST] + rot[CHEST] @ (0, side * SHOULDER_Y * (0.6 + 0.4 * look.build), SHOULDER - 0.03)
        pos[f] = pos[u] + rot[u] @ (0, 0, -UPPER)
    k = look.height / 1.75
    rise = saddle / k if saddle is not None else ANKLE - min(pos[L_FOOT][2], pos[R_FOOT][2])
    pos[:, 2] += rise
    child = 1.0 + max(0.0, 1.45 - look.height) * 0.7  # small bodies carry larger heads
    rot[HEAD] = rot[HEAD] * child
    x, y, z, heading = place
    yaw = np.array([[np.cos(heading), -np.sin(heading), 0], [np.sin(heading), np.cos(heading), 0], [0, 0, 1]])
    turned: Floats = yaw @ rot * k
    return turned, pos * k @ yaw.T + (x, y, z)


def bend(mesh: Mesh, rot: Floats, pos: Floats) -> Floats:
    """The mesh's vertices in the world, (N, 3)."""
    out: Floats = np.einsum("nij,nj->ni", rot[mesh.bones], mesh.verts) + pos[mesh.bones]
    return out
