"""Ambient occlusion on the screen: how much of the sky nearby surfaces hide from each pixel."""

import math

import numpy as np
from numba import njit

from .noise import pattern, spiral

_RADIUS = 0.42  # head units: folds and sockets to the shade under the chin
_TAPS = spiral(5)
_TAPS *= np.sqrt(np.sum(_TAPS**2, -1, keepdims=True))  # denser in the middle


@njit(cache=True, error_model="numpy")
def ambient_occlusion(heights, normals, seen, pixels_per_unit):
    """Share of ambient light that arrives, float32 [S, S], 1 open to 0 closed.

    heights [S, S]: camera-space z of what each pixel sees; normals [S, S, 3]; seen [S, S]: triangle or -1.
    Samples lie on a spiral that turns from pixel to pixel; the image is reduced afterwards, which evens them out.
    """
    size = heights.shape[0]
    result = np.ones((size, size), np.float32)
    reach = _RADIUS * pixels_per_unit
    for y in range(size):
        for x in range(size):
            if seen[y, x] < 0:
                continue
            nx, ny, nz = normals[y, x, 0], normals[y, x, 1], normals[y, x, 2]
            z = heights[y, x]
            turn = pattern(x, y)
            hidden = 0.0
            for k in range(_TAPS.shape[1]):
                sx, sy = int(x + reach * _TAPS[turn, k, 0]), int(y + reach * _TAPS[turn, k, 1])
                if sx < 0 or sy < 0 or sx >= size or sy >= size or seen[sy, sx] < 0:
                    continue
                dx, dy, dz = (sx - x) / pixels_per_unit, -(sy - y) / pixels_per_unit, heights[sy, sx] - z
                length = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-5
                facing = (dx * nx + dy * ny + dz * nz) / length
                hidden += max(0.0, facing - 0.12) * max(0.0, 1.0 - length / (1.7 * _RADIUS))
            result[y, x] = max(0.0, 1.0 - 2.1 * hidden / _TAPS.shape[1])
    return result
