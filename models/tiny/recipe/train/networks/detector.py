"""A small SCRFD: a convolutional pyramid that finds faces and their keypoints.

Interface of InsightFace's files, https://github.com/deepinsight/insightface/blob/v0.7/detection/scrfd: RGB (x - 127.5) / 128 in;
for the strides 8, 16 and 32 scores, distances to the sides of the box, and offsets of the keypoints, in units of the stride, from
the anchor's centre, which lies at a multiple of the stride; two anchors a cell.
"""

import torch
from torch import nn

from ..sizes import DetectorSize

STRIDES = (8, 16, 32)
ANCHORS = 2
# Sides in pixels of the faces that the anchors are for, as in SCRFD's configs.
ANCHOR_SIDES = ((16, 32), (64, 128), (256, 512))

INPUT_NAME = "input.1"
OUTPUT_NAMES = (
    "448",
    "471",
    "494",
    "451",
    "474",
    "497",
    "454",
    "477",
    "500",
)  # scores, boxes, keypoints, each by stride


def normalise(images: torch.Tensor) -> torch.Tensor:
    """0 … 255 to the detector's input."""
    return (images - 127.5) / 128


def _convolution(inputs: int, outputs: int, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            _convolution(channels, channels),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        # At first the block changes nothing: deep stages learn as fast as shallow ones.
        nn.init.zeros_(self.branch[-1].weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(x + self.branch(x))


class _Head(nn.Module):
    """Predictions of one level. Boxes and keypoints are learnt in units of the anchor's half side, so all levels learn alike."""

    def __init__(self, channels: int, level: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(_convolution(channels, channels), _convolution(channels, channels))
        self.score = nn.Conv2d(channels, ANCHORS, 3, 1, 1)
        self.box = nn.Conv2d(channels, ANCHORS * 4, 3, 1, 1)
        self.keypoints = nn.Conv2d(channels, ANCHORS * 10, 3, 1, 1)
        for layer in (self.score, self.box, self.keypoints):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)
        nn.init.constant_(self.score.bias, -4.0)  # nearly all anchors are background
        nn.init.ones_(self.box.bias)
        unit = torch.tensor(ANCHOR_SIDES[level], dtype=torch.float32) / 2 / STRIDES[level]
        self.register_buffer("unit", unit[None, :, None], persistent=False)  # strides per half side, [1, anchors, 1]

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """[N, C, h, w] to scores (logits), boxes and keypoints in strides, [N, h · w · 2, 1 | 4 | 10]."""
        x = self.trunk(x)

        def rows(layer: nn.Conv2d, values: int) -> torch.Tensor:
            return layer(x).permute(0, 2, 3, 1).reshape(x.shape[0], -1, ANCHORS, values)

        score, box, keypoints = rows(self.score, 1), rows(self.box, 4) * self.unit, rows(self.keypoints, 10) * self.unit
        return score.flatten(1, 2), box.flatten(1, 2), keypoints.flatten(1, 2)


class Detector(nn.Module):
    def __init__(self, size: DetectorSize) -> None:
        super().__init__()
        (c4, c8, c16, c32), (b4, *blocks_of_stages) = size.channels, size.blocks
        self.stem = nn.Sequential(
            _convolution(3, c4 // 2, 2), _convolution(c4 // 2, c4, 2), *(_Residual(c4) for _ in range(b4))
        )
        stages = zip((c4, c8, c16), (c8, c16, c32), blocks_of_stages)
        self.stages = nn.ModuleList(
            nn.Sequential(_convolution(inputs, outputs, 2), *(_Residual(outputs) for _ in range(blocks)))
            for inputs, outputs, blocks in stages
        )
        self.lateral = nn.ModuleList(_convolution(channels, size.neck, kernel=1) for channels in (c8, c16, c32))
        self.heads = nn.ModuleList(_Head(size.neck, level) for level in range(len(STRIDES)))

    def forward(self, images: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Normalised images [N, 3, H, W], sides multiples of 32, to each level's predictions (see `_Head`)."""
        x, features = self.stem(images), []
        for stage, lateral in zip(self.stages, self.lateral):
            x = stage(x)
            features.append(lateral(x))
        for fine, coarse in ((1, 2), (0, 1)):
            features[fine] = features[fine] + nn.functional.interpolate(
                features[coarse], scale_factor=2.0, mode="nearest"
            )
        return [head(x) for head, x in zip(self.heads, features)]


class ScrfdOutputs(nn.Module):
    """A detector with the nine outputs of InsightFace's files: [anchors, 1 | 4 | 10], for a single image."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        levels = self.detector(image)
        scores = [score.sigmoid().reshape(-1, 1) for score, _, _ in levels]
        boxes = [box.reshape(-1, 4) for _, box, _ in levels]
        return (*scores, *boxes, *(keypoints.reshape(-1, 10) for _, _, keypoints in levels))


def anchors(
    height: int, width: int, device: torch.device | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Centres [A, 2] (x, y in pixels), strides [A] and sides [A] of all anchors, in the order of the joined levels."""
    centres, strides, sides = [], [], []
    for stride, level_sides in zip(STRIDES, ANCHOR_SIDES):
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        cells = torch.stack([x, y], -1).reshape(-1, 1, 2).float() * stride
        centres.append(cells.expand(-1, ANCHORS, -1).reshape(-1, 2))
        strides.append(torch.full((cells.shape[0] * ANCHORS,), float(stride)))
        sides.append(torch.tensor(level_sides).float().repeat(cells.shape[0]))
    return tuple(torch.cat(parts).to(device) for parts in (centres, strides, sides))
