"""A small SCRFD: finds faces and their keypoints, by one network that looks at an image pyramid.

Interface of InsightFace's files, https://github.com/deepinsight/insightface/blob/v0.7/detection/scrfd: RGB (x - 127.5) / 128 in;
for the strides 8, 16 and 32 scores, distances to the sides of the box, and offsets of the keypoints, in units of the stride, from
the anchor's centre, which lies at a multiple of the stride; two anchors a cell.

Inside it is not SCRFD's. A feature pyramid learns a large face and a small one apart, each with weights of its own, and a large
one costs as much as the scene it fills. Here the same weights look at the image, its half, quarter and eighth, and need to know
faces of 12 to 72 pixels only: every face teaches all sizes, and a training scene is a hundred and sixty pixels wide.
"""

import torch
from torch import nn

from ..sizes import DetectorSize

STRIDES = (8, 16, 32)
ANCHORS = 2
STRIDE = STRIDES[0]  # of the network, in the pixels of what it looks at
# Sides in those pixels of the faces that the two anchors are for: an anchor finds what is within `REACH` octaves of it.
ANCHOR_SIDES = (18, 43)
REACH = 0.75
# By how much photos are enlarged, at least, before they come here: those that this detector is for are 320 pixels wide or less.
ENLARGED = 2
_VALUES = 15  # an anchor's score, box and keypoints
_NOTHING = -30.0  # the score, before its sigmoid, of an anchor that nobody looks through

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


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
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


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    """Half the size, and residual blocks."""
    return nn.Sequential(_convolution(inputs, outputs, 2), *(_Residual(outputs) for _ in range(blocks)))


class Detector(nn.Module):
    def __init__(self, size: DetectorSize) -> None:
        super().__init__()
        (c2, c4, c8, c16), (b4, b8, b16) = size.channels, size.blocks
        self.fine = nn.Sequential(_convolution(3, c2, 2), _stage(c2, c4, b4), _stage(c4, c8, b8))
        self.coarse = nn.Sequential(_stage(c8, c16, b16), nn.Conv2d(c16, c8, 1))
        self.head = nn.Sequential(_Residual(c8), _Residual(c8), nn.Conv2d(c8, ANCHORS * _VALUES, 3, 1, 1))
        last = self.head[-1]
        nn.init.normal_(last.weight, std=0.01)
        bias = torch.zeros(ANCHORS, _VALUES)
        bias[:, 0] = -4.0  # nearly all anchors are background
        bias[:, 1:5] = 1.0
        last.bias = nn.Parameter(bias.flatten())
        # What is learnt is in half sides of the anchor, so that both anchors learn alike.
        unit = torch.tensor(ANCHOR_SIDES, dtype=torch.float32)[:, None] / 2 / STRIDE
        unit = torch.cat([torch.ones(ANCHORS, 1), unit.expand(-1, _VALUES - 1)], 1)
        self.register_buffer("unit", unit.reshape(1, -1, 1, 1), persistent=False)
        outward = torch.tensor([0.0, -1.0, -1.0, 1.0, 1.0] + [1.0] * 10)
        self.register_buffer("outward", outward.repeat(ANCHORS).reshape(1, -1, 1, 1), persistent=False)

    def look(self, images: torch.Tensor) -> torch.Tensor:
        """What is seen at one scale: normalised images [N, 3, H, W] to [N, 2 × 15, H / 8, W / 8].

        For each anchor a score (a logit), distances to the sides of the box, and the keypoints, in strides.
        """
        fine = self.fine(images)
        coarse = nn.functional.interpolate(self.coarse(fine), scale_factor=2.0, mode="nearest")
        fine = nn.functional.relu(fine + coarse[:, :, : fine.shape[2], : fine.shape[3]])
        return self.head(fine).float() * self.unit

    def forward(self, images: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """Normalised images [N, 3, H, W], sides multiples of 32, to scores [N, A, 1], boxes and keypoints of each stride."""
        levels = []
        for level in range(len(STRIDES) + 1):
            # The first pixel of an image shrunk by k has its centre (k - 1) / 2 pixels from that of the image's own first, and so
            # has that of an image before it was enlarged. The shrinking is undone here; of the enlarging, whoever divides by
            # the scale to get back to the photo, as InsightFace does, undoes all but this.
            shift = (1 - ENLARGED * 0.5**level) / 2 / STRIDE
            levels.append(self.look(images) + shift * self.outward)
            if level < len(STRIDES):
                images = nn.functional.avg_pool2d(images, 2)
        # The eighth has no stride of its own: it shares the anchors of the quarter, whoever is surer.
        largest = levels.pop()
        levels[-1] = _surer(levels[-1], _spread(largest, levels[-1].shape[2], levels[-1].shape[3]))
        return [split(level) for level in levels]


def split(seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What `look` returns as scores [N, A, 1], boxes [N, A, 4] and keypoints [N, A, 10]; cell by cell, its anchors together."""
    rows = seen.permute(0, 2, 3, 1).reshape(seen.shape[0], -1, _VALUES)
    return rows[..., :1], rows[..., 1:5], rows[..., 5:]


def _spread(seen: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """As seen from cells of half the stride: every second one of them, each way, and the others see nothing."""
    doubled = seen.unflatten(1, (ANCHORS, _VALUES))
    scores, places = doubled[:, :, :1], 2 * doubled[:, :, 1:]
    seen = torch.cat([scores, places], 2).flatten(1, 2)
    nothing = torch.cat([torch.full_like(scores, _NOTHING), torch.zeros_like(places)], 2).flatten(1, 2)
    seen = torch.stack([seen, nothing], 4).flatten(3)
    nothing = torch.stack([nothing, nothing], 4).flatten(3)
    return torch.stack([seen, nothing], 3).flatten(2, 3)[:, :, :height, :width]


def _surer(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Of each anchor, what has the higher score."""
    a, b = a.unflatten(1, (ANCHORS, _VALUES)), b.unflatten(1, (ANCHORS, _VALUES))
    return torch.where(a[:, :, :1] >= b[:, :, :1], a, b).flatten(1, 2)


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


def cells(height: int, width: int, stride: int, device: torch.device | None = None) -> torch.Tensor:
    """Centres [A, 2] (x, y in pixels) of the anchors of one stride."""
    y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
    corners = torch.stack([x, y], -1).reshape(-1, 1, 2).float() * stride
    return corners.expand(-1, ANCHORS, -1).reshape(-1, 2).to(device)


def anchors(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres [A, 2] and strides [A] of all anchors, in the order of the joined outputs."""
    centres = [cells(height, width, stride) for stride in STRIDES]
    strides = [torch.full((len(c),), float(stride)) for c, stride in zip(centres, STRIDES)]
    return torch.cat(centres), torch.cat(strides)
