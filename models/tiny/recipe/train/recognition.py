"""What the embedder and the evaluator share: training with an additive angular margin, and how their crops are varied."""

import torch
from torch import nn

from .crops import crop, estimate_alignment, jitter, normalise
from .networks.embedder import EMBEDDING
from .photos import PhotoSet
from .stage import Options, Training

_SCALE = 32.0
# A detector is wrong by about so much of the distance from the eyes to the mouth.
KEYPOINT_ERROR = 0.04


class AngularMargin(nn.Module):
    """ArcFace's loss (https://arxiv.org/abs/1801.07698): the angle to the own class has to be smaller by a margin."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(classes, EMBEDDING) * 0.05)

    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor, margin: float) -> torch.Tensor:
        cosines = nn.functional.linear(
            nn.functional.normalize(embeddings.float()), nn.functional.normalize(self.centres)
        )
        own = cosines.gather(1, labels[:, None])
        angle = own.clamp(-1 + 1e-6, 1 - 1e-6).acos()
        # Beyond π the cosine would rise again.
        target = torch.cos((angle + margin).clamp(max=torch.pi))
        return nn.functional.cross_entropy(_SCALE * cosines.scatter(1, labels[:, None], target), labels)


def vary(crops: torch.Tensor) -> torch.Tensor:
    """Crops [N, 3, S, S], 0 to 255, as worse cameras and painters would give them: darker, softer, partly hidden."""
    count, device = len(crops), crops.device
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
    return torch.where((down[:, :, None] & across[:, None, :])[:, None], 127.5, crops).clamp(0, 255)


class _Companions(nn.Module):
    """Trained along with a recogniser and then dropped: the centres of the classes, and a reader of traits."""

    def __init__(self, classes: int, traits: int) -> None:
        super().__init__()
        self.margin = AngularMargin(classes)
        self.traits = nn.Linear(EMBEDDING, traits)


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
) -> None:
    """
    people: indices of the people to train on
    trait_weight: of a second task, reading the traits of the person off the embedding; 0 leaves it out
    """
    labels = torch.full((photos.people,), -1, device=photos.device)
    labels[people] = torch.arange(len(people), device=photos.device)
    rows = torch.nonzero(labels[photos.owner] >= 0)[:, 0]
    traits = photos.traits[people]
    traits = (traits - traits.mean(0)) / traits.std(0).clamp(min=1e-3)
    companions = _Companions(len(people), traits.shape[1])

    def step(progress: float) -> dict[str, torch.Tensor]:
        drawn = rows[torch.randint(len(rows), (batch,), device=photos.device)]
        alignment = estimate_alignment(jitter(photos.keypoints[drawn], KEYPOINT_ERROR))
        crops = vary(crop(photos.images(drawn), alignment))
        with options.autocast():
            embeddings = network(normalise(crops)).float()
        own = labels[photos.owner[drawn]]
        # The margin grows: from the start it would keep the centres from spreading.
        losses = {"margin": companions.margin(embeddings, own, margin * min(1.0, progress / 0.3))}
        if trait_weight > 0:
            read = companions.traits(EMBEDDING**0.5 * nn.functional.normalize(embeddings))
            losses["traits"] = nn.functional.mse_loss(read, traits[own])
        return {"loss": losses["margin"] + trait_weight * losses.get("traits", 0.0), **losses}

    Training(stage, options, {"network": network}, rate=2e-3, weight_decay=0.05, companions=companions).run(step)


@torch.no_grad()
def embed(network: nn.Module, images: torch.Tensor, keypoints: torch.Tensor) -> torch.Tensor:
    """Embeddings of length 1 [N, 512] of the faces in photos [N, 3, S, S], 0 to 255."""
    crops = crop(images, estimate_alignment(keypoints))
    return nn.functional.normalize(network(normalise(crops)).float())
