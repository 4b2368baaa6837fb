"""From a photo and its five keypoints to the upright crop that ArcFace reads."""

import torch
from torch import nn

CROP = 112

# Where the crop has the keypoints: insightface's arcface_dst,
# https://github.com/deepinsight/insightface/blob/v0.7/python-package/insightface/utils/face_align.py
TEMPLATE = torch.tensor(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


def estimate_alignment(keypoints: torch.Tensor) -> torch.Tensor:
    """The similarity transform from a photo to its crop: least squares without reflection (Umeyama 1991).

    keypoints: [N, 5, 2] in pixels, whole at their centres. Returns [N, 2, 3].
    """
    p = keypoints.double()
    q = TEMPLATE.to(p)
    p_mean, q_mean = p.mean(1), q.mean(0)
    p, q = p - p_mean[:, None], q - q_mean
    spread = p.square().sum((1, 2))
    a = (p * q).sum((1, 2)) / spread
    b = (p[..., 0] * q[:, 1] - p[..., 1] * q[:, 0]).sum(1) / spread
    linear = torch.stack([torch.stack([a, -b], 1), torch.stack([b, a], 1)], 1)
    shift = q_mean - (linear @ p_mean[..., None])[..., 0]
    return torch.cat([linear, shift[..., None]], 2).to(keypoints)


def crop(photos: torch.Tensor, alignment: torch.Tensor, size: int = CROP) -> torch.Tensor:
    """Bilinear samples of photos float [N, 3, H, W] (0 to 255; black outside) as [N, 3, size, size]. Differentiable."""
    height, width = photos.shape[2:]
    inverse = torch.linalg.inv(alignment[:, :, :2].double())
    axis = torch.arange(size, device=photos.device, dtype=torch.float64)
    points = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).reshape(-1, 2)
    points = (points[None] - alignment[:, None, :, 2]) @ inverse.mT
    scale = torch.tensor([2 / (width - 1), 2 / (height - 1)], device=photos.device, dtype=torch.float64)
    grid = (points * scale - 1).reshape(-1, size, size, 2).to(photos)
    return nn.functional.grid_sample(photos, grid, align_corners=True)


def normalise(crops: torch.Tensor) -> torch.Tensor:
    """0 … 255 to ArcFace's -1 … 1."""
    return (crops - 127.5) / 127.5


def jitter(keypoints: torch.Tensor, amount: float) -> torch.Tensor:
    """Keypoints with errors as a detector makes them: of each point, and of all together.

    amount: standard deviation as a share of the distance between the eyes and the mouth
    """
    height = (keypoints[:, :2].mean(1) - keypoints[:, 3:].mean(1)).norm(dim=1)[:, None, None] * amount
    together = torch.randn(len(keypoints), 1, 2, device=keypoints.device)
    return keypoints + height * (0.7 * torch.randn_like(keypoints) + 0.7 * together)
