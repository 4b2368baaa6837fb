"""Says where eyes, nose and mouth are in a square around a face, and whether they are there at all.

It measures what the bundle paints, and no network of the bundle is ever trained against it. Each point is one choice among the
cells of a grid and "nowhere"; what decides is what the square shows, for its place in it is random in the training.
"""

import torch
from torch import nn

from ..sizes import KeypointReaderSize

POINTS = 5  # in ArcFace's order: eyes, nose, mouth's corners, the image's left before its right
SQUARE = 64  # pixels of the square's side
GRID = SQUARE // 2  # cells of its side
INPUT_NAME, OUTPUT_NAME = "squares", "points"


def _unit(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class KeypointReader(nn.Module):
    """RGB squares [N, 3, 64, 64], -1 … 1, to scores of the cells [N, 5, 32, 32]; the score of "nowhere" is 0."""

    def __init__(self, size: KeypointReaderSize) -> None:
        super().__init__()
        fine, middle, coarse = size.channels
        self.fine = nn.Sequential(_unit(3, fine, 2), _unit(fine, fine))
        self.middle = nn.Sequential(_unit(fine, middle, 2), _unit(middle, middle))
        self.coarse = nn.Sequential(_unit(middle, coarse, 2), _unit(coarse, coarse), _unit(coarse, middle))
        self.up_middle = _unit(2 * middle, fine)
        self.up_fine = _unit(2 * fine, fine)
        self.scores = nn.Conv2d(fine, POINTS, 1)
        nn.init.zeros_(self.scores.weight)
        nn.init.constant_(self.scores.bias, -6.0)  # at first everything is about as probable as nowhere

    def forward(self, squares: torch.Tensor) -> torch.Tensor:
        fine = self.fine(squares)
        middle = self.middle(fine)
        upper = nn.functional.interpolate(self.coarse(middle), scale_factor=2.0, mode="nearest")
        middle = self.up_middle(torch.cat([middle, upper], 1))
        upper = nn.functional.interpolate(middle, scale_factor=2.0, mode="nearest")
        return self.scores(self.up_fine(torch.cat([fine, upper], 1)))


class Points(nn.Module):
    """What the reader says of squares [N, 3, 64, 64], as [N, 5, 3]: x and y as shares of the square's side, and how sure it is, 0 … 1."""

    def __init__(self, reader: KeypointReader) -> None:
        super().__init__()
        self.reader = reader
        self.register_buffer("centres", (torch.arange(GRID) + 0.5) / GRID)

    def forward(self, squares: torch.Tensor) -> torch.Tensor:
        scores = self.reader(squares).flatten(2)
        shares = torch.softmax(torch.cat([scores, torch.zeros_like(scores[:, :, :1])], 2), 2)
        sure = 1 - shares[:, :, -1:]
        cells = torch.softmax(scores, 2).unflatten(2, (GRID, GRID))
        x, y = (cells.sum(axis) @ self.centres for axis in (2, 3))
        return torch.cat([torch.stack([x, y], 2), sure], 2)
