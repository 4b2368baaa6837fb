"""What a point of a surface is made of, before light: its colour, its gloss, and how it takes light.

Every function is compiled and evaluated per pixel, in the resting head's coordinates. Colours are linear RGB.
"""

import math
from typing import NamedTuple

from numba import njit

from .colour import mix, scale
from .head import almond, lid_edges
from .noise import smoothstep, value_noise
from .skin import skin

SKIN, EYE, TEETH, MOUTH, HAIR, BEARD, CLOTH = range(7)

IRIS_RADIUS = 0.66  # radians on the eyeball
PUPIL_RADIUS = 0.23


class Look(NamedTuple):
    """The parts of the conditions that materials depend on."""

    gaze: tuple[float, float, float]  # unit vector, head space
    blink_left: float
    blink_right: float
    wide: float  # how far the upper lids are raised
    wrinkle: float  # how much the brows fold the forehead
    cloth: tuple[float, float, float]
    cloth_pattern: float


@njit(cache=True, error_model="numpy", forceinline=True)
def surface(kind, x, y, z, e0, e1, e2, a, p, look):
    """What there is at a point of the resting person, for any material.

    e0, e1, e2: the part's `extra`. Returns albedo; strength and sharpness of its gloss; how far light wraps around it, per
    channel (skin is translucent); how far over it a shadow's caster must be; and a shift of the gloss along a lock.
    """
    if kind == SKIN:
        albedo, gloss = skin(x, y, z, e1 > 0.5, a, p, look)
        inside = min(1.0, e0)  # of the lips
        albedo = scale(albedo, 1 - 0.75 * inside, 1 - 0.9 * inside, 1 - 0.9 * inside)
        return albedo, gloss, 16.0 + 30.0 * max(0.0, gloss - 0.45), (0.46, 0.26, 0.18), 0.035, 0.0
    if kind == EYE:
        return eye(x, y, z, a, p, look), 2.2, 420.0, (0.5, 0.5, 0.5), 0.14, 0.0
    if kind == TEETH:
        return teeth(e0, e1, e2), 0.8, 60.0, (0.4, 0.4, 0.4), 0.10, 0.0
    if kind == MOUTH:
        return (0.10, 0.022, 0.020), 0.1, 18.0, (0.15, 0.15, 0.15), 0.035, 0.0
    if kind == CLOTH:
        return cloth(e0, e1, look.cloth, look.cloth_pattern), 0.08, 18.0, (0.15, 0.15, 0.15), 0.035, 0.0
    streak, own = strands(e0, e1, e2)
    bright = (0.45 + 0.95 * streak) * (0.86 + 0.28 * own)
    bright *= 0.55 + 0.45 * min(1.0, e1 / 0.18) if kind == HAIR else 0.9  # dark at the roots
    albedo = scale(p.hair if kind == HAIR else p.beard, bright, bright, bright)
    return albedo, 0.3, 18.0, (0.35, 0.35, 0.35), 0.06, 0.35 * (streak - 0.5)


@njit(cache=True, error_model="numpy", forceinline=True)
def eye(x, y, z, a, p, look):
    """Albedo of an eyeball at a point of it (Anatomy a, Paint p)."""
    gaze_x, gaze_y, gaze_z = look.gaze
    side = 1.0 if x > 0 else -1.0
    dx, dy, dz = (x - side * a.eye_x) / a.eye_r, y / a.eye_r, (z - a.eye_z) / a.eye_r
    n = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
    angle = math.acos(min(1.0, max(-1.0, (dx * gaze_x + dy * gaze_y + dz * gaze_z) / n)))
    white = (0.70, 0.66, 0.63)
    pink = smoothstep(0.5, 1.1, angle) * 0.35
    colour = scale(white, 1 - 0.10 * pink, 1 - 0.45 * pink, 1 - 0.42 * pink)
    if angle < IRIS_RADIUS + 0.05:
        t = angle / IRIS_RADIUS
        ux, uy = dx - gaze_x, dy - gaze_y
        fibres = value_noise(math.atan2(uy, ux) * 7.0 + 40.0, t * 2.0, 5.0)
        bright = (0.75 + 0.75 * fibres) * (1.25 - 0.35 * t) * (1.0 - 0.72 * smoothstep(0.80, 1.0, t))
        iris = scale(p.iris, bright, bright, bright)
        iris = mix(iris, (0.004, 0.004, 0.005), smoothstep(PUPIL_RADIUS + 0.04, PUPIL_RADIUS - 0.03, angle))
        colour = mix(colour, iris, smoothstep(IRIS_RADIUS + 0.04, IRIS_RADIUS - 0.05, angle))
    # The lids shade the ball, the upper one more.
    along, up = almond(x, y, a)
    upper, lower = lid_edges(along, a, look.blink_left if x > 0 else look.blink_right, look.wide)
    shade = 1.0 - 0.62 * smoothstep(0.055, -0.005, upper - up) - 0.25 * smoothstep(0.02, 0.0, up - lower)
    shade *= 1.0 - 0.45 * smoothstep(0.72, 1.02, abs(along))
    shade = max(0.08, shade)
    return scale(colour, shade, shade * 0.97, shade * 0.96)


@njit(cache=True, error_model="numpy", forceinline=True)
def teeth(arc, height, upper):
    """Albedo of teeth; see parts.build_teeth."""
    gap = abs(arc % 1.0 - 0.5) * 2
    shade = (1.0 - 0.45 * smoothstep(0.82, 1.0, gap)) * (1.0 - 0.55 * smoothstep(2.0, 5.5, abs(arc)))
    if height < 0.30:
        return (0.42 * shade, 0.14 * shade, 0.13 * shade)
    shade *= 1.0 if upper > 0.5 else 0.78
    return (0.74 * shade, 0.70 * shade, 0.62 * shade)


@njit(cache=True, error_model="numpy", forceinline=True)
def strands(around, run, number):
    """Streaks along a lock, 0 to 1, and the lock's own random brightness, 0 to 1."""
    streak = 0.6 * value_noise(around * 16.0 + number * 97.0, run * 1.2, number * 31.0) + 0.4 * value_noise(
        around * 34.0 + number * 53.0, run * 2.5, 3.0
    )
    return streak, (number * 7.31) % 1.0


@njit(cache=True, error_model="numpy", forceinline=True)
def cloth(drop, turn, colour, pattern):
    """Albedo of the clothes: plain knit or stripes, with a ribbed collar."""
    weave = 0.92 + 0.16 * value_noise(turn * 40.0, drop * 60.0, 2.0)
    if drop < 0.06:
        weave *= 0.80
    if pattern > 0.5 and (drop * 5.0) % 1.0 < 0.4:
        return (0.55 * weave, 0.53 * weave, 0.50 * weave)
    return (colour[0] * weave, colour[1] * weave, colour[2] * weave)
