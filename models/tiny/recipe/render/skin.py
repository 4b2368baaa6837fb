"""The skin's colour and gloss at a point of the resting head: tone, marks, age, features, and the hair that it grows.

Everything is painted in the resting head's coordinates, so it moves with the skin.
"""

import math

from numba import njit

from .beard import beard_cover
from .colour import mix, scale
from .hairline import scalp_cover
from .head import almond, lid_edges
from .noise import smoothstep, spots, value_noise


@njit(cache=True, error_model="numpy", inline="always")
def _bump(x, y, rx, ry):
    return math.exp(-((x / rx) ** 2) - (y / ry) ** 2)


@njit(cache=True, error_model="numpy", forceinline=True)
def skin(x, y, z, ear, a, p, look):
    """Albedo (linear RGB) and gloss (0 to 1); `ear` tells the skin of an ear (Anatomy a, Paint p)."""
    colour, gloss = _tone(x, y, z, ear, a, p), 0.45
    if ear:
        return colour, gloss
    if z > 0.15 and y < 0.75:
        colour = _marks(x, y, z, p, colour)
        colour = _age(x, y, z, a, look.wrinkle, colour)
    if z > 0.3:
        if abs(y - a.mouth_y) < 0.2:
            colour, gloss = _lips(x, y, a, p, colour, gloss)
        if abs(y - a.base_y) < 0.12:
            hole = _bump(abs(x) - 0.50 * a.wing_x, y - a.base_y + 0.018, 0.038, 0.030)
            hole *= smoothstep(a.tip_z - 0.34, a.tip_z - 0.26, z)
            colour = mix(colour, scale(p.skin, 0.10, 0.05, 0.04), 0.85 * min(1.0, 1.25 * hole))
        if abs(y) < 0.28:
            colour = _lids(x, y, a, p, look.blink_left if x > 0 else look.blink_right, look.wide, colour)
        if 0.0 < y < 0.5:
            colour = mix(colour, p.brow, min(0.95, brow_cover(x, y, a, p.brow_density)))
    return _hair(x, y, z, a, p, colour, gloss)


@njit(cache=True, error_model="numpy", forceinline=True)
def _tone(x, y, z, ear, a, p):
    """The skin's own colour, mottled, with blood near the surface of cheeks, nose, chin and ears."""
    mottle = value_noise(x * 9.0, y * 9.0, z * 9.0) - 0.5
    fine = value_noise(x * 34.0, y * 34.0, z * 34.0) - 0.5
    red = 0.35 if ear else 0.0
    if z > 0.15 and y < 0.1:
        blood = 0.75 * _bump(abs(x) - 0.40, y + 0.28, 0.17, 0.14) + 0.3 * _bump(x, y - a.chin_y, 0.2, 0.1)
        blood += 0.8 * _bump(x, y - a.tip_y, 0.13, 0.10) * (z > 0.9)
        red += blood * smoothstep(0.15, 0.45, z) * (0.18 + 0.82 * p.ruddiness)
    r = (1 + 0.05 * mottle + 0.04 * fine) * (1 - 0.04 * red)
    g = (1 + 0.09 * mottle + 0.05 * fine) * (1 - 0.34 * red)
    b = (1 + 0.10 * mottle + 0.05 * fine) * (1 - 0.32 * red)
    return scale(p.skin, r, g, b)


@njit(cache=True, error_model="numpy", forceinline=True)
def _marks(x, y, z, p, colour):
    """Freckles over nose and cheeks, and moles."""
    if p.freckles > 0.02 and y < 0.5:
        where = _bump(abs(x) - 0.28, y + 0.20, 0.36, 0.28)
        if where > 0.08:
            d, value = spots(x * 21.0, y * 21.0, z * 21.0)
            dark = smoothstep(0.34, 0.16, d) * (value < p.freckles * 1.1) * where
            colour = scale(colour, 1 - 0.32 * dark, 1 - 0.46 * dark, 1 - 0.55 * dark)
    for k in range(p.moles.shape[0]):
        r = p.moles[k, 2]
        if abs(x - p.moles[k, 0]) < 1.2 * r and z > 0.3:
            dark = smoothstep(1.15, 0.7, math.hypot(x - p.moles[k, 0], y - p.moles[k, 1]) / r)
            colour = mix(colour, (0.035, 0.018, 0.012), 0.8 * dark)
    return colour


