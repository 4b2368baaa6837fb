"""Trains the tiny autoencoder: the latents of the large one, and its pictures, in a fraction of the time (TAESD)."""

import torch
from torch import nn

from .examples import Examples
from .networks.painter import Decoder, make_autoencoder, make_tiny_autoencoder
from .stage import Options, Training, read_options
from .vae import EDGE_WEIGHT, attention, edge_loss, to_signed
from .workspace import fingerprint

_SHOWN = 3000  # photos whose latents the large decoder paints, once
# Standard deviation of what is added to the latents: a preview in the middle of the sampling is never quite clean.
_LATENT_NOISE = 0.05
_LATENT_WEIGHT = 0.2


@torch.no_grad()
def _painted(options: Options, examples: Examples) -> torch.Tensor:
    """What the large decoder makes of the first latents, uint8 [N, 3, S, S]."""
    w = options.workspace

    def paint() -> torch.Tensor:
        decoder = Decoder(make_autoencoder(options.size.vae, examples.photos.resolution))
        decoder = w.load_result("retouch", "network", decoder).to(options.device)
        latents = examples.latents[:_SHOWN] / examples.scaling_factor
        painted = torch.cat([((decoder(part) + 1) * 127.5).clamp(0, 255) for part in latents.split(32)])
        return painted.round().byte()

    made_of = fingerprint(w.result("vae", "network"), w.result("retouch", "network"))
    return w.cached(f"painted-{made_of}", options.device, paint)


def main(argv: list[str] | None = None) -> None:
    options = read_options("taesd", __doc__, argv)
    size = options.size.adapters.tiny
    examples = Examples(options)
    photos = examples.photos
    painted = _painted(options, examples)
    torch.manual_seed(options.seed)
    tiny = make_tiny_autoencoder(size)
    tiny.to(memory_format=torch.channels_last)

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows = torch.randint(len(painted), (size.batch,), device=painted.device)
        latents, wanted = examples.latents[rows], to_signed(painted[rows].float())
        with options.autocast():
            found = tiny.decode(latents + _LATENT_NOISE * torch.randn_like(latents)).sample
            encoded = tiny.encode(to_signed(photos.clean(rows))).latents
        weight = attention(photos.boxes[rows], photos.keypoints[rows], photos.resolution)
        error = found.float() - wanted
        losses = {
            "pixels": (weight * error.abs()).mean(),
            "squares": error.square().mean(),
            "edges": edge_loss(error, weight),
            "latents": nn.functional.smooth_l1_loss(encoded.float(), latents),
        }
        losses["loss"] = (
            losses["pixels"] + losses["squares"] + EDGE_WEIGHT * losses["edges"] + _LATENT_WEIGHT * losses["latents"]
        )
        return losses

    training = Training("taesd", options, {"network": tiny}, rate=2e-3, averaging=0.995)
    examples.tie(training)
    training.run(step)


if __name__ == "__main__":
    main()
