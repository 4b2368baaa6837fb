"""The parts that are not skin of the head: eyeballs, teeth, tongue, ears, and the shoulders in their clothes."""

import math
from typing import NamedTuple

import numpy as np

from .anatomy import Anatomy
from .head import muzzle_front, skull_distance


class Part(NamedTuple):
    """A mesh in head space. `extra` [V, 3] means what its material says (materials)."""

    positions: np.ndarray  # [V, 3]
    triangles: np.ndarray  # [T, 3]
    extra: np.ndarray  # [V, 3]


def grid_triangles(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Triangles of a grid of vertices; counter-clockwise when rows go down and columns to the right. `closed` joins the sides."""
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    right = np.roll(index, -1, 1) if closed else index[:, 1:]
    left = index if closed else index[:, :-1]
    a, b, c, d = left[:-1].ravel(), right[:-1].ravel(), left[1:].ravel(), right[1:].ravel()
    return np.vstack([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])


def _grid_part(points: np.ndarray, extra: np.ndarray, closed: bool = False) -> Part:
    rows, columns = points.shape[:2]
    return Part(
        points.reshape(-1, 3),
        grid_triangles(rows, columns, closed),
        np.broadcast_to(extra, points.shape).reshape(-1, 3),
    )


def build_eye(a: Anatomy, side: int) -> Part:
    """The front half of an eyeball; `side` 1 is the person's left. `extra` is unused."""
    polar = np.radians(np.linspace(0, 100, 14))[:, None]
    around = np.linspace(0, 2 * math.pi, 24, endpoint=False)[None]
    # A row further is a ring further from the pole, so columns must turn counter-clockwise.
    unit = np.stack(
        np.broadcast_arrays(np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)), -1
    )
    return _grid_part(np.array([side * a.eye_x, 0.0, a.eye_z]) + a.eye_r * unit, np.zeros(3), closed=True)


def build_teeth(a: Anatomy, upper: bool) -> Part:
    """A row of teeth on an arch. `extra`: arc position in teeth, height 0 (gum) to 1 (edge), 1 for the upper row."""
    angle = np.linspace(-1.15, 1.15, 25)[None]
    height = np.linspace(0, 1, 5)[:, None]
    top, bottom = (a.mouth_y + 0.075, a.mouth_y - 0.052) if upper else (a.mouth_y - 0.040, a.mouth_y - 0.150)
    y = top + (bottom - top) * height
    rx, rz = (0.235, 0.26) if upper else (0.215, 0.24)
    zc = muzzle_front(a, 0.0) - 0.085 - rz - (0.0 if upper else 0.02)
    points = np.stack(np.broadcast_arrays(rx * np.sin(angle), y, zc + rz * np.cos(angle)), -1)
    extra = np.stack(np.broadcast_arrays(angle * 5.2, height if upper else 1 - height, float(upper)), -1)
    return _grid_part(points, extra)


def build_tongue(a: Anatomy) -> Part:
    """A flat ellipsoid behind the lower teeth."""
    polar, around = np.linspace(0.05, math.pi - 0.05, 8)[:, None], np.linspace(0, 2 * math.pi, 14, endpoint=False)[None]
    unit = np.stack(
        np.broadcast_arrays(np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)), -1
    )
    centre = np.array([0.0, a.mouth_y - 0.13, muzzle_front(a, 0.0) - 0.36])
    return _grid_part(centre + unit * np.array([0.16, 0.06, 0.20]), np.zeros(3), closed=True)


# Profile of an ear from its middle outwards: share of the outline, height over its plane.
_EAR_PROFILE = np.array(
    [(0.0, -0.075), (0.22, -0.070), (0.36, -0.035), (0.46, 0.010), (0.58, 0.022), (0.70, 0.000), (0.80, 0.004),
     (0.88, 0.038), (0.96, 0.046), (1.02, 0.020), (1.00, -0.020), (0.86, -0.050), (0.66, -0.090)]
)  # fmt: skip


def build_ear(a: Anatomy, side: int) -> Part:
    """An ear; `side` 1 is the person's left. `extra` is 0, 1, 0: the skin of an ear grows no hair."""
    around = np.linspace(0, 2 * math.pi, 32, endpoint=False)[None]
    share, height = _EAR_PROFILE[:, 0, None], _EAR_PROFILE[:, 1, None]
    back, up = np.cos(around), np.sin(around)
    # Egg-shaped: wide above, a lobe below, straight at the front.
    width = 0.185 + 0.035 * up - 0.04 * np.maximum(0, -back)
    u = share * back * width + 0.13
    v = share * up * (0.305 + 0.015 * back)
    # The lobe has no rim.
    lobe = np.clip(-up - 0.45, 0, 0.4) / 0.4
    w = height * (1 - 0.75 * lobe * (share > 0.4))
    x = _skull_side(a, -0.10, -0.02) - 0.03
    lean = math.radians(14)
    out, along = math.sin(a.ear_flare), math.cos(a.ear_flare)
    px = u * out + w * along
    pz = -u * along + w * out - v * math.sin(lean)
    py = v * math.cos(lean) - 0.25 * u * math.sin(lean)
    points = np.stack(
        np.broadcast_arrays(side * (x + a.ear_size * px), -0.13 + a.ear_size * py, 0.04 + a.ear_size * pz), -1
    )
    part = _grid_part(points, np.array([0.0, 1.0, 0.0]), closed=True)
    return part if side > 0 else part._replace(triangles=part.triangles[:, ::-1])


def _skull_side(a: Anatomy, y: float, z: float) -> float:
    """x of the skull's side at a height and depth."""
    x = 1.2
    for _ in range(30):
        x -= 0.9 * skull_distance(x, y, z, a)
    return x


# Rings of the shoulders: from inside the neck over the collar and down: y, half width, half depth, z of the middle.
_TORSO = np.array(
    [(-1.52, 0.34, 0.34, -0.24), (-1.46, 0.50, 0.47, -0.24), (-1.44, 0.53, 0.51, -0.24), (-1.50, 0.60, 0.57, -0.25), (-1.60, 0.86, 0.60, -0.28),
     (-1.72, 1.20, 0.62, -0.30), (-1.86, 1.52, 0.64, -0.30), (-2.10, 1.78, 0.68, -0.30), (-2.50, 1.90, 0.74, -0.30),
     (-3.40, 1.92, 0.80, -0.30)]
)  # fmt: skip


def build_torso(a: Anatomy) -> Part:
    """Shoulders and chest; the collar hugs the neck. `extra`: height below the collar, turn around the body, 0."""
    t = np.linspace(0, len(_TORSO) - 1, 26)
    y, rx, rz, zc = (np.interp(t, np.arange(len(_TORSO)), _TORSO[:, k])[:, None] for k in range(4))
    collar = a.neck_r - 0.44
    rx, rz = rx + collar * np.exp((y + 1.46) * 4), rz + collar * np.exp((y + 1.46) * 4)
    around = np.linspace(0, 2 * math.pi, 48, endpoint=False)[None]
    # Broad shoulders: a superellipse; the collar dips at the front.
    c, s = np.cos(around), np.sin(around)
    x = rx * np.sign(s) * np.abs(s) ** 0.85
    z = zc + rz * np.sign(c) * np.abs(c) ** 0.9
    dip = -0.14 * np.exp(-(((y + 1.46) / 0.15) ** 2)) * np.clip(c, 0, 1) ** 2
    points = np.stack(np.broadcast_arrays(x, y + dip, z), -1)
    extra = np.stack(np.broadcast_arrays(-1.46 - y, around, 0.0), -1)
    return _grid_part(points, extra, closed=True)
