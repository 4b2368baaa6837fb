"""How faces look, portraits' beside photos': sharp or blurred, with or without eyes, turned. As benchmarks/portraits has it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from .faces import open_session
from .networks.keypoint_reader import INPUT_NAME, SQUARE
from .squares import cut, square_around, within

# How far the reader may place a point from where the detector has it, in the side of the square.
_REACH = 0.1


class Seen(NamedTuple):
    """Portraits or photos in which a face was found."""

    images: np.ndarray  # uint8 [N, S, S, 3]
    keypoints: np.ndarray  # [N, 5, 2], where the detector has them
    embeddings: np.ndarray  # [N, 512] of length 1, by the evaluator
    owners: np.ndarray  # int [N], whom they show


class PartReader:
    """The reader of keypoints of an evaluation folder."""

    def __init__(self, path: Path) -> None:
        self._session = open_session(path)

    def __call__(self, photos: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
        """Which points of photos uint8 [N, H, W, 3] are seen where the detector has them [N, 5, 2]: bool [N, 5]."""
        seen = []
        for start in range(0, len(photos), 64):
            images = torch.from_numpy(photos[start : start + 64]).permute(0, 3, 1, 2).float()
            points = torch.from_numpy(keypoints[start : start + 64]).float()
            centres, sides = square_around(points)
            squares = cut(images, centres, sides, SQUARE) / 127.5 - 1
            found = torch.from_numpy(self._session.run(None, {INPUT_NAME: squares.numpy()})[0])
            near = (found[:, :, :2] - within(points, centres, sides)).norm(dim=2) <= _REACH
            seen.append(((found[:, :, 2] >= 0.5) & near).numpy())
        return np.concatenate(seen) if seen else np.zeros((0, 5), bool)


def sharpness(photos: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """Mean square of the Laplacian of brightness over the square around each face, [N]."""
    luma = torch.from_numpy(photos).double() @ torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=torch.float64)[None, None]
    energy = nn.functional.conv2d(luma[:, None], kernel)[:, 0].square()  # without the photo's outermost pixels
    centres, sides = square_around(torch.from_numpy(keypoints).double())
    inside = []
    for k, size in enumerate((photos.shape[2], photos.shape[1])):
        places = torch.arange(1, size - 1, dtype=torch.float64)
        inside.append((places - centres[:, k, None]).abs() <= sides[:, None] / 2)
    weights = inside[1][:, :, None] & inside[0][:, None, :]
    return ((energy * weights).sum((1, 2)) / weights.sum((1, 2))).numpy()


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Of the Gaussians of vectors [N, D] and [M, D] (https://arxiv.org/abs/1706.08500), also of fewer vectors than dimensions."""
    if min(len(a), len(b)) < 2:
        return float("nan")
    apart = np.sum((a.mean(0) - b.mean(0)) ** 2)
    a, b = ((v - v.mean(0)) / np.sqrt(len(v) - 1) for v in (a, b))
    return float(apart + np.sum(a**2) + np.sum(b**2) - 2 * np.linalg.svd(a @ b.T, compute_uv=False).sum())


def look_rows(portraits: Seen, count: int, photos: Seen, reader: PartReader) -> list[tuple[str, float, float | None]]:
    """Names, values, and the least that is asked. count: portraits, also those without a face."""
    there, real = (reader(seen.images, seen.keypoints)[:, [0, 1, 3, 4]].all(1) for seen in (portraits, photos))
    sharp, real_sharp = (sharpness(seen.images, seen.keypoints).mean() for seen in (portraits, photos))
    painted, taken = _distances(portraits, photos)
    return [
        ("portraits: both eyes and the mouth are seen", there.sum() / count, 0.97),
        ("photos: both eyes and the mouth are seen", float(real.mean()), None),
        ("portraits: sharpness, of that of photos", sharp / real_sharp, 0.7),
        ("portraits: Fréchet distance to photos", painted, None),
        ("photos: Fréchet distance to other photos", taken, None),
    ]


def _distances(portraits: Seen, photos: Seen) -> tuple[float, float]:
    """Fréchet distances of one portrait of each person, and of one photo, to two (other) photos of each: means over all choices."""
    people = range(int(photos.owners.max()) + 1)
    taken, painted = ([seen.embeddings[seen.owners == k] for k in people] for seen in (photos, portraits))
    others = [np.concatenate([np.delete(own[:3], k, 0) for own in taken]) for k in range(3)]

    def one(of: list[np.ndarray], k: int) -> np.ndarray:
        return np.concatenate([own[k : k + 1] for own in of])

    most = max(len(own) for own in painted)
    far = [frechet_distance(one(painted, k), rest) for k in range(most) for rest in others]
    near = [frechet_distance(one(taken, k), rest) for k, rest in enumerate(others)]
    return (float(np.mean(far)) if far else float("nan")), float(np.mean(near))


def turn(keypoints: np.ndarray) -> np.ndarray:
    """How far heads are turned: the nose's distance from the middle of the eyes, in eye distances, [N]."""
    across = keypoints[:, 1] - keypoints[:, 0]
    nose = keypoints[:, 2] - keypoints[:, :2].mean(1)
    return np.sum(nose * across, 1) / np.maximum(np.sum(across * across, 1), 1e-6)


def pixel_distance(images: np.ndarray) -> float:
    """Mean root mean square difference between images [people, N, S, S, 3] of the same person."""
    values = images.astype(np.float32)
    count = values.shape[1]
    pairs = [np.sqrt(np.mean((values[:, i] - values[:, j]) ** 2, (1, 2, 3))) for i in range(count) for j in range(i)]
    return float(np.mean(pairs))
