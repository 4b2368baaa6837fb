"""Light on surfaces: a key light with soft shadows, a rim light, the sky's ambient light, and how skin and hair answer."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from . import materials
from .materials import BEARD, EYE, HAIR, MOUTH, SKIN, TEETH
from .noise import pattern, spiral

Vector = tuple[float, float, float]

_TAPS = spiral(9)
_SEEP = (0.30, 0.0, -0.08)  # what half a shadow on skin gains and loses, per channel
_SEEP_AMBIENT = (0.25, 0.0, 0.0)


class Light(NamedTuple):
    """Lights in camera space, with the key light's depth map (raster.depth_map)."""

    key: Vector
    key_colour: Vector
    rim: Vector
    rim_colour: Vector
    sky: Vector
    ground: Vector
    right: Vector  # axes of the depth map
    up: Vector
    scale: float  # its pixels per unit


@njit(cache=True, error_model="numpy")
def _lit_share(x, y, z, light, depths, bias, spread, turn):
    """Share of the key light that reaches a point: nine taps of the depth map, softened by distance to the blocker."""
    size = depths.shape[0]
    u = (x * light.right[0] + y * light.right[1] + z * light.right[2]) * light.scale + size / 2
    v = (x * light.up[0] + y * light.up[1] + z * light.up[2]) * light.scale + size / 2
    h = x * light.key[0] + y * light.key[1] + z * light.key[2] + bias
    lit = 0.0
    for k in range(9):
        su, sv = int(u + spread * _TAPS[turn, k, 0] + 0.5), int(v + spread * _TAPS[turn, k, 1] + 0.5)
        if su < 0 or sv < 0 or su >= size or sv >= size:
            lit += 1.0
        else:
            # Not a hard test: a blocker just above counts in part, which hides the map's own grain.
            lit += min(1.0, max(0.0, 1.0 - (depths[sv, su] - h) / 0.03))
    return lit / 9.0


@njit(cache=True, error_model="numpy")
def gather_normals(seen, weights, triangles, normals, positions):
    """Per pixel: unit normal [S, S, 3] towards the camera's side, and camera-space position [S, S, 3]."""
    size = seen.shape[0]
    pixel_normals = np.zeros((size, size, 3), np.float32)
    points = np.zeros((size, size, 3), np.float32)
    for y in range(size):
        for x in range(size):
            t = seen[y, x]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            u, v = weights[y, x, 0], weights[y, x, 1]
            w = 1.0 - u - v
            nx = u * normals[a, 0] + v * normals[b, 0] + w * normals[c, 0]
            ny = u * normals[a, 1] + v * normals[b, 1] + w * normals[c, 1]
            nz = u * normals[a, 2] + v * normals[b, 2] + w * normals[c, 2]
            n = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
            pixel_normals[y, x, 0], pixel_normals[y, x, 1], pixel_normals[y, x, 2] = nx / n, ny / n, nz / n
            for k in range(3):
                points[y, x, k] = u * positions[a, k] + v * positions[b, k] + w * positions[c, k]
    return pixel_normals, points


