"""Reads the identity off latents, without painting them: what tells the diffusion, cheaply, whom a portrait looks like."""

import itertools

import torch
from torch import nn

from .embedder import EMBEDDING
from .painter import LATENT_CHANNELS

_CHANNELS = (32, 64, 128, 192)


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.GroupNorm(16, inputs),
            nn.SiLU(),
            nn.Conv2d(inputs, outputs, 3, stride, 1),
            nn.GroupNorm(16, outputs),
            nn.SiLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.branch(x) + self.shortcut(x)


class LatentReader(nn.Module):
    """Latents of variance 1 [N, 4, h, w] to [N, 512], not normalised."""

    def __init__(self) -> None:
        super().__init__()
        first, last = _CHANNELS[0], _CHANNELS[-1]
        self.layers = nn.Sequential(
            nn.Conv2d(LATENT_CHANNELS, first, 3, 1, 1),
            _Block(first, first, 1),
            *(_Block(a, b, 2) for a, b in itertools.pairwise(_CHANNELS)),
            nn.GroupNorm(16, last),
            nn.SiLU(),
            nn.AdaptiveAvgPool2d(3),
            nn.Flatten(),
            nn.Linear(9 * last, EMBEDDING),
        )

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.layers(latents)
