"""The square around eyes, nose and mouth: what is judged of a face, whoever it is."""

import torch
from torch import nn

# Its side, in the larger of two distances: between the eyes, and from them to the mouth.
_SIDE = 2.4


def square_around(keypoints: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres [N, 2] and sides [N] of the squares around faces with keypoints [N, 5, 2]."""
    eyes, mouth = keypoints[:, :2].mean(1), keypoints[:, 3:].mean(1)
    reach = torch.maximum((keypoints[:, 1] - keypoints[:, 0]).norm(dim=1), (mouth - eyes).norm(dim=1))
    return (eyes + mouth) / 2, _SIDE * reach


def cut(photos: torch.Tensor, centres: torch.Tensor, sides: torch.Tensor, size: int) -> torch.Tensor:
    """The squares of photos float [N, 3, H, W], bilinear, as [N, 3, size, size]; outside of a photo its edge goes on."""
    places = (torch.arange(size, device=photos.device) + 0.5) / size - 0.5
    offsets = sides[:, None] * places
    x, y = (centres[:, k, None] + offsets for k in (0, 1))
    height, width = photos.shape[2:]
    x, y = x / (width - 1) * 2 - 1, y / (height - 1) * 2 - 1
    grid = torch.stack([x[:, None].expand(-1, size, -1), y[:, :, None].expand(-1, -1, size)], 3)
    return nn.functional.grid_sample(photos, grid, align_corners=True, padding_mode="border")


def within(keypoints: torch.Tensor, centres: torch.Tensor, sides: torch.Tensor) -> torch.Tensor:
    """Keypoints [N, 5, 2] as shares of their square's side, 0 at its left and upper edge."""
    return (keypoints - centres[:, None]) / sides[:, None, None] + 0.5
