"""Locks of hair: tapered tubes swept along curves."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from .parts import Part, grid_triangles

SIDES = 4  # of a tube; its smooth normals make it round


class Locks(NamedTuple):
    """A mesh of locks. `extra` of the part: around a lock (0 to 1), length from the root, the lock's number (0 to 1)."""

    part: Part
    tangents: np.ndarray  # [V, 3]: unit, towards the tip


NO_LOCKS = Locks(Part(np.zeros((0, 3)), np.zeros((0, 3), np.int32), np.zeros((0, 3))), np.zeros((0, 3)))


@njit(cache=True, error_model="numpy")
def _sweep(points, normals, widths, shape, flatness, phases, positions, extra, tangents):
    """Sweeps an elliptic section along every lock (see Locks)."""
    count, rings = points.shape[0], points.shape[1]
    v = 0
    for i in range(count):
        run = 0.0
        for k in range(rings):
            k0, k1 = max(0, k - 1), min(rings - 1, k + 1)
            dx, dy, dz = (
                points[i, k1, 0] - points[i, k0, 0],
                points[i, k1, 1] - points[i, k0, 1],
                points[i, k1, 2] - points[i, k0, 2],
            )
            n = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
            dx, dy, dz = dx / n, dy / n, dz / n
            nx, ny, nz = normals[i, k]
            sx, sy, sz = dy * nz - dz * ny, dz * nx - dx * nz, dx * ny - dy * nx
            m = math.sqrt(sx * sx + sy * sy + sz * sz)
            if m < 0.2:  # the lock stands up: any side will do
                sx, sy, sz = dz, 0.0, -dx
                m = math.sqrt(sx * sx + sz * sz)
                if m < 0.2:
                    sx, sy, sz, m = 1.0, 0.0, 0.0, 1.0
            sx, sy, sz = sx / m, sy / m, sz / m
            ux, uy, uz = sy * dz - sz * dy, sz * dx - sx * dz, sx * dy - sy * dx
            if k > 0:
                run += math.sqrt(
                    (points[i, k, 0] - points[i, k - 1, 0]) ** 2
                    + (points[i, k, 1] - points[i, k - 1, 1]) ** 2
                    + (points[i, k, 2] - points[i, k - 1, 2]) ** 2
                )
            w = widths[i] * shape[k]
            for j in range(SIDES):
                c = math.cos(2 * math.pi * j / SIDES) * w
                s = math.sin(2 * math.pi * j / SIDES) * w * flatness
                positions[v, 0] = points[i, k, 0] + c * sx + s * ux
                positions[v, 1] = points[i, k, 1] + c * sy + s * uy
                positions[v, 2] = points[i, k, 2] + c * sz + s * uz
                # Around runs to 1 and back, so that it is continuous where the section closes.
                extra[v, 0], extra[v, 1], extra[v, 2] = abs(2.0 * j / SIDES - 1.0), run, phases[i, 0]
                tangents[v, 0], tangents[v, 1], tangents[v, 2] = dx, dy, dz
                v += 1


def sweep_locks(
    points: np.ndarray, normals: np.ndarray, widths: np.ndarray, shape: np.ndarray, flatness: float, phases: np.ndarray
) -> Locks:
    count, rings = points.shape[:2]
    positions = np.zeros((count * rings * SIDES, 3))
    extra = np.zeros_like(positions)
    tangents = np.zeros_like(positions)
    _sweep(points, normals, widths, shape, flatness, phases, positions, extra, tangents)
    tube = grid_triangles(rings, SIDES, closed=True)
    triangles = (tube[None] + (np.arange(count, dtype=np.int32) * rings * SIDES)[:, None, None]).reshape(-1, 3)
    return Locks(Part(positions, triangles, extra), tangents)


def join_locks(a: Locks, b: Locks) -> Locks:
    triangles = np.vstack([a.part.triangles, b.part.triangles + len(a.part.positions)]).astype(np.int32)
    part = Part(np.vstack([a.part.positions, b.part.positions]), triangles, np.vstack([a.part.extra, b.part.extra]))
    return Locks(part, np.vstack([a.tangents, b.tangents]))
