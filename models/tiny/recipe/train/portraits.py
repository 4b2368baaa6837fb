"""Paints portraits with an exported bundle, by diffusers."""

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet2DConditionModel
from safetensors.torch import load_file

from .networks.text_encoder import TextEncoder


class Painter:
    def __init__(self, bundle: Path, device: torch.device) -> None:
        self._device = device
        how = {"torch_dtype": torch.float32, "low_cpu_mem_usage": False}
        self._unet = UNet2DConditionModel.from_pretrained(bundle / "arc2face", **how).to(device).eval()
        self._vae = AutoencoderKL.from_pretrained(bundle / "vae", **how).to(device).eval()
        self._encoder = TextEncoder(json.loads((bundle / "encoder/config.json").read_text()))
        self._encoder.load_state_dict(
            {name: value.float() for name, value in load_file(bundle / "encoder/model.safetensors").items()}
        )
        self._encoder.to(device).eval()
        self._scheduler_config = json.loads((bundle / "scheduler/scheduler_config.json").read_text())

    @torch.no_grad()
    def __call__(
        self, identities: np.ndarray | None, seeds: list[int], *, steps: int = 25, guidance: float = 3.0
    ) -> np.ndarray:
        """A portrait for each seed, uint8 [N, S, S, 3].

        identities: [N, 512] of length 1, or None for nobody in particular (and then no guidance)
        """
        count, side = len(seeds), self._unet.config.sample_size
        conditioning = self._encoder.empty(count)
        guided = identities is not None and guidance != 1
        if identities is not None:
            portraits = self._encoder.portraits(torch.from_numpy(identities).float().to(self._device))
            conditioning = torch.cat([conditioning, portraits]) if guided else portraits
        scheduler = DPMSolverMultistepScheduler.from_config(self._scheduler_config)
        scheduler.set_timesteps(steps, device=self._device)
        noise = [torch.randn(4, side, side, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        latents = torch.stack(noise).to(self._device) * scheduler.init_noise_sigma
        for t in scheduler.timesteps:
            model_input = scheduler.scale_model_input(torch.cat([latents] * 2) if guided else latents, t)
            predicted = self._unet(model_input, t, conditioning).sample
            if guided:
                plain, named = predicted.chunk(2)
                predicted = plain + guidance * (named - plain)
            latents = scheduler.step(predicted, t, latents).prev_sample
        images = torch.cat(
            [self._vae.decode(part / self._vae.config.scaling_factor).sample for part in latents.split(16)]
        )
        return ((images / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
