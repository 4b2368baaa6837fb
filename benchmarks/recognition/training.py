"""Trains the recipe's recogniser on crops by person: its network, its loss and its variation of crops, for a number of steps."""

import math
import time
from dataclasses import dataclass

import recipe  # noqa: F401
import torch
from torch import nn
from train.crops import TEMPLATE, crop, estimate_alignment, jitter, normalise
from train.networks.embedder import Embedder
from train.recognition import KEYPOINT_ERROR, margin_loss, vary
from train.sizes import SIZES as RECIPE_SIZES
from train.sizes import EmbedderSize

from folders import Faces

# As the recipe trains its own.
_MARGIN, _MARGIN_GROWS = 0.3, 0.3
_RATE, _WEIGHT_DECAY, _WARM_UP_STEPS = 3e-3, 0.05, 50
_REPORTS = 10


@dataclass(frozen=True)
class TrainingSize:
    network: EmbedderSize
    people: int  # of a step, two images of each
    steps: int


SIZES = {
    # Seconds: shows that everything fits together.
    "smoke": TrainingSize(RECIPE_SIZES["smoke"].embedder, people=4, steps=3),
    # The bundle's recogniser, a few minutes of one core.
    "mini": TrainingSize(RECIPE_SIZES["cpu"].embedder, people=40, steps=1500),
    # IResNet-50's blocks and widths, and 40 times half a million images; for a GPU.
    "full": TrainingSize(
        EmbedderSize(stem_stride=2, channels=(64, 128, 256, 512), blocks=(3, 4, 14, 3), batch=256),
        people=256,
        steps=39_000,
    ),
}


class Drawing:
    """What a step sees: two different images of each of some people, all drawn anew."""

    def __init__(self, counts: torch.Tensor, people: int) -> None:
        """counts: images of each person, at least two"""
        self._counts, self._first = counts, counts.cumsum(0) - counts
        self._people = min(people, len(counts))

    def draw(self) -> torch.Tensor:
        """Rows of images [2 P]; k and k + P show one person, and no two of the first P the same one."""
        drawn = torch.randperm(len(self._counts))[: self._people]
        counts = self._counts[drawn]
        one = (torch.rand(len(drawn)) * counts).long().clamp(max=counts - 1)
        step = 1 + (torch.rand(len(drawn)) * (counts - 1)).long().clamp(max=counts - 2)
        return torch.cat([self._first[drawn] + one, self._first[drawn] + (one + step) % counts])


def new_network(size: TrainingSize, seed: int) -> Embedder:
    """Untrained; the same for the same seed."""
    torch.manual_seed(seed)
    return Embedder(size.network)


def train(size: TrainingSize, faces: Faces, seed: int, device: torch.device, name: str) -> Embedder:
    """A network that was trained for `size.steps` steps; the same for the same seed, faces and machine.

    name: what the lines of progress call it
    Unlike the recipe's it learns no traits, which no folder of images knows. Raises ArithmeticError when the loss is lost.
    """
    network = new_network(size, seed).to(device, memory_format=torch.channels_last).train()
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": _WEIGHT_DECAY}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=_RATE, betas=(0.9, 0.99))
    drawing, started = Drawing(faces.counts, size.people), time.monotonic()
    half = torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda")
    total, counted = torch.zeros((), device=device), 0
    for step in range(size.steps):
        progress = step / size.steps
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, progress)
        crops = _varied(faces.images[drawing.draw()].to(device).float())
        with half:
            embeddings = network(normalise(crops)).float()
        loss = margin_loss(embeddings, _MARGIN * min(1.0, progress / _MARGIN_GROWS))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        total, counted = total + loss.detach(), counted + 1
        if (step + 1) * _REPORTS // size.steps > step * _REPORTS // size.steps:
            mean, spent = float(total) / counted, time.monotonic() - started
            if not math.isfinite(mean):
                raise ArithmeticError(f"Expected a finite loss but received {mean} in step {step + 1} of {name}.")
            print(f"{name}: step {step + 1} of {size.steps}, loss {mean:.3f}, {spent:.0f} s", flush=True)
            total, counted = torch.zeros((), device=device), 0
    return network.eval()


def _rate(step: int, progress: float) -> float:
    """The recipe's: a cosine, after a warm-up."""
    return _RATE * min(1.0, (step + 1) / _WARM_UP_STEPS) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def _varied(crops: torch.Tensor) -> torch.Tensor:
    """Crops [N, 3, 112, 112], 0 to 255, as other cameras and another detector would have made them; never mirrored, as partings have a side."""
    keypoints = TEMPLATE.to(crops).expand(len(crops), -1, -1)
    return vary(crop(crops, estimate_alignment(jitter(keypoints, KEYPOINT_ERROR))))
