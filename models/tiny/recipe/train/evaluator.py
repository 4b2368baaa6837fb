"""Trains the judge (networks/evaluator.py): another architecture, another seed, and another choice of people."""

import torch

from .networks.evaluator import Evaluator
from .photos import PhotoSet
from .recognition import train_recogniser
from .stage import read_options


def main(argv: list[str] | None = None) -> None:
    options = read_options("evaluator", __doc__, argv)
    photos = PhotoSet(options.workspace.data / "people-train", options.device)
    everyone = torch.arange(photos.people, device=options.device)
    size = options.size.evaluator
    train_recogniser(
        "evaluator",
        options,
        Evaluator(size),
        photos,
        people=everyone,
        batch=size.batch,
        margin=0.3,
        trait_weight=10.0,
        half=options.device.type == "cuda",
    )


if __name__ == "__main__":
    main()
