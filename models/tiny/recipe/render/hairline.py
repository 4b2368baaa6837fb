"""Where hair grows on a head."""

import math

from numba import njit

from .noise import smoothstep


@njit(cache=True, error_model="numpy")
def scalp_cover(x, y, z, height, recession, crown):
    """Signed angle in degrees of a point of the head inside the hairline (positive: hair grows there)."""
    azimuth = math.degrees(math.atan2(abs(x), z + 0.05))
    elevation = math.degrees(math.atan2(y - 0.10, math.hypot(x, z + 0.05)))
    # Hairline: forehead, temple, sideburn, over the ear, behind it, nape.
    if azimuth < 48.0:
        line = 39.0 + height * 5.0 + recession * 16.0 * math.exp(-(((azimuth - 34.0) / 15.0) ** 2)) - azimuth * 0.10
    elif azimuth < 68.0:
        line = 34.2 + height * 5.0 + recession * 6.8 - (azimuth - 48.0) * 1.9
        line = max(line, 34.2 - (azimuth - 48.0) * 2.0)
    elif azimuth < 84.0:
        line = -4.0 - 9.0 * smoothstep(68.0, 76.0, azimuth)
    elif azimuth < 108.0:
        line = -13.0 + 17.0 * smoothstep(84.0, 94.0, azimuth)
    else:
        line = 4.0 - 44.0 * smoothstep(108.0, 128.0, azimuth)
    inside = elevation - line
    if crown < 0.5:
        inside = min(inside, 26.0 - elevation - 14.0 * smoothstep(110.0, 50.0, azimuth))
    return inside
