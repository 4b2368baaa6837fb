"""What the tests share: one thread, and data sets of random crops in the places of faces, which no rendering has to be waited for."""

from pathlib import Path

import numpy as np
import pytest
import torch

from images import SIDE, encode
from verification_file import write_pairs


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def random_crop(random: np.random.Generator, base: np.ndarray) -> np.ndarray:
    """uint8 [112, 112, 3]: a person's own blocks of colour, a little off."""
    blocks = np.clip(base + random.normal(0, 20, base.shape), 0, 255).astype(np.uint8)
    return blocks.repeat(SIDE // len(base), 0).repeat(SIDE // len(base), 1)


def write_people(folder: Path, counts: list[int], seed: int) -> list[list[bytes]]:
    """A folder for each person with so many crops; and their bytes."""
    random, people = np.random.default_rng(seed), []
    for k, count in enumerate(counts):
        base = random.uniform(0, 255, (7, 7, 3))
        person = folder / f"{k:06}"
        person.mkdir(parents=True)
        people.append([encode(random_crop(random, base)) for _ in range(count)])
        for number, data in enumerate(people[-1]):
            (person / f"{number:04}.jpg").write_bytes(data)
    return people


@pytest.fixture(scope="session")
def verification(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pairs of one person and ten of two, taking turns."""
    folder = tmp_path_factory.mktemp("pairs")
    people = write_people(folder, [2] * 10, seed=99)
    alike = [(one, two) for one, two in people]
    different = [(people[k][0], people[(k + 1) % 10][1]) for k in range(10)]
    pairs = [pair for both in zip(alike, different) for pair in both]
    path = folder / "pairs.bin"
    write_pairs(path, [image for pair in pairs for image in pair], [True, False] * 10)
    return path
