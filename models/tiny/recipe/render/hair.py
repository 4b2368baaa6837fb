"""Hair: the styles, and how locks grow on a scalp.

A lock starts at a root on the scalp, is combed, bent by gravity, curled, and kept out of the head on its way.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from .anatomy import Anatomy
from .hairline import scalp_cover
from .head import skull_distance, skull_normal
from .identity import Identity
from .locks import NO_LOCKS, Locks, join_locks, sweep_locks
from .noise import smoothstep
from .parts import Part, grid_triangles


class Style(NamedTuple):
    """How hair is cut and combed. Lengths in head units (10 cm)."""

    name: str
    top: float
    side: float
    back: float
    forward: float  # combing towards the face (negative: backwards)
    aside: float  # combing away from the parting
    lift: float  # standing up from the scalp
    gravity: float
    width: float  # of a lock
    curl: float  # radius of its curls
    pitch: float  # curls per unit of length
    layers: float  # thickness of the hair over the scalp
    crown: float  # share of the crown that is covered; 0 leaves a horseshoe
    bun: float  # radius of a bun; 0 for none
    fringe: float  # length of locks over the forehead; 0 for none


# From the shortest to the longest, as identity.sample_identity expects.
STYLES = (
    #      name          top   side  back  forw  aside lift  grav  width curl  pitch layers crown bun fringe
    Style("shaven",      0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  1.0, 0.0, 0.0),
    Style("buzz",        0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  0.0,  1.0, 0.0, 0.0),
    Style("horseshoe",   0.22, 0.26, 0.28, -0.6, 0.0,  0.20, 0.9,  0.12, 0.0,  0.0,  0.05, 0.0, 0.0, 0.0),
    Style("crop",        0.30, 0.16, 0.20, 1.0,  0.15, 0.22, 0.7,  0.12, 0.0,  0.0,  0.08, 1.0, 0.0, 0.0),
    Style("side part",   0.62, 0.20, 0.24, -0.1, 1.3,  0.45, 0.5,  0.14, 0.0,  0.0,  0.12, 1.0, 0.0, 0.0),
    Style("quiff",       0.52, 0.15, 0.20, -0.9, 0.1,  0.85, 0.2,  0.14, 0.0,  0.0,  0.12, 1.0, 0.0, 0.0),
    Style("slicked",     0.60, 0.40, 0.32, -1.4, 0.1,  0.18, 0.3,  0.13, 0.0,  0.0,  0.08, 1.0, 0.0, 0.0),
    Style("spiky",       0.28, 0.14, 0.20, 0.1,  0.2,  1.00, 0.1,  0.11, 0.0,  0.0,  0.05, 1.0, 0.0, 0.0),
    Style("short curls", 0.36, 0.24, 0.28, 0.25, 0.3,  0.70, 0.4,  0.12, 0.06, 5.0,  0.10, 1.0, 0.0, 0.0),
    Style("short afro",  0.22, 0.16, 0.18, 0.0,  0.0,  2.50, 0.0,  0.17, 0.02, 6.0,  0.02, 1.0, 0.0, 0.0),
    Style("afro",        0.52, 0.46, 0.46, 0.0,  0.0,  2.50, 0.1,  0.24, 0.03, 5.0,  0.02, 1.0, 0.0, 0.0),
    Style("fringe",      0.60, 0.55, 0.55, 0.7,  0.5,  0.20, 1.2,  0.14, 0.0,  0.0,  0.09, 1.0, 0.0, 0.44),
    Style("bun",         0.62, 0.55, 0.45, -1.6, 0.1,  0.15, 0.0,  0.13, 0.0,  0.0,  0.05, 1.0, 0.30, 0.0),
    Style("bob",         1.15, 0.95, 0.95, -0.2, 1.2,  0.30, 1.6,  0.16, 0.0,  0.0,  0.13, 1.0, 0.0, 0.0),
    Style("bob, fringe", 1.15, 0.95, 0.95, -0.1, 1.0,  0.30, 1.6,  0.16, 0.0,  0.0,  0.12, 1.0, 0.0, 0.46),
    Style("long curls",  1.45, 1.20, 1.20, -0.2, 1.1,  0.60, 1.1,  0.17, 0.09, 2.0,  0.16, 1.0, 0.0, 0.0),
    Style("long waves",  2.00, 1.70, 1.70, -0.2, 1.2,  0.40, 1.5,  0.17, 0.06, 1.5,  0.14, 1.0, 0.0, 0.0),
    Style("long",        2.10, 1.80, 1.80, -0.2, 1.2,  0.25, 1.8,  0.16, 0.0,  0.0,  0.11, 1.0, 0.0, 0.0),
    Style("long, fringe", 2.10, 1.80, 1.80, -0.1, 1.0, 0.25, 1.8,  0.16, 0.0,  0.0,  0.10, 1.0, 0.0, 0.48),
)  # fmt: skip


def style_of(i: Identity) -> Style:
    return STYLES[min(int(i.hair_style * len(STYLES)), len(STYLES) - 1)]


@njit(cache=True, error_model="numpy")
def _grow(roots, directions, lengths, phases, style, a, keep_off_face, points, normals):
    """Grows every lock: points and the head's outward normals along it, both [N, rings, 3].

    `keep_off_face` [N] is the side (-1, 1) on which a lock passes the face, or 0 if it may cover it.
    """
    gravity, curl, pitch, layers = style
    segments = points.shape[1] - 1
    for i in range(roots.shape[0]):
        x, y, z = roots[i]
        dx, dy, dz = directions[i]
        step = lengths[i] / segments
        offset = layers * (0.25 + 0.75 * phases[i, 0])
        for k in range(segments + 1):
            nx, ny, nz = skull_normal(x, y, z, a)
            points[i, k, 0], points[i, k, 1], points[i, k, 2] = x, y, z
            normals[i, k, 0], normals[i, k, 1], normals[i, k, 2] = nx, ny, nz
            dy -= gravity * step * 2.2
            n = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
            dx, dy, dz = dx / n, dy / n, dz / n
            x, y, z = x + dx * step, y + dy * step, z + dz * step
            room = offset * min(1.0, 0.35 + k / 3.0)
            d = skull_distance(x, y, z, a) - room
            if d < 0.0:
                x, y, z = x - nx * d, y - ny * d, z - nz * d
                along = dx * nx + dy * ny + dz * nz
                if along < 0.0:
                    dx, dy, dz = dx - nx * along, dy - ny * along, dz - nz * along
            side = keep_off_face[i]
            if side != 0.0 and z > 0.0 and y < 0.70:
                # The face is an upright elliptic column; hair passes beside it.
                depth = min(1.0, (z - 0.30) / 1.10)
                clear = (
                    (a.face_rx + 0.03 + 0.4 * room + 1.2 * curl)
                    * math.sqrt(max(0.0, 1.0 - depth * abs(depth)))
                    * smoothstep(0.72, 0.36, y)
                )
                if side * x < clear:
                    x += 0.75 * (side * clear - x)
                    dx = 0.5 * dx + 0.3 * side
            shoulder = -1.56 - 0.30 * max(0.0, abs(x) - 0.6)
            if y < shoulder and z > -0.9:
                y = shoulder + 0.02 * phases[i, 1]
                z += 0.6 * step if z > -0.2 else -0.6 * step
        if curl > 0.0:
            for k in range(segments + 1):
                grown = min(1.0, k / 4.0) * curl
                turn = 2 * math.pi * (pitch * step * k + phases[i, 1])
                nx, ny, nz = normals[i, k]
                out, across = grown * (0.5 + 0.5 * math.sin(turn)), grown * math.cos(turn)
                tx, tz = nz, -nx
                m = math.hypot(tx, tz) + 1e-6
                points[i, k, 0] += nx * out + across * tx / m
                points[i, k, 1] += ny * out
                points[i, k, 2] += nz * out + across * tz / m


def _scalp_points(a: Anatomy, count: int) -> np.ndarray:
    """Points spread evenly over the head (a golden spiral), pushed onto the skull."""
    k = np.arange(count) + 0.5
    up = 1 - 2 * k / count
    turn = k * math.pi * (3 - math.sqrt(5))
    ring = np.sqrt(1 - up**2)
    directions = np.stack([ring * np.sin(turn), up, ring * np.cos(turn)], 1)
    directions = directions[up > -0.75]
    return _onto_skull(directions, a)


@njit(cache=True, error_model="numpy")
def _onto_skull(directions, a):
    points = np.empty_like(directions)
    for i in range(directions.shape[0]):
        r = 1.6
        for _ in range(30):
            r -= 0.9 * skull_distance(
                r * directions[i, 0], 0.12 + r * directions[i, 1], -0.05 + r * directions[i, 2], a
            )
        points[i, 0], points[i, 1], points[i, 2] = (
            r * directions[i, 0],
            0.12 + r * directions[i, 1],
            -0.05 + r * directions[i, 2],
        )
    return points


@njit(cache=True, error_model="numpy")
def _scalp_state(points, a, height, recession, crown):
    cover = np.empty(len(points))
    normals = np.empty_like(points)
    for i in range(len(points)):
        cover[i] = scalp_cover(points[i, 0], points[i, 1], points[i, 2], height, recession, crown)
        normals[i, 0], normals[i, 1], normals[i, 2] = skull_normal(points[i, 0], points[i, 1], points[i, 2], a)
    return cover, normals


def build_hair(i: Identity, a: Anatomy) -> Locks:
    """The locks on the head of `i`; none for a shaven one."""
    style = style_of(i)
    if style.width == 0:
        return NO_LOCKS
    rng = np.random.Generator(np.random.PCG64([int(i.hair_style * 1e6), int((i.hair_parting + 1) * 1e6)]))
    long = style.gravity > 0.5 and max(style.side, style.back) > 0.5
    roots = _scalp_points(a, 760 if long else 1000)
    cover, normals = _scalp_state(roots, a, i.hairline_height, i.hairline_recession, style.crown)
    roots, normals = roots[cover > 0.5], normals[cover > 0.5]
    if len(roots) == 0:
        return NO_LOCKS
    n = len(roots)
    phases = rng.random((n, 3))

    # How much a root belongs to the top, the sides and the back.
    top = np.clip((roots[:, 1] - 0.50) / 0.35, 0, 1)
    back = (1 - top) * np.clip(-roots[:, 2] / 0.5, 0, 1)
    side = 1 - top - back
    lengths = (
        (top * style.top + side * style.side + back * style.back)
        * (1 + 0.30 * i.hair_length)
        * (0.88 + 0.24 * phases[:, 2])
    )

    parting = (0.25 if long else 0.50) * i.hair_parting
    away = np.where(roots[:, 0] > parting, 1.0, -1.0) * np.clip(np.abs(roots[:, 0] - parting) / 0.08, 0.6, 1)
    comb = np.zeros((n, 3))
    comb[:, 2] = style.forward
    comb[:, 0] = style.aside * away
    comb[:, 1] = -style.gravity * 0.25
    fringe = np.zeros(n, bool)
    if style.fringe > 0:
        fringe = (roots[:, 2] > 0.30) & (np.abs(roots[:, 0]) < 0.50) & (roots[:, 1] > 0.5)
        comb[fringe] = np.stack(
            [0.5 * roots[fringe, 0] - 0.3 * parting, np.full(fringe.sum(), -0.2), np.full(fringe.sum(), 1.5)], 1
        )
        reach = np.clip((0.95 - roots[fringe, 2]), 0, 1)
        lengths[fringe] = (style.fringe + 0.7 * reach) * (0.92 + 0.16 * phases[fringe, 2])
    comb += (phases - 0.5) * 0.35
    along = np.sum(comb * normals, 1, keepdims=True)
    directions = comb - along * normals + normals * style.lift * (1 + 0.3 * i.hair_volume) * (0.8 + 0.4 * phases[:, :1])
    if style.name == "bun":
        directions[:] = np.array([0.0, 0.75, -0.85]) - roots + 0.15 * normals
        lengths = np.minimum(lengths, np.linalg.norm(np.array([0.0, 0.75, -0.85]) - roots, axis=1) * 1.1)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True) + 1e-9

    widths = style.width * 0.62 * (0.75 + 0.5 * rng.random(n))
    curl = style.curl + 0.05 * i.hair_wave * (style.gravity > 0.3)
    pitch = style.pitch if style.pitch > 0 else 1.8
    settings = (style.gravity, curl, pitch, style.layers * (1 + 0.4 * i.hair_volume))
    rings = (17 if curl > 0.03 else 12) if long else (11 if curl > 0 else 6)
    points, along_normals = np.zeros((n, rings, 3)), np.zeros((n, rings, 3))
    sides = np.where(fringe, 0.0, np.sign(away)) if long else np.zeros(n)
    _grow(roots - 0.02 * normals, directions, lengths, phases, settings, a, sides, points, along_normals)
    t = np.linspace(0, 1, rings)
    shape = np.minimum(1.0, 0.75 + 2 * t) * np.sqrt(np.clip(1.0 - t**3.0, 0.0, 1))
    flatness = 0.9 if style.lift > 2 else 0.42
    locks = sweep_locks(points, along_normals, widths, shape, flatness, phases)
    return join_locks(locks, _bun(style.bun * (1 + 0.25 * i.hair_volume))) if style.bun > 0 else locks


def _bun(radius: float) -> Locks:
    """A ball of hair above the back of the head."""
    polar, around = (
        np.linspace(0.02, math.pi - 0.02, 14)[:, None],
        np.linspace(0, 2 * math.pi, 24, endpoint=False)[None],
    )
    unit = np.stack(
        np.broadcast_arrays(np.sin(polar) * np.sin(around), np.cos(polar), np.sin(polar) * np.cos(around)), -1
    )
    bumps = 1 + 0.05 * np.sin(5 * around + 4 * polar)[..., None]
    points = np.array([0.0, 1.10, -0.52]) + radius * bumps * unit
    extra = np.stack(
        np.broadcast_arrays(around / (2 * math.pi) * 6 % 1, polar * radius, 0.5 + 0.3 * np.sin(3 * around + 4 * polar)),
        -1,
    )
    tangents = np.broadcast_to(np.stack([np.cos(around), 0 * around, -np.sin(around)], -1), points.shape)
    return Locks(
        Part(points.reshape(-1, 3), grid_triangles(14, 24, closed=True), extra.reshape(-1, 3)), tangents.reshape(-1, 3)
    )
