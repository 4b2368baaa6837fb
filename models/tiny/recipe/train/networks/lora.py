"""Low-rank additions to the layers of a UNet (LoRA, https://arxiv.org/abs/2106.09685), named as kohya's scripts name them."""

from collections.abc import Callable

import torch
from torch import nn

_PREFIX = "lora_unet_"
# As the LCM-LoRA of Stable Diffusion does.
_LEFT_ALONE = ("conv_in", "conv_out", "time_embedding")


class _Addition(nn.Module):
    """alpha / rank · up · down, beside a linear layer or a convolution; nothing at first."""

    def __init__(self, layer: nn.Linear | nn.Conv2d, rank: int) -> None:
        super().__init__()
        if isinstance(layer, nn.Linear):
            self.lora_down = nn.Linear(layer.in_features, rank, bias=False)
            self.lora_up = nn.Linear(rank, layer.out_features, bias=False)
        else:
            self.lora_down = nn.Conv2d(
                layer.in_channels, rank, layer.kernel_size, layer.stride, layer.padding, bias=False
            )
            self.lora_up = nn.Conv2d(rank, layer.out_channels, 1, bias=False)
        nn.init.zeros_(self.lora_up.weight)
        self.register_buffer("alpha", torch.tensor(float(rank)))
        self._rank = rank

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.alpha / self._rank * self.lora_up(self.lora_down(x))


class Lora(nn.Module):
    """Adds to the layers of `unet`, while `on`."""

    def __init__(self, unet: nn.Module, rank: int) -> None:
        super().__init__()
        self.on = True
        self.paths: dict[str, str] = {}  # of the layers in the UNet, by kohya's names
        for path, layer in unet.named_modules():
            if isinstance(layer, nn.Linear | nn.Conv2d) and not path.startswith(_LEFT_ALONE):
                name = _PREFIX + path.replace(".", "_")
                self.paths[name] = path
                addition = _Addition(layer, rank)
                self.add_module(name, addition)
                layer.register_forward_hook(self._adding(addition))

    def _adding(self, addition: _Addition) -> Callable:
        return lambda layer, given, made: made + addition(given[0]) if self.on else made
