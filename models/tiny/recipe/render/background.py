"""Backdrops: out-of-focus rooms, gardens, walls and skies, made of a gradient and soft shapes."""

import numpy as np
from numba import njit


def _blur(image: np.ndarray, radius: int) -> np.ndarray:
    """A box blur by running sums, edges extended."""
    if radius < 1:
        return image
    for axis in (0, 1):
        pad = [(radius + 1, radius) if k == axis else (0, 0) for k in range(image.ndim)]
        total = np.cumsum(np.pad(image, pad, mode="edge"), axis=axis)
        high = np.take(total, range(2 * radius + 1, total.shape[axis]), axis)
        low = np.take(total, range(0, total.shape[axis] - 2 * radius - 1), axis)
        image = (high - low) / (2 * radius + 1)
    return image


def backdrop(seed: int, size: int) -> np.ndarray:
    """Linear RGB float32 [size, size, 3]. It is made at a quarter of the size: it is out of focus. Seed 0 is plain grey."""
    small = size // 4
    if seed == 0:
        return (
            np.full((size, size, 3), 0.30, np.float32) * np.linspace(1.15, 0.75, size, dtype=np.float32)[:, None, None]
        )
    rng = np.random.Generator(np.random.PCG64([seed, 0xBA]))
    y, x = np.mgrid[0:small, 0:small] / small
    base = rng.uniform(0.03, 0.6) * rng.uniform(0.75, 1.0, 3)
    far = np.clip(base * rng.uniform(0.5, 1.7) * rng.uniform(0.8, 1.2, 3), 0, 0.9)
    angle = rng.uniform(0, 2 * np.pi)
    t = np.clip(0.5 + np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5), 0, 1)[..., None]
    image = base * (1 - t) + far * t
    kind = rng.random()
    if kind > 0.25:
        for _ in range(int(rng.integers(3, 14))):
            colour = np.clip(base * rng.uniform(0.2, 2.3) * (0.7 + 0.6 * rng.random(3)), 0, 1.2)
            cx, cy, w, h = rng.random(), rng.random(), rng.uniform(0.04, 0.35), rng.uniform(0.05, 0.6)
            if kind > 0.6:
                inside = (np.abs(x - cx) < w / 2) & (np.abs(y - cy) < h / 2)  # furniture, windows, walls
            else:
                inside = ((x - cx) / w) ** 2 + ((y - cy) / w) ** 2 < 0.25  # foliage, lights
            image = np.where(inside[..., None], 0.25 * image + 0.75 * colour, image)
    radius = int(rng.integers(1, 5))
    return _enlarge(_blur(_blur(image, radius), radius).astype(np.float32), size)


@njit(cache=True, error_model="numpy")
def _enlarge(image, size):
    """Bilinear interpolation to [size, size, 3]."""
    small = image.shape[0]
    out = np.empty((size, size, 3), np.float32)
    for y in range(size):
        v = min(small - 1.001, max(0.0, (y + 0.5) * small / size - 0.5))
        i, t = int(v), v - int(v)
        for x in range(size):
            u = min(small - 1.001, max(0.0, (x + 0.5) * small / size - 0.5))
            j, s = int(u), u - int(u)
            for k in range(3):
                top = image[i, j, k] * (1 - s) + image[i, j + 1, k] * s
                bottom = image[i + 1, j, k] * (1 - s) + image[i + 1, j + 1, k] * s
                out[y, x, k] = top * (1 - t) + bottom * t
    return out
