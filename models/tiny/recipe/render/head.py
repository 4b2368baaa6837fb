"""The head's shape: a signed distance, smooth unions of ellipsoids and round cones, and the mesh wrapped around it."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from .anatomy import Anatomy


@njit(cache=True, error_model="numpy", inline="always")
def _union(a, b, k):
    """The smaller of two distances, blended over a width of `k` (polynomial smooth minimum, Quilez)."""
    h = max(k - abs(a - b), 0.0) / k
    return min(a, b) - h * h * k * 0.25


@njit(cache=True, error_model="numpy", inline="always")
def _without(a, b, k):
    """`a` with `b` carved out, blended over a width of `k`."""
    return -_union(-a, b, k)


@njit(cache=True, error_model="numpy", inline="always")
def _ellipsoid(x, y, z, rx, ry, rz):
    """First-order distance to an ellipsoid at the origin."""
    k0 = math.sqrt((x / rx) ** 2 + (y / ry) ** 2 + (z / rz) ** 2)
    k1 = math.sqrt((x / rx**2) ** 2 + (y / ry**2) ** 2 + (z / rz**2) ** 2)
    return k0 * (k0 - 1.0) / (k1 + 1e-9)


@njit(cache=True, error_model="numpy", inline="always")
def _cone(x, y, z, ax, ay, az, ra, bx, by, bz, rb):
    """Distance to a capsule from a to b whose radius runs from ra to rb (exact enough for small differences)."""
    dx, dy, dz = bx - ax, by - ay, bz - az
    px, py, pz = x - ax, y - ay, z - az
    t = min(1.0, max(0.0, (px * dx + py * dy + pz * dz) / (dx * dx + dy * dy + dz * dz)))
    return math.sqrt((px - t * dx) ** 2 + (py - t * dy) ** 2 + (pz - t * dz) ** 2) - (ra + (rb - ra) * t)


@njit(cache=True, error_model="numpy", inline="always")
def muzzle_front(a, x):
    """z of the muzzle's front, where the lips lie, at `x`."""
    return a.muzzle_z + 0.355 * math.sqrt(max(0.12, 1.0 - (x / 0.45) ** 2))


@njit(cache=True, error_model="numpy")
def skull_distance(x, y, z, a):
    """Distance to cranium, cheeks, jaw and neck: the head without its small features, for hair to rest on."""
    ax = abs(x)
    d = _ellipsoid(x, y - a.cranium_y, z + 0.05, a.cranium_rx, a.cranium_ry, a.cranium_rz)
    d = _union(d, _ellipsoid(x, y - 0.36, z - a.forehead_z, 0.60 + a.temple, 0.46, 0.55), 0.22)
    d = _union(d, _ellipsoid(x, y + 0.25, z - 0.30, a.face_rx, 0.55, 0.50), 0.20)
    d = _union(d, _ellipsoid(ax - a.cheekbone_x, y + 0.20, z - a.cheekbone_z, 0.19, 0.13, 0.22), 0.16)
    # Jaw: from its angle to the chin, and the floor between the two sides.
    jaw = _cone(ax, y, z, a.jaw_x, a.jaw_y, 0.10, a.jaw_r, a.chin_rx * 0.55, a.chin_y + 0.02, a.chin_z - 0.14, 0.15)
    jaw = _union(jaw, _cone(ax, y, z, a.jaw_x, a.jaw_y, 0.10, a.jaw_r, a.jaw_x + 0.04, -0.15, 0.05, 0.13), 0.1)
    jaw = _union(jaw, _ellipsoid(x, y - a.chin_y - 0.26, z - 0.34, a.jaw_x + 0.02, 0.30, 0.50), 0.15)
    d = _union(d, jaw, 0.16)
    d = _union(d, _ellipsoid(ax - 0.30, y + 0.52, z - 0.42, a.cheek_r, 0.30, a.cheek_r + 0.02), 0.18)
    if a.fat > 0:
        d = _union(d, _ellipsoid(x, y - a.chin_y - 0.02, z - 0.40, 0.42, 0.16 + 0.12 * a.fat, 0.34), 0.15)
    d = _union(d, _ellipsoid(x, y - a.chin_y - 0.015, z - a.chin_z, a.chin_rx, 0.135, 0.16), 0.14)
    neck = _cone(x, y, z, 0.0, -0.5, -0.12, a.neck_r, 0.0, -1.9, -0.30, a.neck_r + 0.02)
    return _union(d, neck, 0.16)


