"""Faces as no renderer draws them: distorted crops, whose embeddings lie where those of real photographs do, off all that is known.

The painter is shown them as the identity of the person they were made of, so that it draws what is strange towards what it knows,
instead of adding up features that nobody has.
"""

import torch
from torch import nn

_MOST_BLEND = 0.45  # share of another face
# Sides of the noise that is enlarged over the crop: wrinkles and shadows that no renderer has.
_TEXTURES = (4, 8, 16, 32)


def distort(crops: torch.Tensor) -> torch.Tensor:
    """Crops [N, 3, S, S], 0 to 255, each changed in shape, colours, texture, and by a share of another one; some a little, some much."""
    count, device = len(crops), crops.device
    strength = 0.2 + 0.8 * torch.rand(count, 1, 1, 1, device=device)

    def amount(most: float) -> torch.Tensor:
        """Of each crop, from -most to most."""
        return most * strength * (2 * torch.rand(count, 1, 1, 1, device=device) - 1)

    # Another face shows through.
    crops = torch.lerp(crops, crops.roll(1, 0), amount(_MOST_BLEND).abs())
    crops = _warp(crops, strength)
    # Other colours, contrasts and tones.
    mixing = torch.eye(3, device=device) + 0.2 * strength[:, 0] * torch.randn(count, 3, 3, device=device)
    crops = torch.einsum("nij,njhw->nihw", mixing, crops - 110) * (1 + amount(0.5)) + 110 + amount(40)
    crops = 255 * (crops.clamp(0, 255) / 255) ** torch.exp(amount(0.5))
    for side in _TEXTURES:
        rough = torch.randn(count, 1, side, side, device=device)
        crops = crops + amount(14) * nn.functional.interpolate(rough, crops.shape[2:], mode="bicubic")
    # Sharper or softer than a photo is.
    soft = nn.functional.avg_pool2d(crops, 5, 1, 2, count_include_pad=False)
    return (soft + (1 + amount(0.9)) * (crops - soft)).clamp(0, 255)


def _warp(crops: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Longer, wider, leaning, and locally other than any head."""
    count, device = len(crops), crops.device
    change = torch.randn(count, 2, 3, device=device) * torch.tensor([0.12, 0.12, 0.06], device=device)
    grid = nn.functional.affine_grid(
        torch.eye(2, 3, device=device) + strength[:, 0] * change, list(crops.shape), align_corners=False
    )
    bend = 0.06 * strength * torch.randn(count, 2, 5, 5, device=device)
    grid = grid + nn.functional.interpolate(bend, crops.shape[2:], mode="bicubic").permute(0, 2, 3, 1)
    return nn.functional.grid_sample(crops, grid, padding_mode="reflection", align_corners=False)
