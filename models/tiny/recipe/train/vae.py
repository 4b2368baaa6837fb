"""Trains the autoencoder: photos to 4 × (S / 8)² latents and back, with the embedder watching over the face."""

import torch
from torch import nn

from .crops import crop, estimate_alignment, normalise
from .networks.embedder import Embedder
from .networks.painter import make_autoencoder
from .photos import PhotoSet
from .stage import Training, read_options

_KL_WEIGHT = 3e-4
_EDGE_WEIGHT = 0.5
_FACE_WEIGHT = 0.1


def to_signed(images: torch.Tensor) -> torch.Tensor:
    """0 … 255 to the autoencoder's -1 … 1."""
    return images / 127.5 - 1


def edge_loss(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean difference of the differences between neighbours, at three scales: blur costs, even where the mean is right."""
    error, total = a - b, a.new_zeros(())
    for _ in range(3):
        total = (
            total
            + (error[..., 1:] - error[..., :-1]).abs().mean()
            + (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
        )
        error = nn.functional.avg_pool2d(error, 2)
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
    embedder = options.workspace.load_result("embedder", "network", Embedder(options.size.embedder)).to(options.device)

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows = photos.draw(size.batch)
        images = photos.images(rows)
        wanted = to_signed(images)
        with options.autocast():
            posterior = autoencoder.encode(wanted).latent_dist
            painted = autoencoder.decode(posterior.sample()).sample
        painted = painted.float()
        pixels = nn.functional.l1_loss(painted, wanted)
        edges = edge_loss(painted, wanted)
        kl = posterior.kl().float().mean() / posterior.mean[0].numel()
        with options.autocast():
            face = face_loss(embedder, (painted + 1) * 127.5, images, photos.keypoints[rows])
        loss = pixels + _EDGE_WEIGHT * edges + _KL_WEIGHT * kl + _FACE_WEIGHT * face
        return {"loss": loss, "pixels": pixels, "edges": edges, "kl": kl, "face": face}

    Training("vae", options, {"network": autoencoder}, rate=1e-3, averaging=0.998).run(step)


if __name__ == "__main__":
    main()
