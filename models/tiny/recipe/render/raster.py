"""Triangles to pixels: a z-buffer that records what each pixel sees, and one of depths alone for shadows.

Triangles are about two pixels large, so barycentric coordinates are taken as linear on the screen.
"""

import math

import numpy as np
from numba import njit

from .head import cut_open


@njit(cache=True, error_model="numpy", inline="always")
def _edges(ax, ay, bx, by, cx, cy, size):
    """A triangle made ready to be filled: twice its signed area (0 if it covers no pixel's centre), its bounds in the
    image, and two barycentric coordinates as linear functions: u = u1 + x · ux + y · uy, and v alike.
    """
    x0, x1 = max(0, math.ceil(min(ax, bx, cx))), min(size - 1, math.floor(max(ax, bx, cx)))
    y0, y1 = max(0, math.ceil(min(ay, by, cy))), min(size - 1, math.floor(max(ay, by, cy)))
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if x0 > x1 or y0 > y1 or area == 0.0:
        return 0.0, 0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    ux, uy, u1 = (by - cy) / area, (cx - bx) / area, (bx * cy - by * cx) / area
    vx, vy, v1 = (cy - ay) / area, (ax - cx) / area, (cx * ay - cy * ax) / area
    return area, x0, x1, y0, y1, u1, ux, uy, v1, vx, vy


@njit(cache=True, error_model="numpy")
def rasterise(screen, triangles, skin_triangles, rest, anatomy, blink_left, blink_right, wide, size):
    """What each pixel sees.

    screen [V, 3]: x, y in pixels (y down) and nearness (1 / distance). The first `skin_triangles` triangles are skin,
    which is cut open over the eyes by its resting position `rest` [V, 3].
    Returns, [size, size] each: the triangle (int32, -1 for nothing), two barycentric coordinates, nearness.
    """
    seen = np.full((size, size), -1, np.int32)
    weights = np.zeros((size, size, 2), np.float32)
    nearness = np.zeros((size, size), np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        area, x0, x1, y0, y1, u1, ux, uy, v1, vx, vy = _edges(
            screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1], screen[c, 0], screen[c, 1], size
        )
        if area == 0.0 or (area > 0.0 and t >= skin_triangles):  # seen from behind; skin may be, in folds
            continue
        az, bz, cz = screen[a, 2], screen[b, 2], screen[c, 2]
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                u = u1 + x * ux + y * uy
                v = v1 + x * vx + y * vy
                w = 1.0 - u - v
                if u < 0.0 or v < 0.0 or w < 0.0:
                    continue
                near = u * az + v * bz + w * cz
                if near <= nearness[y, x]:
                    continue
                if t < skin_triangles:
                    px = u * rest[a, 0] + v * rest[b, 0] + w * rest[c, 0]
                    py = u * rest[a, 1] + v * rest[b, 1] + w * rest[c, 1]
                    pz = u * rest[a, 2] + v * rest[b, 2] + w * rest[c, 2]
                    if cut_open(px, py, pz, anatomy, blink_left, blink_right, wide):
                        continue
                nearness[y, x] = near
                seen[y, x] = t
                weights[y, x, 0], weights[y, x, 1] = u, v
    return seen, weights, nearness


@njit(cache=True, error_model="numpy")
def depth_map(positions, triangles, right, up, towards, scale, size):
    """Height of the nearest surface towards a distant light, [size, size]: `scale` pixels a unit, origin in the middle."""
    heights = np.full((size, size), -1e9, np.float32)
    count = positions.shape[0]
    flat = np.empty((count, 3), np.float32)
    for i in range(count):
        x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
        flat[i, 0] = (x * right[0] + y * right[1] + z * right[2]) * scale + size / 2
        flat[i, 1] = (x * up[0] + y * up[1] + z * up[2]) * scale + size / 2
        flat[i, 2] = x * towards[0] + y * towards[1] + z * towards[2]
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        area, x0, x1, y0, y1, u1, ux, uy, v1, vx, vy = _edges(
            flat[a, 0], flat[a, 1], flat[b, 0], flat[b, 1], flat[c, 0], flat[c, 1], size
        )
        if area <= 0.0:  # turned away from the light
            continue
        az, bz, cz = flat[a, 2], flat[b, 2], flat[c, 2]
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                u = u1 + x * ux + y * uy
                v = v1 + x * vx + y * vy
                w = 1.0 - u - v
                if u < 0.0 or v < 0.0 or w < 0.0:
                    continue
                h = u * az + v * bz + w * cz
                if h > heights[y, x]:
                    heights[y, x] = h
    return heights


@njit(cache=True, error_model="numpy")
def vertex_normals(positions, triangles):
    """Unit normals [V, 3], weighted by area."""
    normals = np.zeros(positions.shape, np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ux, uy, uz = (
            positions[b, 0] - positions[a, 0],
            positions[b, 1] - positions[a, 1],
            positions[b, 2] - positions[a, 2],
        )
        vx, vy, vz = (
            positions[c, 0] - positions[a, 0],
            positions[c, 1] - positions[a, 1],
            positions[c, 2] - positions[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for j in range(3):
            k = triangles[t, j]
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for i in range(normals.shape[0]):
        n = math.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + 1e-12
        normals[i, 0] /= n
        normals[i, 1] /= n
        normals[i, 2] /= n
    return normals