@njit(cache=True, error_model="numpy")
def head_distance(x, y, z, a):
    """Distance to the whole face at rest, eyes closed; the almonds are cut in image space (see raster)."""
    ax = abs(x)
    d = skull_distance(x, y, z, a)
    if z < 0.3 or y > 0.55 or y < a.chin_y - 0.3:
        return d

    # Brow ridge, then the sockets below it.
    d = _union(d, _cone(ax, y, z, 0.0, 0.20, 0.80, 0.08, 0.46, 0.20, 0.62, 0.08), 0.10)
    d = _union(d, _cone(ax, y, z, 0.05, 0.20, 0.79 + 0.05 * a.brow_ridge, 0.06, 0.40, 0.235, 0.69, 0.05), 0.14)
    d = _without(d, _ellipsoid(ax - a.eye_x, y - 0.005, z - 0.93, 0.235, 0.15, 0.14 + 0.05 * a.socket), 0.14)
    d = _without(d, _ellipsoid(ax - 0.17, y - 0.02, z - 0.98, 0.09, 0.10, 0.14), 0.12)
    d = _union(d, _ellipsoid(ax - a.eye_x, y, z - a.eye_z, a.eye_r + 0.022, a.eye_r + 0.014, a.eye_r + 0.016), 0.035)

    # Muzzle and lips. A lip is a tube that follows the muzzle and thins out towards the corners.
    d = _union(d, _ellipsoid(x, y - a.mouth_y - 0.02, z - a.muzzle_z, 0.45, 0.32, 0.335), 0.16)
    s = ax / a.mouth_w
    if s < 1.15:
        thin = math.sqrt(max(0.0, 1.0 - min(1.0, s) ** 2.2))
        zl = muzzle_front(a, ax)
        curve = a.lip_corner * (s * s - 0.25)
        bow = a.lip_bow * (1.0 - math.exp(-(((s - 0.28) / 0.2) ** 2))) if s < 0.28 else 0.0
        ru, rl = a.lip_upper * thin + 0.004, a.lip_lower * thin + 0.004
        yu = y - (a.mouth_y + curve + 0.75 * ru - 0.6 * bow)
        d = _union(d, math.hypot(yu * 0.9, z - zl + 0.42 * ru) - ru, 0.035)
        yl = y - (a.mouth_y + curve - 0.80 * rl)
        d = _union(d, math.hypot(yl * 0.85, z - zl + 0.58 * rl + 0.01) - rl, 0.035)
        # The crease between them, and the groove from nose to lip.
        d = _without(d, math.hypot(y - a.mouth_y - curve, z - zl - 0.035) - 0.024 * thin, 0.03)
    d = _without(d, _cone(x, y, z, 0.0, a.base_y - 0.03, 1.045, 0.03, 0.0, a.mouth_y + 0.11, 1.055, 0.035), 0.06)
    d = _without(
        d, _ellipsoid(x, y - 0.5 * (a.mouth_y + a.chin_y) - 0.01, z - a.chin_z - 0.30, 0.24, 0.055, 0.10), 0.12
    )
    if a.chin_cleft > 0:
        d = _without(d, _ellipsoid(x, y - a.chin_y, z - a.chin_z - 0.19, 0.022, 0.10, 0.075 * a.chin_cleft), 0.05)

    # Fold from the wing of the nose to the corner of the mouth; deeper with age.
    fold = _cone(
        ax, y, z, a.wing_x + 0.09, a.base_y + 0.06, 0.985, 0.02, a.mouth_w + 0.075, a.mouth_y + 0.01, 0.875, 0.02
    )
    d = _without(d, fold - 0.015 * a.age, 0.06 + 0.03 * a.age)

    # Nose: bridge in two pieces (the hump bends it), flanks, tip, wings, and the nostrils.
    mid_y, mid_z = 0.45 * a.tip_y, 0.5 * (a.nasion_z + a.tip_z) + a.hump
    nose = _cone(x, y, z, 0.0, 0.10, a.nasion_z - 0.07, a.bridge_r, 0.0, mid_y, mid_z - 0.08, a.bridge_r + 0.012)
    tip_x, tip_z = a.tip_r * 1.08, a.tip_z - a.tip_r
    nose = _union(
        nose, _cone(x, y, z, 0.0, mid_y, mid_z - 0.08, a.bridge_r + 0.012, 0.0, a.tip_y, tip_z, 0.8 * a.tip_r), 0.06
    )
    flank = _cone(ax, y, z, 0.03, 0.02, a.nasion_z - 0.12, 0.06, a.wing_x - 0.03, a.base_y + 0.07, a.tip_z - 0.24, 0.09)
    nose = _union(nose, flank, 0.10)
    nose = _union(nose, _ellipsoid(x, y - a.tip_y, z - tip_z, tip_x, a.tip_r * 0.95, a.tip_r), 0.06)
    wing_y, wing_z = y - a.base_y - 0.055, z - a.tip_z + 0.19
    wings = _ellipsoid(ax - a.wing_x, wing_y, wing_z, a.wing_r * 0.80, a.wing_r * 0.95, a.wing_r * 1.25)
    nose = _union(nose, wings, 0.06)
    nose = _union(nose, _ellipsoid(x, y - a.base_y - 0.02, z - a.tip_z + 0.16, 0.05, 0.06, 0.13), 0.06)
    d = _union(d, nose, 0.10)
    nostril_x, nostril_z = 0.50 * a.wing_x, z - a.tip_z + 0.165
    return _without(d, _ellipsoid(ax - nostril_x, y - a.base_y + 0.03, nostril_z, 0.040, 0.04, 0.065), 0.035)


