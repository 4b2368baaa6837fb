"""From light to a photo: exposure, tone curve, reduction, blur, noise, JPEG."""

import io

import numpy as np
from PIL import Image

from .conditions import Conditions


def _gaussian(image: np.ndarray, sigma: float) -> np.ndarray:
    radius = max(1, int(3 * sigma + 0.5))
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2).astype(np.float32)
    taps /= taps.sum()
    for axis in (0, 1):
        pad = [(radius, radius) if k == axis else (0, 0) for k in range(3)]
        padded = np.pad(image, pad, mode="edge")
        n = image.shape[axis]
        image = sum(t * np.take(padded, range(k, k + n), axis) for k, t in enumerate(taps))
    return image


def _tone(light: np.ndarray) -> np.ndarray:
    """Linear light to display values: the sRGB curve, with highlights rolled off above 0.7 instead of clipped."""
    over = np.maximum(light - 0.7, 0)
    light = np.minimum(light, 0.7) + 0.3 * (1 - np.exp(-over / 0.3))
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-6) ** (1 / 2.4) - 0.055)


def reduce(image: np.ndarray, factor: int) -> np.ndarray:
    """Means of factor × factor blocks."""
    total = image[::factor, ::factor].copy()
    for dy in range(factor):
        for dx in range(factor):
            if dx or dy:
                total += image[dy::factor, dx::factor]
    return total / factor**2


_METERED = 0.20  # linear light: what a camera brings a subject to
_METERING = 0.40  # how far it goes there; a whole way would make all skins alike


def _display(light: np.ndarray) -> np.ndarray:
    """Linear light as bytes."""
    return np.clip(_tone(np.maximum(light, 0)) * 255 + 0.5, 0, 255).astype(np.uint8)


def meter(light: np.ndarray, subject: np.ndarray) -> float:
    """How bright the camera takes its subject to be; as for `expose`."""
    return float(light[subject].mean()) if subject.any() else _METERED


def expose(
    light: np.ndarray, subject: np.ndarray, conditions: Conditions, factor: int, metered: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The photo, uint8 [S, S, 3], and the same without blur, noise and compression.

    light: linear float32 [S · factor, S · factor, 3]; subject: bool of the same size, what the camera meters (the face).
    metered: what it measured before, instead.
    """
    metered = meter(light, subject) if metered is None else metered
    gain = (_METERED / max(metered, 1e-3)) ** _METERING * 2.0**conditions.exposure
    light = reduce(np.minimum(light, 4.0), factor)  # a glint is bright, not endless
    light = light * (gain * np.array(conditions.white_balance, np.float32))
    clean = _display(light)
    if conditions.blur > 0.3:
        light = _gaussian(light, conditions.blur)
    if conditions.noise > 0:
        rng = np.random.Generator(np.random.PCG64([conditions.sensor_seed, 0x5E]))
        grain = rng.standard_normal(light.shape, np.float32)
        # Shot noise grows with the root of the signal; a tenth of it is there in the dark.
        light = light + grain * conditions.noise * (np.sqrt(np.clip(light, 0, 1)) + 0.1)
    photo = _display(light)
    if conditions.jpeg_quality > 0:
        buffer = io.BytesIO()
        Image.fromarray(photo).save(buffer, "JPEG", quality=conditions.jpeg_quality)
        photo = np.asarray(Image.open(io.BytesIO(buffer.getvalue())))
    return photo, clean
