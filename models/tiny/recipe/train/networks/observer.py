"""Reads pose and expression off portraits, to measure what was asked for. It is not in the bundle, and nothing is trained against it."""

import torch
from torch import nn

from render import BLENDSHAPES
from render.conditions import MAX_PITCH, MAX_ROLL, MAX_YAW

OUTPUT_NAME = "observed"
# Yaw, pitch and roll in degrees, then the blendshapes: what the network's numbers are multiplied by.
UNITS = (MAX_YAW, MAX_PITCH, MAX_ROLL, *(1.0 for _ in BLENDSHAPES))
_CHANNELS = (24, 48, 64, 96)


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.SiLU(inplace=True),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.silu(x + self.branch(x))


class Observer(nn.Module):
    """ArcFace's crops [N, 3, 112, 112], -1 … 1, to [N, 19]: yaw, pitch and roll in degrees (signs: render/conditions.py), blendshapes.

    Roll is what is left of it in a crop that is turned upright; `leaning` is the rest.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for level, channels in enumerate(_CHANNELS):  # at 56, 28, 14 and 7 pixels
            kernel = 5 if level == 0 else 3
            layers += [
                nn.Conv2d(before, channels, kernel, 2, kernel // 2, bias=False),
                nn.BatchNorm2d(channels),
                nn.SiLU(inplace=True),
            ]
            if level > 0:
                layers.append(_Block(channels))
            before = channels
        layers += [nn.Conv2d(before, 16, 1), nn.SiLU(inplace=True), nn.Flatten(), nn.Linear(16 * 7 * 7, len(UNITS))]
        self.layers = nn.Sequential(*layers)
        self.register_buffer("units", torch.tensor(UNITS))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        return self.layers(crops) * self.units


def leaning(alignment: torch.Tensor) -> torch.Tensor:
    """Degrees by which faces lean clockwise that an alignment [N, 2, 3] turns upright."""
    return -torch.rad2deg(torch.atan2(alignment[:, 1, 0], alignment[:, 0, 0]))
