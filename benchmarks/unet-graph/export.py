"""Writes a UNet of Stable Diffusion 1.5's size and random weights: as a diffusers checkpoint, and as PyTorch exports it.

    python export.py <folder>

Makes <folder>/unet/ (config.json and weights, 3.4 GB) and <folder>/pytorch.onnx with its data file (3.4 GB).
"""

import sys
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor

CONFIG = {
    "sample_size": 64,
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "attention_head_dim": 8,
    "cross_attention_dim": 768,
}


class EpsOnly(torch.nn.Module):
    def __init__(self, unet):
        super().__init__()
        self.unet = unet

    def forward(self, sample, timestep, encoder_hidden_states):
        return self.unet(sample, timestep, encoder_hidden_states, return_dict=False)[0]


def main(folder: Path) -> None:
    torch.manual_seed(0)
    unet = UNet2DConditionModel(**CONFIG).eval()
    unet.save_pretrained(folder / "unet")
    arguments = (torch.randn(2, 4, 64, 64), torch.tensor([500.0, 500.0]), torch.randn(2, 77, 768))
    names = ["sample", "timestep", "encoder_hidden_states"]
    with torch.no_grad():
        torch.onnx.export(EpsOnly(unet), arguments, str(folder / "pytorch.onnx"), input_names=names, output_names=["eps"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
