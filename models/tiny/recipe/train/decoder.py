"""Trains the autoencoder's decoder further, from latents as they are: sharper portraits, of which the diffusion need not know."""

import torch
from torch import nn

from .examples import Examples
from .networks.critic import Critic, contest
from .networks.embedder import Embedder
from .networks.painter import Decoder, make_autoencoder
from .stage import Training, read_options
from .vae import EDGE_WEIGHT, FACE_WEIGHT, attention, edge_loss, face_loss, to_signed

# Standard deviation, in latents of variance 1: what a sampler leaves is not exactly what the encoder makes.
_LATENT_NOISE = 0.05
_COLOUR_WEIGHT = 2.0
_CRITIC_WEIGHT = 0.03
_CRITIC_FROM = 0.1  # progress from which it is listened to; before, it has nothing to say


def main(argv: list[str] | None = None) -> None:
    options = read_options("decoder", __doc__, argv)
    w, size = options.workspace, options.size.vae
    examples = Examples(options)
    photos = examples.photos
    torch.manual_seed(options.seed)
    decoder = Decoder(w.load_result("vae", "network", make_autoencoder(size, photos.resolution))).requires_grad_(True)
    embedder = w.load_result("embedder", "network", Embedder(options.size.embedder)).to(options.device)
    critic = Critic()

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows = photos.draw(size.batch)
        latents = examples.latents[rows]
        latents = (latents + _LATENT_NOISE * torch.randn_like(latents)) / examples.scaling_factor
        images, keypoints = photos.clean(rows), photos.keypoints[rows]
        wanted = to_signed(images)
        with options.autocast():
            painted = decoder(latents)
            verdict, unsure = contest(critic, painted, wanted)
            face = face_loss(embedder, (painted.float() + 1) * 127.5, images, keypoints)
        weight = attention(photos.boxes[rows], keypoints, photos.resolution)
        error = painted.float() - wanted
        losses = {
            "pixels": (weight * error.abs()).mean(),
            "edges": edge_loss(error, weight),
            # What all channels err by alike is brightness; the rest, over 4 × 4 pixels, is a cast that the eye sees at once.
            "colours": nn.functional.avg_pool2d(error - error.mean(1, keepdim=True), 4).abs().mean(),
            "face": face,
            "verdict": -verdict,
            "critic": unsure,
        }
        losses["loss"] = (
            losses["pixels"]
            + EDGE_WEIGHT * losses["edges"]
            + _COLOUR_WEIGHT * losses["colours"]
            + FACE_WEIGHT * losses["face"]
            + losses["critic"]
        )
        if progress >= _CRITIC_FROM:
            losses["loss"] = losses["loss"] + _CRITIC_WEIGHT * losses["verdict"]
        return losses

    training = Training("decoder", options, {"network": decoder}, rate=6e-4, companions=critic, averaging=0.998)
    examples.tie(training)
    training.run(step)


if __name__ == "__main__":
    main()
