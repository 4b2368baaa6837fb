"""Scenes for a face detector: none to several faces, small and large, over varied backdrops, with boxes and keypoints.

python scenes.py OUT --count 2000 --size 320
python scenes.py OUT --count 8 --png        also writes each scene as a picture with its labels drawn

OUT/scenes-00000.npz holds `--shard` scenes: image [N, S, S, 3] uint8, and for all their faces in one list scene [F] int32
(index into image), box [F, 4] and keypoints [F, 5, 2] float32. Some people turn their back: they have no label.
"""

import argparse
import multiprocessing
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from render import Conditions, Person, sample_conditions, sample_identity
from render.background import backdrop
from render.portrait import SUPERSAMPLING
from render.sensor import expose

_ZOOM = 0.44  # the square of a person in a scene shows the chest too, down to its lower border
_LIFT = -0.15
_FACE_SHARE = 0.27  # width of a face in that square
MIN_FACE, MAX_FACE = 12, 150  # pixels of a face's width, in a scene of 320


class Scene(NamedTuple):
    image: np.ndarray  # uint8 [S, S, 3]
    boxes: np.ndarray  # float32 [F, 4]: x0, y0, x1, y1
    keypoints: np.ndarray  # float32 [F, 5, 2], as render.Photo


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Shared area as a share of the smaller box."""
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return max(0.0, w) * max(0.0, h) / smaller


def render_scene(seed: int, size: int = 320) -> Scene:
    """Composes one scene; the people are drawn from the far (small) to the near (large)."""
    rng = np.random.Generator(np.random.PCG64([seed, 0x5C]))
    conditions = sample_conditions(int(rng.integers(1 << 31)))
    canvas = backdrop(1 + int(rng.integers(1 << 30)), size * SUPERSAMPLING)
    owner = np.full(canvas.shape[:2], -1, np.int8)  # whose face each sample shows
    faces: list[tuple[np.ndarray, np.ndarray, int]] = []  # box, keypoints, samples when nobody stands before it
    for width, centre in _places(rng, size):
        side = max(16, round(width / _FACE_SHARE))
        own = sample_conditions(int(rng.integers(1 << 31)))
        # One scene has one light, one lens and one sensor.
        own = own._replace(
            zoom=_ZOOM, shift=(0.0, _LIFT), key_direction=conditions.key_direction, key_colour=conditions.key_colour,
            rim_direction=conditions.rim_direction, rim_colour=conditions.rim_colour, sky=conditions.sky, ground=conditions.ground,
        )  # fmt: skip
        if rng.random() < 0.10:
            own = own._replace(yaw=float(rng.uniform(140, 220)))  # somebody's back: no face
        corner = np.rint(centre - np.array([0.5, 0.5 + _LIFT]) * side).astype(int)
        person = Person(sample_identity(int(rng.integers(1 << 19))))
        faces.append(_stand(canvas, owner, len(faces), person, own, corner, side))
    boxes, keypoints = [], []
    for k, (box, points, samples) in enumerate(faces):
        inside = np.all((points >= 0) & (points <= size - 1))
        if samples > 0 and inside and np.count_nonzero(owner == k) >= 0.6 * samples:
            boxes.append(np.clip(box, 0, size - 1))
            keypoints.append(points)
    return Scene(
        expose(canvas, owner >= 0, conditions, SUPERSAMPLING)[0],
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(keypoints, np.float32).reshape(-1, 5, 2),
    )


def _places(rng: np.random.Generator, size: int) -> list[tuple[float, np.ndarray]]:
    """Widths (ascending) and centres of faces that do not overlap much."""
    count = int(rng.choice(8, p=[0.06, 0.22, 0.18, 0.15, 0.13, 0.10, 0.08, 0.08]))
    widths = np.sort(np.exp(rng.uniform(np.log(MIN_FACE), np.log(MAX_FACE), count))) * size / 320
    places: list[tuple[float, np.ndarray]] = []
    taken: list[np.ndarray] = []
    for width in widths:
        centre = rng.uniform([0.06 * size, 0.10 * size], [0.94 * size, 0.85 * size])
        reach = np.array([0.75, 1.0]) * width
        area = np.concatenate([centre - reach, centre + reach])
        if all(_overlap(area, other) <= 0.25 for other in taken):
            taken.append(area)
            places.append((float(width), centre))
    return places


def _stand(
    canvas: np.ndarray,
    owner: np.ndarray,
    number: int,
    person: Person,
    conditions: Conditions,
    corner: np.ndarray,
    side: int,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Draws a person into the square at `corner`, which may stick out of the canvas.

    Returns box and keypoints in pixels of the scene, and how many samples of the face the canvas shows (0 for a back).
    """
    n, s = canvas.shape[0], side * SUPERSAMPLING
    x, y = (corner * SUPERSAMPLING).tolist()
    x0, x1, y0, y1 = max(0, x), min(n, x + s), max(0, y), min(n, y + s)
    on_canvas, in_square = np.s_[y0:y1, x0:x1], np.s_[y0 - y : y1 - y, x0 - x : x1 - x]
    square = np.zeros((s, s, 3), np.float32)
    square[in_square] = canvas[on_canvas]
    view = person.stand_before(square, conditions)
    canvas[on_canvas] = square[in_square]
    owner[on_canvas][view.covered[in_square]] = -1
    if abs(conditions.yaw) > 90:
        return view.box, view.keypoints, 0
    bottom = int((view.box[3] + 1) * SUPERSAMPLING)
    face = view.skin & (np.arange(s) < bottom)[:, None]
    owner[on_canvas][face[in_square]] = number
    return view.box + np.tile(corner, 2), view.keypoints + corner, int(np.count_nonzero(face[in_square]))


