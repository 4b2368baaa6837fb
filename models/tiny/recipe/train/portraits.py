"""Paints portraits with an exported bundle, by diffusers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet2DConditionModel
from safetensors.torch import load_file

from .networks.text_encoder import TextEncoder

Predictor = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Predicts noise from noisy latents, the timestep and the conditioning; under guidance nobody's half of the batch comes first."""


class Painter:
    def __init__(self, bundle: Path, device: torch.device) -> None:
        self._device = device
        how = {"torch_dtype": torch.float32, "low_cpu_mem_usage": False}
        self.unet = UNet2DConditionModel.from_pretrained(bundle / "arc2face", **how).to(device).eval()
        self.vae = AutoencoderKL.from_pretrained(bundle / "vae", **how).to(device).eval()
        self.encoder = TextEncoder(json.loads((bundle / "encoder/config.json").read_text()))
        self.encoder.load_state_dict(
            {name: value.float() for name, value in load_file(bundle / "encoder/model.safetensors").items()}
        )
        self.encoder.to(device).eval()
        self._scheduler_config = json.loads((bundle / "scheduler/scheduler_config.json").read_text())

    @torch.no_grad()
    def latents(
        self,
        identities: np.ndarray | None,
        seeds: list[int],
        *,
        steps: int = 25,
        guidance: float = 3.0,
        sampler: Any = DPMSolverMultistepScheduler,
        predict: Predictor | None = None,
    ) -> torch.Tensor:
        """Of a portrait for each seed, [N, 4, h, w].

        identities: [N, 512] of length 1, or None for nobody in particular (and then no guidance)
        sampler: a class of diffusers
        predict: something else than the UNet alone
        """
        predict = predict or self.predict
        count, side = len(seeds), self.unet.config.sample_size
        conditioning = self.encoder.empty(count)
        guided = identities is not None and guidance != 1
        if identities is not None:
            portraits = self.encoder.portraits(torch.from_numpy(identities).float().to(self._device))
            conditioning = torch.cat([conditioning, portraits]) if guided else portraits
        scheduler = sampler.from_config(self._scheduler_config)
        scheduler.set_timesteps(steps, device=self._device)
        noise = [torch.randn(4, side, side, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        latents = torch.stack(noise).to(self._device) * scheduler.init_noise_sigma
        for t in scheduler.timesteps:
            model_input = scheduler.scale_model_input(torch.cat([latents] * 2) if guided else latents, t)
            predicted = predict(model_input, t, conditioning)
            if guided:
                plain, named = predicted.chunk(2)
                predicted = plain + guidance * (named - plain)
            latents = scheduler.step(predicted, t, latents).prev_sample
        return latents

    def predict(self, noisy: torch.Tensor, t: torch.Tensor, conditioning: torch.Tensor) -> torch.Tensor:
        """By the UNet alone."""
        return self.unet(noisy, t, conditioning).sample

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> np.ndarray:
        """uint8 [N, S, S, 3]"""
        images = [self.vae.decode(part / self.vae.config.scaling_factor).sample for part in latents.split(16)]
        return as_bytes(torch.cat(images))

    @torch.no_grad()
    def encode(self, photos: np.ndarray) -> torch.Tensor:
        """Photos uint8 [N, S, S, 3] as latents [N, 4, h, w], without the posterior's noise."""
        given = torch.from_numpy(photos).to(self._device).permute(0, 3, 1, 2).float() / 127.5 - 1
        return (
            torch.cat([self.vae.encode(part).latent_dist.mean for part in given.split(16)])
            * self.vae.config.scaling_factor
        )

    def __call__(self, identities: np.ndarray | None, seeds: list[int], **how: Any) -> np.ndarray:
        """A portrait for each seed, uint8 [N, S, S, 3]; how: as for `latents`"""
        return self.decode(self.latents(identities, seeds, **how))


def as_bytes(images: torch.Tensor) -> np.ndarray:
    """-1 … 1 [N, 3, S, S] as pixels [N, S, S, 3]."""
    return ((images / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
