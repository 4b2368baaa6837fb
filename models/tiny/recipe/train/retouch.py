"""Trains the decoder last, on latents as the guided painter leaves them: it paints smoother ones than the encoder finds, and softer portraits.

Such latents come from photos that are drowned in noise in part and painted again: what is fine is the painter's, but it
lies where the photo has it, so that there still is something to compare with.
"""

import torch
from torch import nn

from .adapting import FrozenPainter
from .networks.critic import Critic, contest
from .networks.embedder import Embedder
from .networks.painter import TIMESTEPS, Decoder, make_autoencoder
from .stage import Options, Training, read_options
from .vae import EDGE_WEIGHT, FACE_WEIGHT, attention, edge_loss, face_loss, to_signed
from .workspace import fingerprint

_REPAINTED = 2048  # photos; a minute of a core for five hundred
_STEPS = 6
_GUIDANCE = 3.0
_LEAST_NOISE, _MOST_NOISE = 300, 600  # timesteps from which photos are painted again
_LATENT_NOISE = 0.05
_CRITIC_WEIGHT = 0.05
_CRITIC_FROM = 0.1  # progress from which it is listened to
# Fine detail of repainted photos is not where the photo has it: they are compared at a quarter of the size, and by the embedder.
_COARSE = 4
_GRAIN_WEIGHT = 4.0
_PATCH = 8  # pixels: over which there has to be as much fine detail as in the photo, wherever it lies


def main(argv: list[str] | None = None) -> None:
    options = read_options("retouch", __doc__, argv)
    w, size = options.workspace, options.size.vae
    painter = FrozenPainter(options)
    examples = painter.examples
    photos = examples.photos
    made_by = fingerprint(*(w.result("diffusion", name) for name in ("encoder", "unet")))
    count = min(_REPAINTED, len(photos))
    repainted = w.cached(f"repainted-{made_by}-{count}", options.device, lambda: _repaint(painter, options, count))
    torch.manual_seed(options.seed)
    autoencoder = w.load_result("vae", "network", make_autoencoder(size, photos.resolution))
    decoder = w.load_result("decoder", "network", Decoder(autoencoder)).requires_grad_(True)
    embedder = w.load_result("embedder", "network", Embedder(options.size.embedder)).to(options.device)
    critic = Critic()
    plain = size.batch // 2

    def step(progress: float) -> dict[str, torch.Tensor]:
        drawn = torch.randint(len(repainted["rows"]), (size.batch - plain,), device=options.device)
        rows = torch.cat([photos.draw(plain), repainted["rows"][drawn]])
        latents = torch.cat([examples.latents[rows[:plain]], repainted["latents"][drawn].float()])
        latents = (latents + _LATENT_NOISE * torch.randn_like(latents)) / examples.scaling_factor
        images, keypoints = photos.clean(rows), photos.keypoints[rows]
        wanted = to_signed(images)
        with options.autocast():
            painted = decoder(latents)
            # Moved about, so that no pattern can hide in the grid of its strides.
            shift = tuple(torch.randint(8, (2,)).tolist())
            verdict, unsure = contest(critic, *(torch.roll(x, shift, (2, 3)) for x in (painted, wanted)))
            face = face_loss(embedder, (painted.float() + 1) * 127.5, images, keypoints)
        weight = attention(photos.boxes[rows], keypoints, photos.resolution)
        error = painted.float() - wanted
        coarse, coarse_weight = (nn.functional.avg_pool2d(x, _COARSE) for x in (error, weight))
        losses = {
            "pixels": (weight[:plain] * error[:plain].abs()).mean(),
            "edges": edge_loss(error[:plain], weight[:plain]),
            "coarse": (coarse_weight * coarse.abs()).mean(),
            "grain": (grain(painted.float()) - grain(wanted)).abs().mean(),
            "face": face,
            "verdict": -verdict,
            "critic": unsure,
        }
        losses["loss"] = (
            losses["pixels"]
            + EDGE_WEIGHT * losses["edges"]
            + losses["coarse"]
            + _GRAIN_WEIGHT * losses["grain"]
            + FACE_WEIGHT * losses["face"]
            + losses["critic"]
        )
        if progress >= _CRITIC_FROM:
            losses["loss"] = losses["loss"] + _CRITIC_WEIGHT * losses["verdict"]
        return losses

    training = Training("retouch", options, {"network": decoder}, rate=4e-4, companions=critic, averaging=0.998)
    painter.tie(training)
    training.run(step)


def grain(images: torch.Tensor) -> torch.Tensor:
    """How much fine detail there is around each place: by how much pixels differ from their neighbours' mean."""
    differences = images - nn.functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    return nn.functional.avg_pool2d(differences.abs(), _PATCH, _PATCH // 2)


@torch.no_grad()
def _repaint(painter: FrozenPainter, options: Options, count: int) -> dict[str, torch.Tensor]:
    """Rows of photos, and their latents [count, 4, h, w] after being painted again, by DDIM's steps."""
    torch.manual_seed(options.seed)
    examples = painter.examples
    rows = torch.randperm(len(examples.photos), device=options.device)[:count]
    made = []
    for part in rows.split(32):
        n = len(part)
        conditioning = torch.cat([painter.encoder.empty(n), painter.encoder.portraits(examples.identity(part))])
        spread = torch.rand(n, device=options.device)
        first = (_LEAST_NOISE + (_MOST_NOISE - _LEAST_NOISE) * spread).long().clamp(max=TIMESTEPS - 1)
        latents = painter.noisy(examples.latents[part], torch.randn_like(examples.latents[part]), first)
        for k in range(_STEPS):
            t, after = first * (_STEPS - k) // _STEPS, first * (_STEPS - k - 1) // _STEPS
            nobody, named = painter.unet(latents.repeat(2, 1, 1, 1), t.repeat(2), conditioning).sample.chunk(2)
            noise = nobody + _GUIDANCE * (named - nobody)
            share = painter.share[t][:, None, None, None]
            clean = (latents - (1 - share).sqrt() * noise) / share.sqrt()
            latents = clean if k == _STEPS - 1 else painter.noisy(clean, noise, after)
        made.append(latents)
    return {"rows": rows, "latents": torch.cat(made)}


if __name__ == "__main__":
    main()