# Rows of the mesh, crown to the foot of the neck: rays leave the axis at height y0 and depth z0, at an elevation.
_ROWS = np.array(
    # share of rows, y0, z0, elevation in degrees
    [
        (0.000, 0.36, 0.00, 90.0),
        (0.120, 0.36, 0.00, 42.0),
        (0.200, 0.30, 0.00, 17.0),
        (0.270, 0.18, 0.00, 4.0),
        (0.400, -0.04, 0.00, -3.0),
        (0.540, -0.30, 0.00, -9.0),
    ]
)
_ROWS_BELOW_MOUTH = np.array(
    [
        (0.00, 0.0, 0.00, -9.0),
        (0.40, -0.28, 0.00, -13.0),
        (0.56, -0.36, 0.02, -24.0),
        (0.70, -0.55, -0.05, -24.0),
        (0.80, -0.80, -0.16, -8.0),
        (1.00, -1.22, -0.28, 0.0),
    ]
)
UPPER_ROWS = 84
LOWER_ROWS = 52
COLUMNS = 124


class HeadMesh(NamedTuple):
    """The head's skin at rest. Rows run from the crown down, columns around from the back; the mouth is a slit."""

    positions: np.ndarray  # [V, 3] float64
    triangles: np.ndarray  # [T, 3] int32, counter-clockwise seen from outside
    lower: np.ndarray  # [V] bool: below the slit
    inner: np.ndarray  # [V] bool: on the lips' inside


@njit(cache=True, error_model="numpy")
def _project(origins, directions, a, out):
    """The outermost point of the head on each ray, marched inwards from outside."""
    for i in range(origins.shape[0]):
        ox, oy, oz = origins[i]
        dx, dy, dz = directions[i]
        r = 1.75
        for _ in range(48):
            d = head_distance(ox + r * dx, oy + r * dy, oz + r * dz, a)
            r -= 0.85 * d
            if abs(d) < 0.0015 or r < 0.05:
                break
        out[i, 0], out[i, 1], out[i, 2] = ox + r * dx, oy + r * dy, oz + r * dz


def _row_table(a: Anatomy) -> np.ndarray:
    """y0, z0, elevation of every row; the last upper and the first lower row are both the line between the lips."""
    front = muzzle_front(a, 0.0)
    slit_y0 = a.mouth_y + front * math.tan(math.radians(9.0))
    upper = np.vstack([_ROWS, [(1.0, slit_y0, 0.0, -9.0)]])
    # Rows between nose and mouth move with the mouth.
    upper[-2, 1] = slit_y0 + 0.215
    lower = _ROWS_BELOW_MOUTH.copy()
    stretch = (a.chin_y - a.mouth_y) / (-0.985 + 0.65)
    lower[:3, 1] = slit_y0 + lower[:3, 1] * stretch
    lower[3:, 1] += slit_y0
    tables = []
    for table, count in ((upper, UPPER_ROWS), (lower, LOWER_ROWS)):
        t = np.linspace(0, 1, count)
        tables.append(np.stack([np.interp(t, table[:, 0], table[:, k]) for k in (1, 2, 3)], 1))
    rows = np.vstack(tables)
    smooth = rows.copy()
    for _ in range(6):
        smooth[1:-1] = (smooth[:-2] + 2 * smooth[1:-1] + smooth[2:]) / 4
        smooth[UPPER_ROWS - 2 : UPPER_ROWS + 2] = rows[UPPER_ROWS - 2 : UPPER_ROWS + 2]
    return smooth