@njit(cache=True, error_model="numpy")
def shade(
    image,
    seen,
    weights,
    triangles,
    material,
    rest,
    extra,
    tangents,
    pixel_normals,
    points,
    occlusion,
    depths,
    light,
    look,
    anatomy,
    paint,
    distance,
):
    """Writes the light that leaves every covered pixel of `image`, linear RGB float32 [S, S, 3].

    tangents: directions of the locks, camera space, of the last vertices (hair and beard come last).
    """
    size = seen.shape[0]
    first_lock = rest.shape[0] - tangents.shape[0]
    for py in range(size):
        for px in range(size):
            t = seen[py, px]
            if t < 0:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            u, v = weights[py, px, 0], weights[py, px, 1]
            w = 1.0 - u - v
            rx = u * rest[a, 0] + v * rest[b, 0] + w * rest[c, 0]
            ry = u * rest[a, 1] + v * rest[b, 1] + w * rest[c, 1]
            rz = u * rest[a, 2] + v * rest[b, 2] + w * rest[c, 2]
            e0 = u * extra[a, 0] + v * extra[b, 0] + w * extra[c, 0]
            e1 = u * extra[a, 1] + v * extra[b, 1] + w * extra[c, 1]
            e2 = extra[a, 2]
            x, y, z = points[py, px, 0], points[py, px, 1], points[py, px, 2]
            nx, ny, nz = pixel_normals[py, px, 0], pixel_normals[py, px, 1], pixel_normals[py, px, 2]
            n = math.sqrt(x * x + y * y + (distance - z) ** 2)
            vx, vy, vz = -x / n, -y / n, (distance - z) / n
            kind = material[t]
            if kind == SKIN and ry < -0.15 and nx * vx + ny * vy + nz * vz < -0.12:
                kind = MOUTH  # the skin's back, seen through the open mouth
            albedo, gloss, sharpness, wrap, bias, shift = materials.surface(
                kind, rx, ry, rz, e0, e1, e2, anatomy, paint, look
            )
            open_share = occlusion[py, px]
            if kind == MOUTH:
                nx, ny, nz = 0.0, 0.0, 1.0
                open_share = min(open_share, 0.35)
            elif kind == TEETH:
                open_share = 0.35 + 0.4 * open_share
            spread = 3.0 if kind != HAIR else 2.2
            lit = _lit_share(x + nx * 0.02, y + ny * 0.02, z + nz * 0.02, light, depths, bias, spread, pattern(px, py))
            facing = nx * light.key[0] + ny * light.key[1] + nz * light.key[2]
            if kind == HAIR or kind == BEARD:
                i, j, k = a - first_lock, b - first_lock, c - first_lock
                tx = u * tangents[i, 0] + v * tangents[j, 0] + w * tangents[k, 0]
                ty = u * tangents[i, 1] + v * tangents[j, 1] + w * tangents[k, 1]
                tz = u * tangents[i, 2] + v * tangents[j, 2] + w * tangents[k, 2]
                shine, facing = _hair_gloss(tx, ty, tz, vx, vy, vz, light.key, facing, shift, albedo[1])
            else:
                shine = _gloss(nx, ny, nz, vx, vy, vz, light.key, gloss, sharpness)
                if kind == EYE:
                    shine = 0.6 * shine + _window(nx, ny, nz, vx, vy, vz) / (light.key_colour[1] + 0.2)
                    lit = 0.25 + 0.75 * lit
            rim_facing = max(0.0, nx * light.rim[0] + ny * light.rim[1] + nz * light.rim[2] + 0.1)
            edge = 0.10 * (1.0 - max(0.0, nx * vx + ny * vy + nz * vz)) ** 3
            edge *= 0.5 if kind == HAIR else (0.0 if kind == MOUTH else 1.0)
            upward = 0.5 + 0.5 * ny
            for k in range(3):
                diffuse = max(0.0, (facing + wrap[k]) / (1.0 + wrap[k]))
                diffuse *= 0.8 + 0.2 * diffuse  # about its power 1.2: a gentle start
                arrives, closed = lit, open_share
                if kind == SKIN:  # the edge of a shadow turns red: light seeps from the lit side
                    arrives += _SEEP[k] * lit * (1.0 - lit)
                    closed += _SEEP_AMBIENT[k] * open_share * (1.0 - open_share)
                ambient = (light.ground[k] + (light.sky[k] - light.ground[k]) * upward) * closed
                key = light.key_colour[k] * arrives * (0.35 + 0.65 * closed)
                rim = light.rim_colour[k] * rim_facing * closed
                value = albedo[k] * (ambient + key * diffuse + 0.8 * rim) + shine * key
                image[py, px, k] = value + edge * (ambient + rim * 1.6)


@njit(cache=True, error_model="numpy", inline="always")
def _half(vx, vy, vz, key):
    """Unit vector half-way between the viewer and the light."""
    hx, hy, hz = key[0] + vx, key[1] + vy, key[2] + vz
    m = math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
    return hx / m, hy / m, hz / m


@njit(cache=True, error_model="numpy", forceinline=True)
def _gloss(nx, ny, nz, vx, vy, vz, key, strength, sharpness):
    """Blinn and Phong's highlight with Schlick's Fresnel term, as a share of the key light."""
    hx, hy, hz = _half(vx, vy, vz, key)
    fresnel = 0.04 + 0.5 * (1.0 - max(0.0, vx * hx + vy * hy + vz * hz)) ** 5
    above = max(0.0, min(1.0, 4 * (nx * key[0] + ny * key[1] + nz * key[2])))
    return strength * fresnel * (sharpness + 8) / 25.0 * max(0.0, nx * hx + ny * hy + nz * hz) ** sharpness * above


@njit(cache=True, error_model="numpy", forceinline=True)
def _window(nx, ny, nz, vx, vy, vz):
    """The reflection of a window, up on the left, that keeps eyes alive in any light."""
    gx, gy, gz = vx - 0.42, vy + 0.62, vz + 0.65
    return 0.5 * max(0.0, (nx * gx + ny * gy + nz * gz) / math.sqrt(gx * gx + gy * gy + gz * gz)) ** 700


@njit(cache=True, error_model="numpy", forceinline=True)
def _hair_gloss(tx, ty, tz, vx, vy, vz, key, facing, shift, tint):
    """Highlights of a lock along t (Kajiya and Kay; two, as Marschner found), and how much it faces the light.

    Hair scatters by its direction as much as by its surface.
    """
    m = math.sqrt(tx * tx + ty * ty + tz * tz) + 1e-9
    hx, hy, hz = _half(vx, vy, vz, key)
    along_half = (tx * hx + ty * hy + tz * hz) / m + shift
    along_key = (tx * key[0] + ty * key[1] + tz * key[2]) / m
    white = max(0.0, 1.0 - (along_half - 0.06) ** 2) ** 60
    tinted = max(0.0, 1.0 - (along_half + 0.12) ** 2) ** 16
    front = max(0.0, min(1.0, facing * 1.6 + 0.4))
    across = math.sqrt(max(0.0, 1 - along_key * along_key)) * max(0.0, facing * 0.5 + 0.5)
    return front * (0.055 * white + 0.385 * tint * tinted), 0.55 * facing + 0.45 * across
