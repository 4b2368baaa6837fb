"""Trains the text encoder and the UNet together: from an identity to the latents of that person's photos."""

import torch
from torch import nn

from .examples import Examples
from .networks.latent_reader import LatentReader
from .networks.painter import TIMESTEPS, alphas_cumprod, make_unet
from .networks.text_encoder import TextEncoder, text_encoder_config
from .stage import Training, read_options

_DROPOUT = 0.1  # share of the portraits whose prompt is empty, so that guidance has something to lead away from
_MAX_SNR = 5.0
_LIKENESS_WEIGHT = 0.2
_LIKENESS_FROM = 0.15  # progress from which the person's likeness is asked for; before, nothing is there to compare
_LIKENESS_TIMESTEPS = 500  # below which the first guess at the clean portrait has a face


def main(argv: list[str] | None = None) -> None:
    options = read_options("diffusion", __doc__, argv)
    w, size, device = options.workspace, options.size.diffusion, options.device
    examples = Examples(options)
    reader = w.load_result("reader", "network", LatentReader()).to(device)
    torch.manual_seed(options.seed)
    encoder = TextEncoder(text_encoder_config(size))
    unet = make_unet(size, examples.photos.resolution)
    clean_share = alphas_cumprod().float().to(device)

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows = examples.draw(size.batch)
        latents, noise = examples.latents[rows], torch.randn(size.batch, *examples.latents.shape[1:], device=device)
        t = torch.randint(TIMESTEPS, (size.batch,), device=device)
        named = torch.rand(size.batch, 1, 1, device=device) >= _DROPOUT
        share = clean_share[t][:, None, None, None]
        noisy = share.sqrt() * latents + (1 - share).sqrt() * noise
        with options.autocast():
            conditioning = torch.where(named, encoder.portraits(examples.identity(rows)), encoder.empty(size.batch))
            predicted = unet(noisy, t, conditioning).sample
        predicted = predicted.float()
        # Min-SNR (https://arxiv.org/abs/2303.09556): nearly clean latents are many, and teach little.
        snr = share / (1 - share)
        weight = snr.clamp(max=_MAX_SNR) / snr
        noise_loss = (weight * examples.attention(rows) * (predicted - noise).square()).mean()
        losses = {"loss": noise_loss, "noise": noise_loss}
        if progress >= _LIKENESS_FROM:
            guess = (noisy - (1 - share).sqrt() * predicted) / share.sqrt()
            with options.autocast():
                seen = reader(guess.clamp(-5, 5)).float()
            unlikeness = 1 - nn.functional.cosine_similarity(seen, examples.persons[examples.photos.owner[rows]])
            asked = named.flatten() & (t < _LIKENESS_TIMESTEPS)
            losses["unlikeness"] = (unlikeness * asked).sum() / asked.sum().clamp(min=1)
            losses["loss"] = noise_loss + _LIKENESS_WEIGHT * losses["unlikeness"]
        return losses

    training = Training(
        "diffusion", options, {"encoder": encoder, "unet": unet}, rate=8e-4, weight_decay=0.01, averaging=0.9995
    )
    examples.tie(training)
    training.history["scaling_factor"] = examples.scaling_factor
    training.run(step)


if __name__ == "__main__":
    main()
