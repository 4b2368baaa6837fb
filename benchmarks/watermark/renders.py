"""Renders people who do not exist, at 512 × 512, by the recipe of the embedded bundle: OUT/0000.png and so on. Those that are there are kept.

python renders.py OUT --count 300
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "models" / "tiny" / "recipe"))

from dataset import photo_seed
from render import Person, sample_conditions, sample_identity

# Nobody whom the recipe trains on or holds out.
FIRST = 3_000_000
SIDE = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=300)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for k in range(args.count):
        file = args.out / f"{k:04}.png"
        if file.exists():
            continue
        photo = Person(sample_identity(FIRST + k)).photograph(sample_conditions(photo_seed(FIRST + k, 0)), SIDE)
        Image.fromarray(np.asarray(photo.image).round().clip(0, 255).astype(np.uint8)).save(file)


if __name__ == "__main__":
    main()
