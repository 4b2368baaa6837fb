"""Trains the reader of identities in latents, which the diffusion's training asks for likeness. It is not in the bundle."""

import torch
from torch import nn

from .examples import Examples
from .networks.latent_reader import LatentReader
from .stage import Training, read_options

_BATCH = 64
_MOST_NOISE = 0.6  # standard deviation; a first guess at clean latents is as uncertain


def main(argv: list[str] | None = None) -> None:
    options = read_options("reader", __doc__, argv)
    examples = Examples(options)
    torch.manual_seed(options.seed)

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows = examples.photos.draw(_BATCH)
        latents = examples.latents[rows]
        amount = _MOST_NOISE * torch.rand(_BATCH, 1, 1, 1, device=latents.device)
        with options.autocast():
            seen = reader(latents + amount * torch.randn_like(latents)).float()
        person = examples.persons[examples.photos.owner[rows]]
        return {"loss": 1 - nn.functional.cosine_similarity(seen, person).mean()}

    reader = LatentReader()
    Training("reader", options, {"network": reader}, rate=1.5e-3, weight_decay=0.05, averaging=0.995).run(step)


if __name__ == "__main__":
    main()
