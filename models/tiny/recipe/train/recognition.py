"""What the embedder and the evaluator share: training with an additive angular margin, and how their crops are varied."""

import contextlib

import torch
from torch import nn

from .crops import crop, estimate_alignment, jitter, normalise
from .networks.embedder import EMBEDDING
from .photos import PhotoSet
from .stage import Options, Training

_SCALE = 16.0
# A detector is wrong by about so much of the distance from the eyes to the mouth.
KEYPOINT_ERROR = 0.04


def margin_loss(embeddings: torch.Tensor, margin: float) -> torch.Tensor:
    """ArcFace's additive angular margin (https://arxiv.org/abs/1801.07698), with another photo of the person as the class's centre.

    embeddings: [2 N, 512]; rows k and k + N show one person, and no two of the first N the same one
    The angle between the two has to be smaller, by the margin, than that to any other row. Learnt centres would be a
    parameter per person that sees its few photos a few times: with thousands of people and an hour that is too seldom.
    """
    count = len(embeddings) // 2
    unit = nn.functional.normalize(embeddings.float())
    cosines = unit @ unit.T
    partner = torch.arange(2 * count, device=unit.device).roll(count)
    angle = cosines.gather(1, partner[:, None]).clamp(-1 + 1e-6, 1 - 1e-6).acos()
    # Beyond π the cosine would rise again.
    target = torch.cos((angle + margin).clamp(max=torch.pi))
    logits = _SCALE * cosines.scatter(1, partner[:, None], target)
    return nn.functional.cross_entropy(logits.fill_diagonal_(-torch.inf), partner)


def vary(crops: torch.Tensor) -> torch.Tensor:
    """Half of the crops [N, 3, S, S], 0 to 255, as worse cameras and painters would give them: darker, softer, partly hidden.

    If all were, small differences between people would be learnt much later.
    """
    count, device = len(crops), crops.device
    given = crops
    gain = 1 + 0.12 * torch.randn(count, 1, 1, 1, device=device) + 0.04 * torch.randn(count, 3, 1, 1, device=device)
    crops = crops * gain
    # A random third loses fine detail.
    soft = torch.rand(count, device=device) < 1 / 3
    side = int(torch.randint(32, 96, ()))
    small = nn.functional.interpolate(crops, (side, side), mode="bilinear", antialias=True)
    crops = torch.where(
        soft[:, None, None, None], nn.functional.interpolate(small, crops.shape[2:], mode="bilinear"), crops
    )
    crops = crops + 6 * torch.rand(count, 1, 1, 1, device=device) * torch.randn_like(crops)
    # A random fifth has a grey patch before it.
    axis = torch.arange(crops.shape[2], device=device)
    centre, reach = torch.rand(2, count, 1, device=device) * crops.shape[2], 16 * torch.rand(count, 1, device=device)
    reach = reach * (torch.rand(count, 1, device=device) < 0.2)
    across, down = ((axis - c).abs() < reach for c in centre)
    crops = torch.where((down[:, :, None] & across[:, None, :])[:, None], 127.5, crops).clamp(0, 255)
    return torch.where(torch.rand(count, 1, 1, 1, device=device) < 0.5, crops, given)


def train_recogniser(
    stage: str,
    options: Options,
    network: nn.Module,
    photos: PhotoSet,
    *,
    people: torch.Tensor,
    batch: int,
    margin: float,
    trait_weight: float,
    half: bool = True,
) -> None:
    """
    people: indices of the people to train on
    batch: people of a step, two photos of each
    trait_weight: of a second task, reading the traits of the person off the embedding
    half: bfloat16 where it is fast; convolutions by channel are slower in it on a CPU
    """
    traits = photos.traits[people]
    traits = (traits - traits.mean(0)) / traits.std(0).clamp(min=1e-3)
    reader = nn.Linear(EMBEDDING, traits.shape[1])
    network.to(memory_format=torch.channels_last)  # a fifth to a third faster on a CPU

    def step(progress: float) -> dict[str, torch.Tensor]:
        drawn = torch.randperm(len(people), device=photos.device)[:batch]
        rows = people[drawn] * photos.photos + torch.randint(photos.photos, (len(drawn),), device=photos.device)
        rows = torch.cat([rows, photos.others(rows)])
        alignment = estimate_alignment(jitter(photos.keypoints[rows], KEYPOINT_ERROR))
        crops = vary(crop(photos.images(rows), alignment))
        with options.autocast() if half else contextlib.nullcontext():
            embeddings = network(normalise(crops)).float()
        # The margin grows: from the start it would keep the first differences from being learnt.
        apart = margin_loss(embeddings, margin * min(1.0, progress / 0.3))
        read = reader(EMBEDDING**0.5 * nn.functional.normalize(embeddings))
        known = nn.functional.mse_loss(read, traits[drawn].repeat(2, 1))
        return {"loss": apart + trait_weight * known, "margin": apart, "traits": known}

    Training(stage, options, {"network": network}, rate=3e-3, weight_decay=0.05, companions=reader).run(step)