@njit(cache=True, error_model="numpy", inline="always")
def _ridge(phase):
    """Distance from the middle between two lines, 0, to the nearest line, 1; there is a line at every whole phase."""
    return abs(phase % 1.0 - 0.5) * 2


@njit(cache=True, error_model="numpy", forceinline=True)
def _age(x, y, z, a, wrinkle, colour):
    """Lines across the forehead, crow's feet, bags and shadows under the eyes, folds from nose to mouth."""
    ax = abs(x)
    line = 0.0
    forehead = a.age * a.age * 0.8 + wrinkle
    if forehead > 0.03 and y > 0.28:
        wave = y + 0.02 * math.sin(7 * x + 2) + 0.03 * value_noise(x * 3, 0.5, 7.0)
        where = smoothstep(0.46, 0.30, ax) * smoothstep(0.30, 0.38, y) * smoothstep(0.68, 0.55, y)
        line = smoothstep(0.75, 1.0, _ridge((wave - 0.30) / 0.095)) * where * forehead
    if a.age > 0.3 and -0.2 < y < 0.09:
        out = ax - a.eye_x - a.eye_w * 1.05
        if 0.0 < out < 0.14 and y > -0.09:
            where = smoothstep(0.0, 0.03, out) * smoothstep(0.14, 0.06, out) * smoothstep(0.09, 0.05, abs(y))
            feet = smoothstep(0.7, 1.0, _ridge(3.2 * math.atan2(y, out + 0.06)))
            line = max(line, feet * where * (a.age - 0.3))
        bag = _bump(ax - a.eye_x, y + a.lid_lower + 0.075, 0.13, 0.012)
        line = max(line, bag * (a.age - 0.2) * 0.8)
    t = (a.base_y + 0.05 - y) / (a.base_y + 0.05 - a.mouth_y + 0.03)  # 0 at the nose's wing, 1 at the mouth's corner
    if 0.0 < t < 1.15 and z > 0.5:
        fold = a.wing_x + 0.075 + (a.mouth_w + 0.06 - a.wing_x - 0.075) * t**0.9
        where = smoothstep(1.15, 0.8, t) * smoothstep(0.0, 0.2, t)
        line = max(line, math.exp(-(((ax - fold) / 0.018) ** 2)) * where * (0.06 + 0.42 * a.age))
    tired = 0.0
    if abs(y + 0.115) < 0.15:
        tired = _bump(ax - a.eye_x + 0.05, y + 0.115, 0.13, 0.05) * smoothstep(0.15, 0.45, z) * (0.10 + 0.35 * a.age)
    return scale(colour, 1 - 0.40 * line - 0.28 * tired, 1 - 0.50 * line - 0.38 * tired, 1 - 0.50 * line - 0.30 * tired)


@njit(cache=True, error_model="numpy", forceinline=True)
def lip_cover(x, y, a):
    """How much a point of the face's front is lip, 0 to 1."""
    s = abs(x) / a.mouth_w
    if s > 1.05:
        return 0.0
    thin = math.sqrt(max(0.0, 1.0 - min(1.0, s) ** 2.2))
    curve = a.lip_corner * (s * s - 0.25)
    bow = a.lip_bow * math.exp(-((s / 0.16) ** 2))
    top = (1.70 * a.lip_upper) * thin - bow
    bottom = -(1.75 * a.lip_lower) * thin
    v = y - a.mouth_y - curve
    return smoothstep(top + 0.010, top - 0.010, v) * smoothstep(bottom - 0.012, bottom + 0.010, v)


@njit(cache=True, error_model="numpy", forceinline=True)
def _lips(x, y, a, p, colour, gloss):
    """The red of the lips and the dark line between them."""
    lip = lip_cover(x, y, a)
    if lip > 0:
        grain = 1 + 0.12 * (value_noise(x * 60.0, y * 9.0, 1.0) - 0.5)
        colour = mix(colour, scale(p.lips, grain, grain, grain), 0.92 * lip)
        gloss += 0.45 * lip
        between = y - a.mouth_y - a.lip_corner * ((x / a.mouth_w) ** 2 - 0.25)
        dark = math.exp(-((between / 0.010) ** 2)) * lip
        colour = scale(colour, 1 - 0.50 * dark, 1 - 0.65 * dark, 1 - 0.65 * dark)
    return colour, gloss


