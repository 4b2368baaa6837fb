"""Beards: their styles, where they grow, and their locks."""

from typing import NamedTuple

import numpy as np
from numba import njit

from .anatomy import Anatomy
from .head import HeadMesh
from .identity import Identity
from .locks import NO_LOCKS, SIDES, Locks, sweep_locks
from .noise import smoothstep


class Beard(NamedTuple):
    """Shares (0 to 1) of the regions of a beard; `length` of its locks in head units, 0 for painted only."""

    name: str
    moustache: float
    chin: float
    jaw: float
    length: float


BEARDS = (
    Beard("none", 0, 0, 0, 0),
    Beard("none", 0, 0, 0, 0),
    Beard("none", 0, 0, 0, 0),
    Beard("stubble", 0.75, 0.75, 0.7, 0),
    Beard("moustache", 1, 0, 0, 0.11),
    Beard("goatee", 0.0, 1, 0, 0.16),
    Beard("circle", 1, 1, 0, 0.13),
    Beard("chin strap", 0.3, 1, 1, 0.08),
    Beard("full", 1, 1, 1, 0.17),
    Beard("long", 1, 1, 1, 0.36),
)


def beard_of(i: Identity) -> Beard:
    return BEARDS[min(int(i.beard_style * len(BEARDS)), len(BEARDS) - 1)]


@njit(cache=True, error_model="numpy")
def beard_cover(x, y, z, a, moustache, chin, jaw):
    """How much beard grows at a point of the resting face, 0 to 1."""
    ax = abs(x)
    if z < -0.05 or y > 0.05 or y < a.chin_y - 0.26:
        return 0.0
    cover = 0.0
    top, bottom = a.base_y - 0.03, a.mouth_y + 0.9 * a.lip_upper
    wing = 0.9 * a.mouth_w + 0.02
    if z > 0.6:
        m = smoothstep(top, top - 0.03, y + 0.10 * ax) * smoothstep(
            bottom - 0.02, bottom + 0.015, y + 0.16 * max(0.0, ax - 0.1)
        )
        cover = moustache * m * smoothstep(wing + 0.08, wing, ax)
        lip = a.mouth_y - 1.5 * a.lip_lower - 0.06 * smoothstep(0.05, 0.16, ax)
        c = smoothstep(lip, lip - 0.04, y) * smoothstep(a.chin_rx + 0.16, a.chin_rx + 0.06, ax)
        # A full beard joins moustache and chin around the corner of the mouth.
        corner = (
            smoothstep(0.10, 0.05, abs(ax - a.mouth_w - 0.07))
            * smoothstep(bottom + 0.05, bottom, y)
            * smoothstep(lip - 0.1, lip, y)
        )
        cover = max(cover, chin * c, min(chin, moustache) * corner)
    # The upper border falls from the sideburn to the corner of the mouth.
    t = min(1.0, max(0.0, (z + 0.05) / 0.75))
    border = 0.0 + (a.mouth_y - 0.02) * t**0.8
    side = smoothstep(border, border - 0.07, y) * smoothstep(a.mouth_w - 0.02, a.mouth_w + 0.06, ax)
    below = smoothstep(a.mouth_y - 0.22, a.mouth_y - 0.32, y)
    cover = max(cover, jaw * max(side, below * smoothstep(0.3, 0.5, z)))
    cover *= smoothstep(0.10, 0.25, z + 0.6 * (y - a.jaw_y + 0.25))
    return cover * smoothstep(a.chin_y - 0.24, a.chin_y - 0.14, y)


def build_beard(i: Identity, a: Anatomy, mesh: HeadMesh, mesh_normals: np.ndarray) -> tuple[Locks, np.ndarray]:
    """The locks of the beard, and for each of its vertices the vertex of the head that it grows from."""
    beard = beard_of(i)
    if beard.length == 0:
        return NO_LOCKS, np.zeros(0, np.int32)
    p = mesh.positions
    rng = np.random.Generator(np.random.PCG64([int(i.beard_style * 1e6), 7]))
    cover = _beard_state(p, a, float(beard.moustache), float(beard.chin), float(beard.jaw))
    cover[mesh.inner] = 0
    # Vertices are dense at the mouth and sparse at the jaw: take each by the area that it stands for.
    area = np.zeros(len(p))
    corners = p[mesh.triangles]
    np.add.at(
        area,
        mesh.triangles.ravel(),
        np.repeat(
            np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6, 3
        ),
    )
    chosen = np.flatnonzero(rng.random(len(p)) < np.clip(cover, 0, 1) * (cover > 0.35) * area * 420)
    if len(chosen) == 0:
        return NO_LOCKS, np.zeros(0, np.int32)
    roots, normals = p[chosen], mesh_normals[chosen].astype(np.float64)
    n = len(chosen)
    phases = rng.random((n, 3))
    moustache = roots[:, 1] > a.mouth_y
    lengths = (
        beard.length
        * (0.6 + 0.9 * i.beard_length)
        * (0.75 + 0.5 * phases[:, 2])
        * np.where(roots[:, 2] > 0.45, 1.0, 0.6)
    )
    lengths[moustache & (roots[:, 2] > 0.6)] = 0.09 + 0.03 * i.beard_length
    down = np.stack(
        [np.sign(roots[:, 0]) * np.where(moustache, 0.9, 0.0) - 0.2 * roots[:, 0], np.full(n, -1.0), np.full(n, 0.1)], 1
    )
    down += (phases - 0.5) * 0.5
    directions = down - np.sum(down * normals, 1, keepdims=True) * normals + 0.55 * normals
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    t = np.linspace(0, 1, 5)
    bend = np.array([0.0, -0.45, 0.0])
    points = (roots - 0.012 * normals)[:, None] + lengths[:, None, None] * (
        t[:, None] * directions[:, None] + (t**2)[:, None] * bend
    )
    along = np.repeat(normals[:, None], 5, 1)
    shape = np.array([0.8, 1.0, 0.9, 0.6, 0.05])
    locks = sweep_locks(np.ascontiguousarray(points), along, 0.034 * (0.8 + 0.4 * rng.random(n)), shape, 0.6, phases)
    return locks, np.repeat(chosen, 5 * SIDES).astype(np.int32)


@njit(cache=True, error_model="numpy")
def _beard_state(p, a, moustache, chin, jaw):
    cover = np.empty(len(p))
    for i in range(len(p)):
        cover[i] = beard_cover(p[i, 0], p[i, 1], p[i, 2], a, moustache, chin, jaw)
    return cover