def build_head(a: Anatomy) -> HeadMesh:
    """Wraps the mesh around the head `a`."""
    rows = _row_table(a)
    # Azimuth 0 is the front, where columns are three times as dense as at the back.
    t = np.linspace(-1, 1, COLUMNS, endpoint=False) + 1.0 / COLUMNS
    azimuth = math.pi * (0.55 * t + 0.45 * t**3)
    elevation = np.radians(rows[:, 2])[:, None]
    directions = np.stack(
        np.broadcast_arrays(
            np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)
        ),
        -1,
    ).reshape(-1, 3)
    origins = np.zeros((len(rows), COLUMNS, 3))
    origins[..., 1] = rows[:, 0, None]
    origins[..., 2] = rows[:, 1, None]
    positions = np.empty_like(directions)
    _project(origins.reshape(-1, 3), directions, a, positions)

    index = np.arange(len(rows) * COLUMNS, dtype=np.int32).reshape(len(rows), COLUMNS)
    above, below = UPPER_ROWS - 1, UPPER_ROWS
    line = positions.reshape(len(rows), COLUMNS, 3)
    line[below] = line[above]
    in_slit = (np.abs(line[above, :, 0]) < a.mouth_w) & (line[above, :, 2] > 0.3)
    welded = index.copy()
    welded[below] = np.where(in_slit, index[below], index[above])

    # The lips' inside: two more rows behind the slit, for each lip.
    slit = np.flatnonzero(in_slit)
    extra, strips = [], []
    count = len(positions)
    for sign, edge in ((1.0, index[above, slit]), (-1.0, index[below, slit])):
        previous = edge
        for dy, dz in ((0.012, -0.05), (0.03, -0.13)):
            extra.append(positions[edge] + np.array([0.0, sign * dy, dz]))
            row = np.arange(count, count + len(slit), dtype=np.int32)
            count += len(slit)
            strips.append((row, previous) if sign > 0 else (previous, row))
            previous = row
    triangles = [_strip(welded[k], welded[k + 1], closed=True) for k in range(len(rows) - 1) if k != above]
    triangles += [_strip(top, bottom, closed=False) for top, bottom in strips]
    positions = np.vstack([positions, *extra])
    lower = np.arange(len(positions)) >= below * COLUMNS
    inner = np.arange(len(positions)) >= len(rows) * COLUMNS
    lower[len(rows) * COLUMNS : len(rows) * COLUMNS + 2 * len(slit)] = False
    return HeadMesh(positions, np.vstack(triangles).astype(np.int32), lower, inner)


def _strip(top: np.ndarray, bottom: np.ndarray, closed: bool) -> np.ndarray:
    """Triangles between two rows of vertices, counter-clockwise seen from outside; `closed` joins the ends."""
    if closed:
        a, b, c, d = top, np.roll(top, -1), bottom, np.roll(bottom, -1)
    else:
        a, b, c, d = top[:-1], top[1:], bottom[:-1], bottom[1:]
    return np.vstack([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])


@njit(cache=True, error_model="numpy")
def skull_normal(x, y, z, a):
    """Outward unit normal of the plain skull, by central differences."""
    e = 0.01
    nx = skull_distance(x + e, y, z, a) - skull_distance(x - e, y, z, a)
    ny = skull_distance(x, y + e, z, a) - skull_distance(x, y - e, z, a)
    nz = skull_distance(x, y, z + e, a) - skull_distance(x, y, z - e, a)
    n = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
    return nx / n, ny / n, nz / n


@njit(cache=True, error_model="numpy", inline="always")
def almond(x, y, a):
    """Eye coordinates of a point (x, y) of the face at rest: along (-1 inner to 1 outer corner) and height above the axis."""
    dx, dy = abs(x) - a.eye_x, y
    return (dx * a.eye_cos + dy * a.eye_sin) / a.eye_w, dy * a.eye_cos - dx * a.eye_sin


@njit(cache=True, error_model="numpy", inline="always")
def lid_edges(along, a, blink, wide):
    """Heights of the upper and lower lid's edge; `blink` 0 open to 1 closed, `wide` raises the upper lid."""
    s = min(1.0, abs(along))
    skew = 1.0 - 0.08 * along  # highest a little towards the nose
    upper = a.lid_upper * (1.0 + 0.35 * wide) * (1.0 - s**2.3) ** 0.85 * skew
    lower = -a.lid_lower * (1.0 - s**2.6) * (1.0 + 0.22 * along)
    meet = 0.75 * lower + 0.1 * upper
    return upper + (meet - upper) * blink, lower + (meet - lower) * blink * 0.98


@njit(cache=True, error_model="numpy")
def cut_open(x, y, z, a, blink_left, blink_right, wide):
    """Whether a point of the resting skin lies in the opening of an eye, so that the ball shows."""
    if z < a.eye_z or y > 0.25 or y < -0.25:
        return False
    along, up = almond(x, y, a)
    if abs(along) >= 1.0:
        return False
    upper, lower = lid_edges(along, a, blink_left if x > 0 else blink_right, wide)
    return lower < up < upper
