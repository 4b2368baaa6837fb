"""Seeded noise in space: the source of every procedural texture. Values are the same on every machine.

All functions are compiled by numba and take scalars, so that a pixel kernel can call them.
"""

import math

import numpy as np
from numba import njit

SPIRAL_TURNS = 16


def spiral(taps: int) -> np.ndarray:
    """Points spread over the unit disc (a golden spiral) in SPIRAL_TURNS rotations, [16, taps, 2]: sample patterns."""
    k = np.arange(taps)
    radius = np.sqrt((k + 0.5) / taps)
    angle = 2.399963 * k + 2 * np.pi * np.arange(SPIRAL_TURNS)[:, None] / SPIRAL_TURNS
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)


@njit(cache=True, error_model="numpy", inline="always")
def hash01(x, y, z):
    """Integer lattice point to a number in [0, 1): a 32-bit mix (the finaliser of MurmurHash3)."""
    h = (x * 374761393 + y * 668265263 + z * 2147483647) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFFFF) / 16777216.0


@njit(cache=True, error_model="numpy")
def value_noise(x, y, z):
    """Trilinear value noise with a smooth fade, in [0, 1); features have the size of 1 unit."""
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    ix, iy, iz = int(fx), int(fy), int(fz)
    u, v, w = x - fx, y - fy, z - fz
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    near = (hash01(ix, iy, iz) * (1 - u) + hash01(ix + 1, iy, iz) * u) * (1 - v) + (
        hash01(ix, iy + 1, iz) * (1 - u) + hash01(ix + 1, iy + 1, iz) * u
    ) * v
    far = (hash01(ix, iy, iz + 1) * (1 - u) + hash01(ix + 1, iy, iz + 1) * u) * (1 - v) + (
        hash01(ix, iy + 1, iz + 1) * (1 - u) + hash01(ix + 1, iy + 1, iz + 1) * u
    ) * v
    return near * (1 - w) + far * w


@njit(cache=True, error_model="numpy", inline="always")
def pattern(x, y):
    """Which rotation of a spiral a pixel takes: all sixteen in each block of 4 × 4."""
    return ((x & 3) * 5 + (y & 3) * 7 + (x & 1) * 8) & 15


@njit(cache=True, error_model="numpy")
def spots(x, y, z):
    """Distance to the nearest of the points jittered in unit cells, and that point's own random number."""
    ix, iy, iz = math.floor(x), math.floor(y), math.floor(z)
    best, value = 9.0, 0.0
    for dx in range(-1, 2):
        for dy in range(-1, 2):
            for dz in range(-1, 2):
                cx, cy, cz = ix + dx, iy + dy, iz + dz
                a = hash01(cx, cy, cz)
                b = hash01(cx + 57, cy, cz)
                c = hash01(cx, cy + 113, cz)
                d = (cx + a - x) ** 2 + (cy + b - y) ** 2 + (cz + c - z) ** 2
                if d < best:
                    best, value = d, hash01(cx, cy, cz + 31)
    return math.sqrt(best), value


@njit(cache=True, error_model="numpy", inline="always")
def smoothstep(low, high, x):
    """0 below `low`, 1 above `high`, smooth between; `low` may be above `high` for the reverse."""
    t = min(1.0, max(0.0, (x - low) / (high - low)))
    return t * t * (3 - 2 * t)
