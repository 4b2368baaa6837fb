"""The recogniser of the bundle: a small IResNet, as ArcFace uses it (https://arxiv.org/abs/1801.07698)."""

import torch
from torch import nn

from ..sizes import EmbedderSize

EMBEDDING = 512
INPUT_NAME, OUTPUT_NAME = "input.1", "683"


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.branch(x) + self.shortcut(x)


class Embedder(nn.Module):
    """RGB crops [N, 3, 112, 112], -1 … 1, to [N, 512], not normalised."""

    def __init__(self, size: EmbedderSize) -> None:
        super().__init__()
        first, last = size.channels[0], size.channels[-1]
        # The stem shrinks the crop, unlike IResNet's, whose first stage works at the full 112 pixels.
        stride = size.stem_stride
        stem = nn.Conv2d(3, first, 2 * stride - 1, stride, stride - 1, bias=False)
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(first), nn.PReLU(first))
        stages, before = [], first
        for level, (channels, blocks) in enumerate(zip(size.channels, size.blocks)):
            strides = [1 if level == 0 else 2] + [1] * (blocks - 1)
            stages.append(
                nn.Sequential(*(_Block(before if k == 0 else channels, channels, s) for k, s in enumerate(strides)))
            )
            before = channels
        self.stages = nn.ModuleList(stages)
        # A weight per place and channel (MobileFaceNet's) in the place of IResNet's dense layer, which would outweigh the rest.
        self.pool = nn.Sequential(
            nn.BatchNorm2d(last), nn.Conv2d(last, last, 7, groups=last, bias=False), nn.BatchNorm2d(last)
        )
        self.embedding = nn.Sequential(nn.Flatten(), nn.Linear(last, EMBEDDING, bias=False), nn.BatchNorm1d(EMBEDDING))

    def features(self, crops: torch.Tensor) -> list[torch.Tensor]:
        """The activations after each stage, finest first."""
        x, found = self.stem(crops), []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def embed(self, features: list[torch.Tensor]) -> torch.Tensor:
        return self.embedding(self.pool(features[-1]))

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        return self.embed(self.features(crops))
