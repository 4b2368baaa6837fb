"""Copies photos that Python packages carry (scikit-image, scikit-learn, Matplotlib), as RGB: OUT/camera.png and so on.

python photos.py OUT [--textures OUT2]
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

from PIL import Image


def folder_of(package: str) -> Path:
    """Where a package lies, which is not imported."""
    return Path(find_spec(package).submodule_search_locations[0])


SKIMAGE = folder_of("skimage") / "data"
SKLEARN = folder_of("sklearn") / "datasets" / "images"
MATPLOTLIB = folder_of("matplotlib") / "mpl-data" / "sample_data"
PHOTOS = [
    *(
        SKIMAGE / name
        for name in (
            "astronaut.png",
            "brick.png",
            "camera.png",
            "chelsea.png",
            "coffee.png",
            "coins.png",
            "hubble_deep_field.jpg",
            "ihc.png",
            "moon.png",
            "motorcycle_left.png",
            "retina.jpg",
            "rocket.jpg",
        )
    ),
    SKLEARN / "china.jpg",
    SKLEARN / "flower.jpg",
    MATPLOTLIB / "grace_hopper.jpg",
]
# Nothing but grass or stones, from edge to edge.
TEXTURES = [SKIMAGE / "grass.png", SKIMAGE / "gravel.png"]


def copy(files: list[Path], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for file in files:
        Image.open(file).convert("RGB").save(out / f"{file.stem}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--textures", type=Path)
    args = parser.parse_args()
    copy(PHOTOS, args.out)
    if args.textures:
        copy(TEXTURES, args.textures)


if __name__ == "__main__":
    main()
