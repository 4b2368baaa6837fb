"""diffusers' autoencoder and UNet, and the noise schedule that Stable Diffusion 1.5 uses."""

from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import nn

from ..sizes import AutoencoderSize, DiffusionSize, TinySize
from .text_encoder import HIDDEN

LATENT_CHANNELS = 4
PIXELS_PER_LATENT = 4  # a factor of two between any two of the autoencoder's three levels
TIMESTEPS = 1000

# Stable Diffusion 1.5's scheduler_config.json.
SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.6.0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": TIMESTEPS,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}


def alphas_cumprod() -> torch.Tensor:
    """Share of the clean latents' variance in the noisy ones, float64 [1000]."""
    low, high = SCHEDULER["beta_start"] ** 0.5, SCHEDULER["beta_end"] ** 0.5
    return torch.cumprod(1 - torch.linspace(low, high, TIMESTEPS, dtype=torch.float64) ** 2, 0)


def make_autoencoder(size: AutoencoderSize, resolution: int, scaling_factor: float = 1.0) -> AutoencoderKL:
    levels = len(size.channels)
    model = AutoencoderKL(
        block_out_channels=size.channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        latent_channels=LATENT_CHANNELS,
        layers_per_block=size.layers,
        norm_num_groups=size.groups,
        sample_size=resolution,
        scaling_factor=scaling_factor,
    )
    return _with_plain_attention(model)


class Decoder(nn.Module):
    """The part of an autoencoder that paints; its weights have the names that they have in the autoencoder."""

    def __init__(self, autoencoder: AutoencoderKL) -> None:
        super().__init__()
        self.post_quant_conv, self.decoder = autoencoder.post_quant_conv, autoencoder.decoder

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.decoder(self.post_quant_conv(latents))


def make_unet(size: DiffusionSize, resolution: int) -> UNet2DConditionModel:
    """SD 1.5's block types; the finest levels have no attention, which would cost most there and say least."""
    model = UNet2DConditionModel(
        sample_size=resolution // PIXELS_PER_LATENT,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=size.channels,
        down_block_types=tuple("CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in size.attention),
        up_block_types=tuple("CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in size.attention[::-1]),
        layers_per_block=size.layers,
        norm_num_groups=size.groups,
        attention_head_dim=size.heads,  # diffusers reads it as the number of heads
        cross_attention_dim=HIDDEN,
    )
    return _with_plain_attention(model)


def make_controlnet(unet: UNet2DConditionModel, control_channels: tuple[int, int, int]) -> ControlNetModel:
    """A ControlNet (https://arxiv.org/abs/2302.05543) that starts as the UNet's encoder; `control_channels` lead from pixels to latents."""
    model = ControlNetModel.from_unet(
        unet, conditioning_channels=3, conditioning_embedding_out_channels=control_channels
    )
    # What leaves the ControlNet is nothing at first, which is enough: were what enters it nothing too, as diffusers has it,
    # thousands of steps would pass before either had something to learn from.
    for layer in model.controlnet_cond_embedding.modules():
        if isinstance(layer, nn.Conv2d):
            # SiLU halves what is small.
            nn.init.normal_(layer.weight, std=2 / layer.weight[0].numel() ** 0.5)
    return _with_plain_attention(model)


def make_tiny_autoencoder(size: TinySize) -> AutoencoderTiny:
    """TAESD's blocks (https://github.com/madebyollin/taesd), as many levels as the autoencoder has."""
    widths = (size.width,) * len(size.encoder_blocks)
    return AutoencoderTiny(
        encoder_block_out_channels=widths,
        decoder_block_out_channels=widths,
        num_encoder_blocks=size.encoder_blocks,
        num_decoder_blocks=size.decoder_blocks,
        latent_channels=LATENT_CHANNELS,
    )


def _with_plain_attention(model: Any) -> Any:
    """PyTorch's fused attention takes half of a step in bfloat16 on a CPU, and these sequences are too short to need it."""
    model.set_attn_processor(AttnProcessor())
    return model
