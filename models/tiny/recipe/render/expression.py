"""Expressions: blendshapes that move the resting skin, and which of its neighbours move along.

A blendshape is a displacement of every vertex of the head at strength 1. Blinks and wide eyes also move the edges of
the lids, which are cut in image space (head.lid_edges).
"""

import numpy as np

from .anatomy import Anatomy
from .head import HeadMesh

BLENDSHAPES = (
    "jaw_open", "lips_part", "smile_left", "smile_right", "frown", "pucker", "mouth_shift", "upper_lip_raise",
    "brow_inner_up", "brow_outer_up", "brow_down", "blink_left", "blink_right", "eye_wide", "squint", "cheek_puff",
)  # fmt: skip
"""Left and right are the person's own. All run from 0 to 1, but `mouth_shift`, from -1 (person's right) to 1."""

JAW_OPEN_RADIANS = 0.30
_HINGE_Y, _HINGE_Z = -0.10, 0.02
_CORNER_SHARE = 0.42  # of the jaw's turn, what the corners of the mouth follow


def _smooth(low: float, high: float, x: np.ndarray) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _jaw_share(p: np.ndarray, below: np.ndarray, a: Anatomy) -> np.ndarray:
    """How far each vertex follows the jaw: all the way at the lower lip, not at all at the upper."""
    across = np.abs(p[:, 0]) / a.mouth_w
    gap = np.sqrt(np.clip(1 - across**2, 0, 1))
    down = a.mouth_y - p[:, 1]
    under = _CORNER_SHARE + (1 - _CORNER_SHARE) * np.maximum(gap, _smooth(0, 0.30, down))
    over = _CORNER_SHARE * (1 - gap) * (1 - _smooth(0.0, 0.40, -down))
    share = np.where(below, under, over)
    front = _smooth(-0.05, 0.45, p[:, 2])
    neck = 1 - _smooth(a.chin_y - 0.12, a.chin_y - 0.35, p[:, 1])
    return share * front * neck


def jaw_rotation(p: np.ndarray, share: np.ndarray | float) -> np.ndarray:
    """Displacement of points [N, 3] that follow the fully open jaw by `share`."""
    angle = JAW_OPEN_RADIANS * np.asarray(share)
    y, z = p[:, 1] - _HINGE_Y, p[:, 2] - _HINGE_Z
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([np.zeros(len(p)), c * y - s * z - y, s * y + c * z - z], 1)


def build_blendshapes(mesh: HeadMesh, a: Anatomy) -> np.ndarray:
    """Displacements of the head at strength 1, float32 [len(BLENDSHAPES), V, 3]."""
    p, below = mesh.positions, mesh.lower
    shapes = np.zeros((len(BLENDSHAPES), len(p), 3), np.float32)
    named = {name: shapes[k] for k, name in enumerate(BLENDSHAPES)}
    front = _smooth(0.05, 0.45, p[:, 2])

    def near(x: float, y: float, rx: float, ry: float) -> np.ndarray:
        """A smooth bump over the front of the face."""
        return front * np.exp(-(((p[:, 0] - x) / rx) ** 2) - ((p[:, 1] - y) / ry) ** 2)

    def move(name: str, weight: np.ndarray, dx: float, dy: float, dz: float) -> None:
        named[name] += (weight[:, None] * np.array([dx, dy, dz])).astype(np.float32)

    mouth, width = a.mouth_y, a.mouth_w
    gap = front * np.sqrt(np.clip(1 - (p[:, 0] / width) ** 2, 0, 1)) * np.exp(-(((p[:, 1] - mouth) / 0.13) ** 2))

    named["jaw_open"][:] = jaw_rotation(p, _jaw_share(p, below, a))
    move("lips_part", np.where(below, gap, 0), 0, -0.050, -0.01)
    move("lips_part", np.where(below, 0, gap), 0, 0.030, 0)
    move("upper_lip_raise", np.where(below, 0, gap), 0, 0.040, 0.01)
    for side, name in ((1, "smile_left"), (-1, "smile_right")):
        move(name, near(side * width, mouth, 0.17, 0.15), side * 0.070, 0.080, -0.055)
        move(name, near(side * 0.42, -0.24, 0.17, 0.14), side * 0.02, 0.045, 0.055)
        move(name, near(side * a.eye_x, -0.10, 0.17, 0.06), 0, 0.018, 0.012)
        move(name, near(side * (width + 0.10), mouth + 0.10, 0.06, 0.14), 0, 0, -0.03)
    for side in (1, -1):
        move("frown", near(side * width, mouth - 0.01, 0.12, 0.10), 0.0, -0.065, -0.01)
        move("pucker", near(side * width, mouth, 0.15, 0.12), -side * 0.095, 0, 0.01)
        move("brow_outer_up", near(side * 0.42, a.brow_y + 0.03, 0.17, 0.13), 0, 0.075, 0.005)
        move("brow_down", near(side * 0.20, a.brow_y, 0.19, 0.11), -side * 0.03, -0.065, 0.02)
        move("brow_inner_up", near(side * 0.14, a.brow_y + 0.03, 0.15, 0.15), -side * 0.01, 0.085, 0.01)
        move("squint", near(side * a.eye_x, -0.11, 0.19, 0.055), 0, 0.030, 0.012)
        move("squint", near(side * 0.42, -0.22, 0.14, 0.10), 0, 0.025, 0.02)
        move("cheek_puff", near(side * 0.43, mouth + 0.06, 0.15, 0.18), side * 0.075, 0, 0.055)
        move("eye_wide", near(side * 0.32, a.brow_y, 0.25, 0.11), 0, 0.03, 0)
    for side, name in ((1, "blink_left"), (-1, "blink_right")):
        move(name, near(side * a.eye_x, a.brow_y - 0.02, 0.18, 0.08), 0, -0.014, 0)
        move(name, near(side * a.eye_x, -0.13, 0.18, 0.05), 0, 0.010, 0.004)
    move("frown", near(0, mouth - 0.15, 0.20, 0.09), 0, 0.02, 0.02)
    move("pucker", near(0, mouth, 0.20, 0.11), 0, 0, 0.075)
    move("mouth_shift", near(0, mouth - 0.05, 0.40, 0.24), 0.075, 0, 0)
    move("cheek_puff", near(0, mouth, 0.20, 0.10), 0, 0, 0.01)
    return shapes
