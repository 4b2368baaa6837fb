"""Fits how latents look: writes latent_rgb.json into a bundle, by which previews are painted without a decoder.

Works for any bundle whose vae/ is diffusers' AutoencoderKL: reads photos, encodes and decodes them, and fits each colour of
the image, in the mean over the pixels of a latent, by least squares as a weighted sum of the latent's channels.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image


def read_photo(path: Path, multiple: int) -> torch.Tensor:
    """[1, 3, H, W] from -1 to 1, with sides cut to multiples."""
    pixels = np.asarray(Image.open(path).convert("RGB"), dtype=np.float32)
    height, width = (side // multiple * multiple for side in pixels.shape[:2])
    return torch.from_numpy(pixels[:height, :width]).permute(2, 0, 1)[None] / 127.5 - 1


def fit(vae: AutoencoderKL, photos: list[Path]) -> tuple[np.ndarray, float]:
    """The weights [channels + 1, 3], of which the last row is added, and the share of the variance that they explain."""
    pixels_per_latent = 2 ** (len(vae.config.block_out_channels) - 1)
    inputs, outputs = [], []
    with torch.no_grad():
        for path in photos:
            latents = vae.encode(read_photo(path, pixels_per_latent)).latent_dist.mode()
            image = vae.decode(latents).sample
            colours = torch.nn.functional.avg_pool2d(image, pixels_per_latent)
            scaled = latents * vae.config.scaling_factor  # as samplers have them
            inputs.append(scaled[0].flatten(1).T.numpy())
            outputs.append(colours[0].flatten(1).T.numpy())
    latents, colours = np.concatenate(inputs), np.concatenate(outputs)
    terms = np.column_stack([latents, np.ones(len(latents))])
    weights, *_ = np.linalg.lstsq(terms, colours, rcond=None)
    error = ((terms @ weights - colours) ** 2).sum() / ((colours - colours.mean(0)) ** 2).sum()
    return weights, 1 - float(error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("photos", type=Path, nargs="+", help="a few dozen, such as those that the bundle paints")
    args = parser.parse_args()
    weights, explained = fit(AutoencoderKL.from_pretrained(args.bundle / "vae", torch_dtype=torch.float32), args.photos)
    names = ("red", "green", "blue")
    lines = [f'  "{name}": {json.dumps([round(float(w), 4) for w in weights[:, i]])}' for i, name in enumerate(names)]
    (args.bundle / "latent_rgb.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{explained:.1%} of the variance of {len(args.photos)} photos' colours")


if __name__ == "__main__":
    main()
