"""Tells patches of photos from patches of portraits: what asks the decoder for detail that no mean of errors asks for."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

_CHANNELS = (24, 48, 96)
_FINEST = 12  # channels that look at single pixels: layers that only see every other one leave patterns of dots in what they judge


class Critic(nn.Module):
    """Images in -1 … 1 [N, 3, S, S] to a verdict on each patch [N, 1, S / 8, S / 8]: positive for a photo.

    Spectral norms (https://arxiv.org/abs/1802.05957) keep it from being too sure of itself.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [spectral_norm(nn.Conv2d(3, _FINEST, 3, 1, 1)), nn.LeakyReLU(0.2)]
        inputs = _FINEST
        for outputs in _CHANNELS:
            layers += [spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1)), nn.LeakyReLU(0.2)]
            inputs = outputs
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(inputs, 1, 3, 1, 1)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layers(images)


def contest(critic: Critic, painted: torch.Tensor, photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The verdict on what was painted, to be learnt from, and the critic's own loss: the same critic, once to teach and once to learn.

    Hinges (https://arxiv.org/abs/1705.02894): what is judged rightly enough teaches nothing more.
    """
    critic.requires_grad_(False)
    verdict = critic(painted).float()
    critic.requires_grad_(True)
    on_photos, on_portraits = critic(photos).float(), critic(painted.detach()).float()
    return verdict.mean(), nn.functional.relu(1 - on_photos).mean() + nn.functional.relu(1 + on_portraits).mean()
