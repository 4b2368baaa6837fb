"""Measures the autoencoder alone, on held-out people: what it loses, no portrait can have. Also after the stage `vae`, `decoder` or `retouch`."""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import nn

from .networks.painter import Decoder, make_autoencoder
from .photos import PhotoSet
from .sizes import SIZES
from .vae import to_signed
from .workspace import Workspace

_EYE = 0.3  # half a side of the patch around an eye, in distances from the eyes to the mouth
_PATCH = 16  # its samples in a row
# What is coarser than so many pixels is taken off the patches: brows and sockets are dark with any eye, or none, between them.
_FINE = 5
_ALIKE = 0.7  # correlation of two such patches, from which an eye counts as there
_SHOWN = 12


class Autoencoding:
    """What comes back of clean held-out photos."""

    @torch.no_grad()
    def __init__(self, autoencoder: AutoencoderKL, photos: PhotoSet) -> None:
        found = []
        for rows in photos.batches(64):
            latents = autoencoder.encode(to_signed(photos.clean(rows))).latent_dist.mean
            found.append(((autoencoder.decode(latents).sample + 1) * 127.5).clamp(0, 255))
        self._painted, self._photos = torch.cat(found), photos
        self._wanted = photos.clean(torch.arange(len(photos)))

    def psnr(self) -> float:
        """Mean over photos, in the boxes of the faces, in dB."""
        values = []
        for painted, wanted, box in zip(self._painted, self._wanted, self._photos.boxes):
            x0, y0, x1, y1 = (int(v) for v in box.round().clamp(0, painted.shape[1]).tolist())
            error = (painted - wanted)[:, y0:y1, x0:x1].square().mean()
            values.append(10 * torch.log10(255**2 / error).item())
        return float(np.mean(values))

    def eyes(self) -> float:
        """Share of photos in which both eyes come back in fine detail: lids, iris, glint."""
        painted, wanted = (self._eye_patches(images) for images in (self._painted, self._wanted))
        alike = nn.functional.cosine_similarity(painted, wanted, dim=2)
        return (alike >= _ALIKE).all(1).float().mean().item()

    def _eye_patches(self, images: torch.Tensor) -> torch.Tensor:
        """The fine detail of the two eyes of each image [N, 2, values], each of mean 0."""
        images = images - nn.functional.avg_pool2d(images, _FINE, 1, _FINE // 2, count_include_pad=False)
        points = self._photos.keypoints
        reach = _EYE * (points[:, :2].mean(1) - points[:, 3:].mean(1)).norm(dim=1)
        axis = torch.linspace(-1, 1, _PATCH, device=images.device)
        square = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
        places = points[:, :2, None, None] + reach[:, None, None, None, None] * square  # [N, 2, P, P, 2]
        grid = places.flatten(1, 2) / (images.shape[2] - 1) * 2 - 1
        patches = nn.functional.grid_sample(images, grid, align_corners=True).unflatten(2, (2, _PATCH))
        patches = patches.transpose(1, 2).flatten(2)
        return patches - patches.mean(2, keepdim=True)

    def sheet(self) -> Image.Image:
        """Photos above what came back of them; of as many people."""
        rows = torch.arange(0, len(self._photos), max(1, len(self._photos) // (2 * _SHOWN)))[: 2 * _SHOWN]
        bands = []
        for part in rows.split(_SHOWN):
            for images in (self._wanted, self._painted):
                shown = images[part].round().byte().permute(0, 2, 3, 1).cpu().numpy()
                bands.append(np.hstack(list(shown)))
        return Image.fromarray(np.vstack([band for band in bands if band.shape == bands[0].shape]))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.autoencoding", description=__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run; the sheet goes to autoencoding.png there"
    )
    parser.add_argument("--size", choices=SIZES, default="gpu")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads (default: all)")
    args = parser.parse_args(argv)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    workspace = Workspace(args.out)
    photos = PhotoSet(workspace.data / "people-heldout", torch.device("cpu"))
    autoencoder = workspace.load_result("vae", "network", make_autoencoder(SIZES[args.size].vae, photos.resolution))
    for stage in ("retouch", "decoder"):  # the last that is there
        if workspace.result(stage, "network").exists():
            workspace.load_result(stage, "network", Decoder(autoencoder))
            break
    measured = Autoencoding(autoencoder, photos)
    print(f"autoencoder: PSNR over faces {measured.psnr():.2f} dB, both eyes there {measured.eyes():.4f}")
    measured.sheet().save(args.out / "autoencoding.png")


if __name__ == "__main__":
    main()
