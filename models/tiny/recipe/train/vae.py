"""Trains the autoencoder: photos to 4 × (S / 4)² latents and back, with the embedder watching over the face."""

import functools
from typing import NamedTuple

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
_FEATURE_ATTENTION = 6.0  # and one in an eye, at the nose's tip or the mouth's corners: small, and looked at first
_FEATURE_REACH = 0.22  # how far those reach, in distances from the eyes to the mouth
_BLURRED_PHOTOS = 0.3  # share of photos that are given as the camera took them; what is wanted back is always clean
# Latents of half the size have to show the photo at half the size (https://arxiv.org/abs/2502.09509): without that a fine
# autoencoder hides detail in high frequencies of the latents, where a diffusion learns it last.
_SCALE_WEIGHT = 0.25
# Progress from which whole photos are painted, and the embedder watches. Before, it is two thirds of each side, around the face,
# and nobody watches: there would be a blur to see, at the cost of the autoencoder once more.
_WHOLE_FROM = 0.75


def to_signed(images: torch.Tensor) -> torch.Tensor:
    """0 … 255 to the autoencoder's -1 … 1."""
    return images / 127.5 - 1


class View(NamedTuple):
    """Photos, or parts of them, and where the faces are in them."""

    given: torch.Tensor  # [N, 3, S, S], 0 to 255: what the autoencoder is shown
    wanted: torch.Tensor  # [N, 3, S, S]: what it is to paint
    boxes: torch.Tensor  # [N, 4]
    keypoints: torch.Tensor  # [N, 5, 2]


def around_faces(view: View) -> View:
    """Two thirds of each side, with the face somewhere in them."""
    side = view.given.shape[2]
    part = side * 2 // 3 // PIXELS_PER_LATENT * PIXELS_PER_LATENT
    middle = (view.boxes[:, :2] + view.boxes[:, 2:]) / 2
    middle = middle + part / 8 * torch.randn_like(middle)
    corner = (middle - part / 2).round().clamp(0, side - part)

    def parts(whole: torch.Tensor) -> torch.Tensor:
        corners = corner.long().tolist()
        return torch.stack([image[:, y : y + part, x : x + part] for image, (x, y) in zip(whole, corners)])

    return View(
        parts(view.given), parts(view.wanted), view.boxes - corner.repeat(1, 2), view.keypoints - corner[:, None]
    )


def attention(boxes: torch.Tensor, keypoints: torch.Tensor, side: int) -> torch.Tensor:
    """How much each pixel of images of `side` counts [N, 1, side, side], 1 on average.

    boxes: [N, 4]; keypoints: [N, 5, 2]
    """
    axis = torch.arange(side, device=boxes.device)
    x0, y0, x1, y1 = (edge[:, None] for edge in boxes.unbind(1))
    across, down = (axis >= x0) & (axis <= x1), (axis >= y0) & (axis <= y1)
    weight = 1 + (_FACE_ATTENTION - 1) * (down[:, :, None] & across[:, None, :]).float()
    reach = _FEATURE_REACH * (keypoints[:, :2].mean(1) - keypoints[:, 3:].mean(1)).norm(dim=1)[:, None, None]
    near_x, near_y = (torch.exp(-0.5 * ((axis - keypoints[..., k, None]) / reach) ** 2) for k in (0, 1))
    features = (near_y[..., :, None] * near_x[..., None, :]).amax(1)
    weight = weight + (_FEATURE_ATTENTION - _FACE_ATTENTION) * features
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
    autoencoder.to(memory_format=torch.channels_last)  # a tenth faster on a CPU

    @functools.cache
    def embedder() -> Embedder:
        """Not read before it is needed, so that both can be trained beside each other."""
        network = Embedder(options.size.embedder)
        return options.workspace.load_result("embedder", "network", network).to(options.device)

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows = photos.draw(size.batch)
        clean = photos.clean(rows)
        taken = torch.rand(size.batch, 1, 1, 1, device=photos.device) < _BLURRED_PHOTOS
        view = View(torch.where(taken, photos.images(rows), clean), clean, photos.boxes[rows], photos.keypoints[rows])
        whole = progress >= _WHOLE_FROM
        if not whole:
            view = around_faces(view)
        weight = attention(view.boxes, view.keypoints, view.wanted.shape[2])
        wanted = to_signed(view.wanted)
        with options.autocast():
            posterior = autoencoder.encode(to_signed(view.given)).latent_dist
            latents = posterior.sample()
            painted = autoencoder.decode(latents).sample
            small = autoencoder.decode(nn.functional.avg_pool2d(latents, 2)).sample
        error = painted.float() - wanted
        losses = {
            "pixels": (weight * error.abs()).mean(),
            "edges": edge_loss(error, weight),
            "scale": (small.float() - nn.functional.avg_pool2d(wanted, 2)).abs().mean(),
            "kl": posterior.kl().float().mean() / posterior.mean[0].numel(),
        }
        loss = (
            losses["pixels"]
            + EDGE_WEIGHT * losses["edges"]
            + _SCALE_WEIGHT * losses["scale"]
            + _KL_WEIGHT * losses["kl"]
        )
        if whole:
            with options.autocast():
                losses["face"] = face_loss(embedder(), (painted.float() + 1) * 127.5, view.wanted, view.keypoints)
            loss = loss + FACE_WEIGHT * losses["face"]
        return {"loss": loss, **losses}

    Training("vae", options, {"network": autoencoder}, rate=1e-3, averaging=0.998).run(step)


if __name__ == "__main__":
    main()
