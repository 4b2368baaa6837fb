"""Trains the autoencoder: photos to 4 × (S / 8)² latents and back, with the embedder watching over the face."""

import functools

import torch
from torch import nn

from .crops import crop, estimate_alignment, normalise
from .networks.embedder import Embedder
from .networks.painter import PIXELS_PER_LATENT, make_autoencoder
from .photos import PhotoSet
from .stage import Training, read_options

EDGE_WEIGHT = 0.5
FACE_WEIGHT = 0.1
_KL_WEIGHT = 3e-4
_FACE_ATTENTION = 3.0  # how much more an error in the face counts than one beside it
# Progress from which whole photos are painted, and the embedder watches. Before, it is two thirds of each side, around the face,
# and nobody watches: there would be a blur to see, at the cost of the autoencoder once more.
_WHOLE_FROM = 0.6


def to_signed(images: torch.Tensor) -> torch.Tensor:
    """0 … 255 to the autoencoder's -1 … 1."""
    return images / 127.5 - 1


def around_faces(images: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Parts of photos, two thirds of each side (a multiple of 8), with the face somewhere in them.

    images: [N, 3, S, S]; boxes: [N, 4]. Returns the parts [N, 3, P, P] and the boxes in them.
    """
    side = images.shape[2]
    part = side * 2 // 3 // PIXELS_PER_LATENT * PIXELS_PER_LATENT
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2 + part / 8 * torch.randn(len(boxes), 2, device=boxes.device)
    corner = (middle - part / 2).round().clamp(0, side - part)
    parts = [image[:, y : y + part, x : x + part] for image, (x, y) in zip(images, corner.long().tolist())]
    return torch.stack(parts), boxes - corner.repeat(1, 2)


def attention(boxes: torch.Tensor, side: int) -> torch.Tensor:
    """How much each pixel counts [N, 1, side, side], 1 on average."""
    axis = torch.arange(side, device=boxes.device)
    x0, y0, x1, y1 = (edge[:, None] for edge in boxes.unbind(1))
    across, down = (axis >= x0) & (axis <= x1), (axis >= y0) & (axis <= y1)
    weight = 1 + (_FACE_ATTENTION - 1) * (down[:, :, None] & across[:, None, :]).float()
    return (weight / weight.mean((1, 2), keepdim=True))[:, None]


def edge_loss(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean difference of the differences between neighbours, at three scales: blur costs, even where the mean is right.

    error: painted less wanted [N, 3, S, S]; weight: of each pixel [N, 1, S, S]
    """
    total = error.new_zeros(())
    for _ in range(3):
        across, down = error[..., 1:] - error[..., :-1], error[..., 1:, :] - error[..., :-1, :]
        total = total + (weight[..., 1:] * across.abs()).mean() + (weight[..., 1:, :] * down.abs()).mean()
        error, weight = nn.functional.avg_pool2d(error, 2), nn.functional.avg_pool2d(weight, 2)
    return total


def face_loss(embedder: Embedder, painted: torch.Tensor, photos: torch.Tensor, keypoints: torch.Tensor) -> torch.Tensor:
    """How differently the embedder sees two faces at the same place: in its inner layers, and as persons."""
    alignment = estimate_alignment(keypoints)
    with torch.no_grad():
        wanted = embedder.features(normalise(crop(photos, alignment)))
        person = embedder.embed(wanted).float()
    seen = embedder.features(normalise(crop(painted.clamp(-5, 260), alignment)))
    total = 1 - nn.functional.cosine_similarity(embedder.embed(seen).float(), person).mean()
    for a, b in zip(seen[:3], wanted[:3]):
        a, b = (nn.functional.normalize(x.float(), dim=1) for x in (a, b))
        total = total + (a - b).square().sum(1).mean()
    return total


def main(argv: list[str] | None = None) -> None:
    options = read_options("vae", __doc__, argv)
    photos = PhotoSet(options.workspace.data / "people-train", options.device)
    size = options.size.vae
    autoencoder = make_autoencoder(size, photos.resolution)

    @functools.cache
    def embedder() -> Embedder:
        """Not read before it is needed, so that both can be trained beside each other."""
        network = Embedder(options.size.embedder)
        return options.workspace.load_result("embedder", "network", network).to(options.device)

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows = photos.draw(size.batch)
        images, boxes = photos.images(rows), photos.boxes[rows]
        whole = progress >= _WHOLE_FROM
        if not whole:
            images, boxes = around_faces(images, boxes)
        weight = attention(boxes, images.shape[2])
        wanted = to_signed(images)
        with options.autocast():
            posterior = autoencoder.encode(wanted).latent_dist
            painted = autoencoder.decode(posterior.sample()).sample
        error = painted.float() - wanted
        pixels = (weight * error.abs()).mean()
        edges = edge_loss(error, weight)
        kl = posterior.kl().float().mean() / posterior.mean[0].numel()
        losses = {"pixels": pixels, "edges": edges, "kl": kl}
        loss = pixels + EDGE_WEIGHT * edges + _KL_WEIGHT * kl
        if whole:
            with options.autocast():
                losses["face"] = face_loss(embedder(), (painted.float() + 1) * 127.5, images, photos.keypoints[rows])
            loss = loss + FACE_WEIGHT * losses["face"]
        return {"loss": loss, **losses}

    Training("vae", options, {"network": autoencoder}, rate=1e-3, averaging=0.998).run(step)


if __name__ == "__main__":
    main()
