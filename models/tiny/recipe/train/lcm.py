"""Trains the LCM-LoRA: portraits in four steps without guidance, as the painter paints them in many steps with it.

Latent consistency distillation (https://arxiv.org/abs/2310.04378) into a LoRA (https://arxiv.org/abs/2311.05556): the first guess
at a portrait is to be the same from any two neighbouring points of one path of the guided painter.
"""

import torch

from .adapting import FrozenPainter
from .networks.lora import Lora
from .networks.painter import TIMESTEPS
from .stage import Training, read_options

_STOPS = 25  # on a path; upstream has 50, and what is learnt at its end then takes twice as many steps to reach its beginning
_GUIDANCE = 3.0  # which the painter has by default
# As diffusers' LCMScheduler has them: the nearer to no noise, the less a guess may leave the latents as they are.
_DATA_SPREAD, _TIMESTEP_SCALE = 0.5, 10.0
_HUBER = 0.001


def boundary(t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How much of the noisy latents and of the guess a consistent guess is made of, each [N, 1, 1, 1]."""
    scaled = (_TIMESTEP_SCALE * t.float())[:, None, None, None]
    square = _DATA_SPREAD**2
    return square / (scaled**2 + square), scaled / (scaled**2 + square).sqrt()


def main(argv: list[str] | None = None) -> None:
    options = read_options("lcm", __doc__, argv)
    size, device = options.size.adapters, options.device
    painter = FrozenPainter(options)
    examples = painter.examples
    torch.manual_seed(options.seed)
    lora = Lora(painter.unet, size.lcm_rank)
    nobody = painter.encoder.empty(size.batch)
    stride = TIMESTEPS // _STOPS

    def guess(noisy: torch.Tensor, t: torch.Tensor, conditioning: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The clean latents, and the noise."""
        share = painter.share[t][:, None, None, None]
        noise = painter.unet(noisy, t, conditioning).sample.float()
        return (noisy - (1 - share).sqrt() * noise) / share.sqrt(), noise

    def consistent(noisy: torch.Tensor, t: torch.Tensor, conditioning: torch.Tensor) -> torch.Tensor:
        kept, guessed = boundary(t)
        return kept * noisy + guessed * guess(noisy, t, conditioning)[0]

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows = examples.draw(size.batch)
        latents, portraits = examples.latents[rows], painter.encoder.portraits(examples.identity(rows))
        t = (torch.randint(_STOPS, (size.batch,), device=device) + 1) * stride - 1
        before = (t - stride).clamp(min=0)
        noisy = painter.noisy(latents, torch.randn_like(latents), t)
        with options.autocast():
            lora.on = False
            with torch.no_grad():
                # One step of DDIM (https://arxiv.org/abs/2010.02502) by the guided painter.
                clean, noise = guess(noisy.repeat(2, 1, 1, 1), t.repeat(2), torch.cat([nobody, portraits]))
                clean, noise = (a + _GUIDANCE * (b - a) for a, b in (clean.chunk(2), noise.chunk(2)))
                nearer = painter.noisy(clean, noise, before)
            lora.on = True
            with torch.no_grad():
                wanted = consistent(nearer, before, portraits)
            found = consistent(noisy, t, portraits)
        error = ((found - wanted).square() + _HUBER**2).sqrt() - _HUBER
        return {"loss": (examples.attention(rows) * error).mean()}

    training = Training("lcm", options, {"network": lora}, rate=1e-3, averaging=0.995)
    painter.tie(training)
    training.run(step)


if __name__ == "__main__":
    main()
