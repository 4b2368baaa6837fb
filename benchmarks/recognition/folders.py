"""Data sets as folders by person: FOLDER/000123/0004.jpg, as `arc2face dataset --contents crops --format folders` writes them."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from images import SIDE, decode

_KINDS = {".jpg", ".jpeg", ".png"}


class Faces(NamedTuple):
    """Crops of people, person by person."""

    images: torch.Tensor  # uint8 [N, 3, 112, 112]
    counts: torch.Tensor  # int64 [people], images of each
    digest: str  # SHA-256 over the files, in order


def list_people(folder: Path) -> list[list[Path]]:
    """The files of each person, in the order of their names; a person of a single image teaches nothing and is left out.

    Raises ValueError where fewer than two people are left.
    """
    if not folder.is_dir():
        raise ValueError(f"Expected a folder with a folder for each person but {folder} is none.")
    people = []
    for person in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(path for path in person.iterdir() if path.suffix.lower() in _KINDS)
        if len(files) > 1:
            people.append(files)
    if len(people) < 2:
        raise ValueError(f"Expected two people or more, two images each, but {folder} has {len(people)}.")
    return people


def made_equal(sets: list[list[list[Path]]]) -> list[list[list[Path]]]:
    """The same number of people of each set, and of the k-th of them the same number of images: what is more is left out."""
    people = min(len(each) for each in sets)
    counts = [min(len(each[k]) for each in sets) for k in range(people)]
    return [[each[k][: counts[k]] for k in range(people)] for each in sets]


def read_faces(people: list[list[Path]]) -> Faces:
    """All of them in memory, 38 kB each. Raises ImageError for what is no crop."""
    images = np.empty((sum(map(len, people)), 3, SIDE, SIDE), np.uint8)
    digest = hashlib.sha256()
    for k, path in enumerate(path for files in people for path in files):
        data = path.read_bytes()
        digest.update(f"{path.parent.name}/{path.name} {len(data)}\n".encode() + data)
        images[k] = decode(data, str(path))
    return Faces(torch.from_numpy(images), torch.tensor([len(files) for files in people]), digest.hexdigest())
