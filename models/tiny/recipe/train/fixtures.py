"""Writes held-out people and scenes as small photos, for the tests, the demo and the benchmarks of the package."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dataset import photo_seed
from render import Person, sample_conditions, sample_identity
from scenes import Scene, render_scene

from .data import FIXTURES, SCENE_SIDE

_QUALITY = 90
_MOST_SCENES = 500
# By which portraits are told apart in groups (render/identity.py says what they mean).
_TRAITS = ("skin_tone", "age", "face_width", "face_length", "hair_style")

# The scenes to look for, in the order of seeds.
_SCENES: dict[str, Callable[[np.ndarray], bool]] = {
    "several": lambda widths: len(widths) >= 4 and widths.max() > 60,
    "small": lambda widths: len(widths) >= 2 and widths.max() < 30,
    "one": lambda widths: len(widths) == 1,
    "none": lambda widths: len(widths) == 0,
}


def _save(image: np.ndarray, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, quality=_QUALITY, subsampling=0)
    return path.name


def _face(box: np.ndarray, keypoints: np.ndarray) -> dict[str, Any]:
    """As the package has it: a corner and a size."""
    x0, y0, x1, y1 = (round(float(value), 2) for value in box)
    size = {"width": round(x1 - x0, 2), "height": round(y1 - y0, 2)}
    return {"box": {"x": x0, "y": y0, **size}, "keypoints": np.round(keypoints.astype(float), 2).tolist()}


def write_people(folder: Path, people: int, photos: int, size: int) -> list[dict[str, Any]]:
    written = []
    for index in range(people):
        identity = sample_identity(FIXTURES + index)
        person = Person(identity)
        taken = []
        for k in range(photos):
            photo = person.photograph(sample_conditions(photo_seed(FIXTURES + index, k)), size)
            name = _save(photo.image, folder / f"person-{index:02}-{k}.jpg")
            yaw, pitch, roll = (round(float(angle), 1) for angle in photo.pose)
            pose = {"yaw": yaw, "pitch": pitch, "roll": roll}
            taken.append({"file": name, **_face(photo.box, photo.keypoints), "pose": pose})
        traits = {name: round(getattr(identity, name), 3) for name in _TRAITS}
        written.append({"seed": FIXTURES + index, "traits": traits, "photos": taken})
    return written


def write_scenes(folder: Path) -> list[dict[str, Any]]:
    wanted, written = dict(_SCENES), []
    for seed in range(FIXTURES, FIXTURES + _MOST_SCENES):
        scene: Scene = render_scene(seed, SCENE_SIDE)
        widths = scene.boxes[:, 2] - scene.boxes[:, 0]
        name = next((name for name, fits in wanted.items() if fits(widths)), None)
        if name is None:
            continue
        del wanted[name]
        faces = [_face(box, points) for box, points in zip(scene.boxes, scene.keypoints)]
        written.append({"file": _save(scene.image, folder / f"scene-{name}.jpg"), "seed": seed, "faces": faces})
        if not wanted:
            return written
    raise SystemExit(f"Expected scenes of every kind among {_MOST_SCENES} but found none like {', '.join(wanted)}.")


def _a_line_each(truth: dict[str, list[Any]]) -> str:
    """JSON with a line for every person and scene."""
    lists = (f'"{name}": [\n' + ",\n".join(map(json.dumps, entries)) + "\n]" for name, entries in truth.items())
    return "{\n" + ",\n".join(lists) + "\n}"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.fixtures", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--photos", type=int, default=3, help="of each person")
    parser.add_argument("--size", type=int, default=160, help="pixels of a photo's side")
    parser.add_argument("--no-scenes", action="store_true")
    args = parser.parse_args(argv)
    truth: dict[str, Any] = {"people": write_people(args.folder, args.people, args.photos, args.size)}
    truth["scenes"] = [] if args.no_scenes else write_scenes(args.folder)
    (args.folder / "faces.json").write_text(_a_line_each(truth) + "\n")
    files = list(args.folder.iterdir())
    print(f"fixtures: {len(files)} files, {sum(file.stat().st_size for file in files)} bytes")


if __name__ == "__main__":
    main()
