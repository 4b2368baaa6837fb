"""The judge: another architecture than the embedder's, of inverted residuals (MobileFaceNet, https://arxiv.org/abs/1804.07573).

It measures what the bundle paints, and no network of the bundle is ever trained against it.
"""

import torch
from torch import nn

from ..sizes import EvaluatorSize
from .embedder import EMBEDDING


def _unit(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.SiLU(inplace=True))


class _InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        inner = 2 * inputs
        self.branch = nn.Sequential(
            _unit(inputs, inner, 1),
            _unit(inner, inner, 5, stride, groups=inner),
            nn.Conv2d(inner, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x) if self.residual else self.branch(x)


class Evaluator(nn.Module):
    """RGB crops [N, 3, 112, 112], -1 … 1, to [N, 512], not normalised."""

    def __init__(self, size: EvaluatorSize) -> None:
        super().__init__()
        before = size.channels[0]
        layers: list[nn.Module] = [_unit(3, before, 2 * size.stem_stride + 1, size.stem_stride)]
        for level, (channels, blocks) in enumerate(zip(size.channels, size.blocks)):
            for k in range(blocks):
                layers.append(_InvertedResidual(before, channels, 2 if k == 0 and level > 0 else 1))
                before = channels
        layers += [_unit(before, 2 * before, 1), nn.AdaptiveAvgPool2d((2, 2)), nn.Flatten()]
        layers += [nn.Linear(8 * before, EMBEDDING, bias=False), nn.BatchNorm1d(EMBEDDING)]
        self.layers = nn.Sequential(*layers)

    def forward(self, crops: torch.Tensor) -> torch.Tensor:
        return self.layers(crops)
