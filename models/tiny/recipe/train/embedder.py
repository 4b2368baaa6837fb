"""Trains the recogniser of the bundle, on three quarters of the people: the painter has to meet embeddings of strangers too."""

import torch

from .networks.embedder import Embedder
from .photos import PhotoSet
from .recognition import train_recogniser
from .stage import read_options


def met(seeds: torch.Tensor) -> torch.Tensor:
    """Whether the embedder is trained on the people of these seeds."""
    return seeds % 4 != 3


def main(argv: list[str] | None = None) -> None:
    options = read_options("embedder", __doc__, argv)
    photos = PhotoSet(options.workspace.data / "people-train", options.device)
    people = torch.nonzero(met(photos.seeds))[:, 0]
    size = options.size.embedder
    train_recogniser(
        "embedder", options, Embedder(size), photos, people=people, batch=size.batch, margin=0.3, trait_weight=10.0
    )


if __name__ == "__main__":
    main()
