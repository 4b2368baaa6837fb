"""Contact sheets to look at: many people, or one person across a row.

python sheet.py people sheet.png --count 64
python sheet.py rows sheet.png --count 8 --across 8
"""

import argparse

import numpy as np
from PIL import Image

from render import Person, neutral_conditions, sample_conditions, sample_identity


def people(first: int, count: int, size: int) -> list[list[np.ndarray]]:
    """Portraits of `count` people in the studio, in rows of 8 (fewer in the last, left grey)."""
    photos = [Person(sample_identity(first + k)).photograph(neutral_conditions(), size).image for k in range(count)]
    blank = np.full((size, size, 3), 128, np.uint8)
    return [(photos[k : k + 8] + [blank] * 8)[:8] for k in range(0, count, 8)]


def rows(first: int, count: int, across: int, size: int) -> list[list[np.ndarray]]:
    """A row for each person, under `across` conditions; the conditions differ from row to row."""
    sheet = []
    for k in range(count):
        person = Person(sample_identity(first + k))
        sheet.append([person.photograph(sample_conditions((first + k) * 1000 + j), size).image for j in range(across)])
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["people", "rows"])
    parser.add_argument("out")
    parser.add_argument("--first", type=int, default=0, help="seed of the first person")
    parser.add_argument("--count", type=int, default=None, help="people (64, or 8 rows)")
    parser.add_argument("--across", type=int, default=8, help="photos in a row")
    parser.add_argument("--size", type=int, default=128, help="pixels of a photo's side")
    args = parser.parse_args()
    if args.kind == "people":
        grid = people(args.first, args.count or 64, args.size)
    else:
        grid = rows(args.first, args.count or 8, args.across, args.size)
    Image.fromarray(np.vstack([np.hstack(row) for row in grid])).save(args.out)


if __name__ == "__main__":
    main()