@njit(cache=True, error_model="numpy", forceinline=True)
def brow_cover(x, y, a, density):
    """How much a point of the forehead is eyebrow, 0 to 1: strokes inside a tapering arch."""
    t = (abs(x) - a.brow_in) / (a.brow_out - a.brow_in)
    if t < -0.08 or t > 1.05:
        return 0.0
    centre = a.brow_y + a.brow_arch * (1.0 - ((t - 0.60) / 0.60) ** 2) + a.brow_drop * (t - 0.3)
    half = a.brow_half * (0.80 + 0.5 * t if t < 0.4 else 1.0) * (1.0 - 0.80 * smoothstep(0.45, 1.02, t))
    across = (y - centre) / half
    if abs(across) > 1.7:
        return 0.0
    # Hairs lean outwards, more so towards the temple.
    strokes = value_noise((abs(x) - (y - centre) * (0.4 + 1.2 * t)) * 75.0, across * 1.3, 3.7 + (x > 0.0))
    edge = 1.0 - abs(across) + 0.55 * (strokes - 0.45)
    return density * smoothstep(-0.12, 0.35, edge) * smoothstep(-0.08, 0.04, t) * (0.60 + 0.55 * strokes)


@njit(cache=True, error_model="numpy", forceinline=True)
def _lids(x, y, a, p, blink, wide, colour):
    """Lash lines, the crease and the shade of the lids."""
    along, up = almond(x, y, a)
    if abs(along) > 1.35 or abs(up) > 0.28:
        return colour
    upper, lower = lid_edges(along, a, blink, wide)
    within = smoothstep(1.30, 0.95, abs(along))
    thick = 0.010 + 0.016 * p.lashes * (0.6 + 0.4 * along)
    lash = (
        smoothstep(thick + 0.008, thick * 0.5, up - upper)
        * (up > upper - 0.02)
        * smoothstep(1.12 + 0.12 * p.lashes, 0.9, abs(along))
    )
    colour = mix(colour, (0.012, 0.009, 0.008), lash * (0.45 + 0.5 * p.lashes))
    under = smoothstep(0.020, 0.004, lower - up) * (up < lower + 0.01) * smoothstep(1.05, 0.8, abs(along))
    colour = mix(colour, scale(p.skin, 0.55, 0.36, 0.34), 0.55 * under)
    open_upper, _ = lid_edges(along, a, 0.0, wide)
    if p.crease > 0:
        fold = math.exp(-(((up - open_upper - p.crease) / 0.011) ** 2)) * within
        colour = scale(colour, 1 - 0.42 * fold, 1 - 0.52 * fold, 1 - 0.52 * fold)
    shade = smoothstep(0.10, 0.0, up - open_upper) * (up > lower) * within
    colour = scale(colour, 1 - 0.10 * shade, 1 - 0.17 * shade, 1 - 0.15 * shade)
    return colour


@njit(cache=True, error_model="numpy", forceinline=True)
def _hair(x, y, z, a, p, colour, gloss):
    """Stubble and the ground of a beard, and the scalp between the locks."""
    if p.stubble > 0.01 and y < 0.05:
        beard = beard_cover(x, y, z, a, p.beard_moustache, p.beard_chin, p.beard_jaw)
        if beard > 0:
            grain = value_noise(x * 70.0, y * 70.0, z * 70.0)
            colour = mix(colour, p.beard, min(0.92, p.stubble * beard * (0.65 + 0.7 * grain)))
            gloss *= 1 - 0.5 * beard * p.stubble
    if p.scalp > 0.01 and y > -0.75 and (z < 0.55 or y > 0.45):
        inside = scalp_cover(x, y, z, p.hairline_height, p.hairline_recession, p.crown)
        if inside > -4.0:
            grain = value_noise(x * 55.0, y * 55.0, z * 55.0)
            cover = smoothstep(-2.5, 3.0, inside + 5.0 * (grain - 0.5)) * (0.82 + 0.36 * grain)
            colour = mix(colour, scale(p.hair, p.roots, p.roots, p.roots), min(0.97, p.scalp * cover))
            gloss *= 1 - 0.6 * cover * p.scalp
    return colour, gloss
