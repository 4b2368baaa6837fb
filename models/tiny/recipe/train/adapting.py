"""What the adapters' stages share: the painter as the diffusion left it, frozen, and one step of asking it for noise."""

from typing import NamedTuple

import torch

from .examples import Examples
from .networks.painter import TIMESTEPS, alphas_cumprod, make_unet
from .networks.text_encoder import TextEncoder, text_encoder_config
from .stage import Options, Training
from .workspace import fingerprint

_DROPOUT = 0.1  # share of the portraits that are nobody's, for guidance; as in the diffusion's own training
_MAX_SNR = 5.0  # as there


class Question(NamedTuple):
    """Noisy latents of portraits, and what is known about them."""

    latents: torch.Tensor  # [N, 4, h, w]: what it is without noise
    noise: torch.Tensor
    noisy: torch.Tensor
    t: torch.Tensor  # [N]
    named: torch.Tensor  # bool [N]: whether the person is given
    conditioning: torch.Tensor  # [N, T, hidden]


class FrozenPainter:
    """Text encoder and UNet of the stage `diffusion`, and the examples that they were trained on."""

    def __init__(self, options: Options) -> None:
        w, size = options.workspace, options.size.diffusion
        self.examples = Examples(options)
        self.encoder = w.load_result("diffusion", "encoder", TextEncoder(text_encoder_config(size))).to(options.device)
        unet = make_unet(size, self.examples.photos.resolution)
        self.unet = w.load_result("diffusion", "unet", unet).to(options.device)
        self.share = alphas_cumprod().float().to(options.device)
        self._made_by = fingerprint(w.result("diffusion", "unet"))

    @torch.no_grad()
    def ask(self, rows: torch.Tensor, latents: torch.Tensor | None = None) -> Question:
        """
        rows: photos of the persons who are asked for
        latents: [N, 4, h, w] of the portraits, if they are not those photos
        """
        count, device = len(rows), rows.device
        latents = self.examples.latents[rows] if latents is None else latents
        noise = torch.randn_like(latents)
        # The more noise, the more often: what an adapter says is decided early.
        t = (TIMESTEPS * torch.rand(count, device=device).sqrt()).long()
        named = torch.rand(count, device=device) >= _DROPOUT
        portraits = self.encoder.portraits(self.examples.identity(rows))
        conditioning = torch.where(named[:, None, None], portraits, self.encoder.empty(count))
        return Question(latents, noise, self.noisy(latents, noise, t), t, named, conditioning)

    def noisy(self, latents: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        share = self.share[t][:, None, None, None]
        return share.sqrt() * latents + (1 - share).sqrt() * noise

    def noise_loss(
        self, predicted: torch.Tensor, question: Question, min_snr: float, attention: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Squared error, weighted by the noise and by `attention` [N, 1, h, w].

        Where there is much noise it counts as that of the guess at the clean latents would: an adapter decides early, and noise is
        foreseen there well enough by all who know nothing. Elsewhere as in Min-SNR (https://arxiv.org/abs/2303.09556).
        min_snr: with less signal than that nothing counts more; the smaller, the earlier is what is learnt best
        """
        share = self.share[question.t][:, None, None, None]
        snr = (share / (1 - share)).clamp(min=min_snr)
        error = (snr.clamp(1, _MAX_SNR) / snr) * (predicted.float() - question.noise).square()
        return (error if attention is None else attention * error).mean()

    def tie(self, training: Training) -> None:
        """An adapter fits one painter only."""
        if training.history.setdefault("made_for", self._made_by) != self._made_by:
            raise SystemExit(
                f"Expected the diffusion that this {training.stage} was trained for, but it has changed: remove its files."
            )