def draw_labels(scene: Scene) -> Image.Image:
    """The scene with its boxes and keypoints."""
    picture = Image.fromarray(scene.image)
    draw = ImageDraw.Draw(picture)
    for box, points in zip(scene.boxes, scene.keypoints):
        draw.rectangle(box.tolist(), outline=(255, 230, 0))
        for (x, y), colour in zip(points, ("red", "lime", "cyan", "magenta", "orange")):
            draw.ellipse([x - 1, y - 1, x + 1, y + 1], fill=colour)
    return picture


def _write(job: tuple[Path, int, int, int, int, bool]) -> int:
    out, first, count, size, number, png = job
    target = out / f"scenes-{number:05}.npz"
    scenes = [render_scene(first + k, size) for k in range(count)]
    partial = out / f"scenes-{number:05}.partial-{os.getpid()}"
    with partial.open("wb") as file:
        np.savez(
            file,
            image=np.stack([s.image for s in scenes]),
            scene=np.concatenate([np.full(len(s.boxes), k, np.int32) for k, s in enumerate(scenes)]),
            box=np.concatenate([s.boxes for s in scenes]),
            keypoints=np.concatenate([s.keypoints for s in scenes]),
        )
    partial.replace(target)  # a shard is either whole or absent
    if png:
        for k, scene in enumerate(scenes):
            draw_labels(scene).save(out / f"scene-{first + k:06}.png")
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--first", type=int, default=0, help="seed of the first scene")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--size", type=int, default=320, help="pixels of a scene's side")
    parser.add_argument("--shard", type=int, default=100, help="scenes in a shard")
    parser.add_argument("--png", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    jobs = [
        (args.out, args.first + k, min(args.shard, args.count - k), args.size, k // args.shard, args.png)
        for k in range(0, args.count, args.shard)
        if not (args.out / f"scenes-{k // args.shard:05}.npz").exists()
    ]
    with multiprocessing.get_context("spawn").Pool(args.processes) as pool:
        for number in pool.imap_unordered(_write, jobs):
            print(f"scenes {number}", flush=True)


if __name__ == "__main__":
    main()
