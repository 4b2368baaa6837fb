"""Renders what all stages need: photos of people to train on and held out, scenes for the detector, backdrops; and for
the adapters nobody's head in the poses of the photos, and other people in their places.

Everything is in shards that are whole or absent: a run that stopped goes on with the missing ones, and the stages train
on what is there. Held-out people and scenes come first, and their seeds are never trained on.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dataset import HELD_OUT, Settings, photo_seed, render_shard
from render import Person, sample_conditions, sample_identity
from render.background import backdrop
from render.neutral_head import NeutralHead
from scenes import render_scene

from .sizes import SIZES, DataSize
from .workspace import Workspace

BACKDROP_SIDE = 160
SCENE_SIDE = 320
FIXTURES = HELD_OUT + 500_000  # first seed of the people of the test photos
_PEOPLE_PER_SHARD = 20
_SCENES_PER_SHARD = 20
_KEPT = ("image", "clean", "mask", "keypoints", "box", "pose", "blendshapes", "traits", "identity")


class _Job(NamedTuple):
    """One shard: `count` people (of `photos` photos), their poses or references, scenes or backdrops, from the seed `first` on."""

    kind: str
    target: Path
    first: int
    count: int
    photos: int
    resolution: int


def _jobs(data: Path, size: DataSize, training_scenes: bool = True) -> list[_Job]:
    def shards(
        name: str, kind: str, first: int, count: int, per_shard: int, photos: int, resolution: int
    ) -> list[_Job]:
        return [
            _Job(kind, data / name / f"{k:07}.npz", first + k, min(per_shard, count - k), photos, resolution)
            for k in range(0, count, per_shard)
        ]

    if size.identities > HELD_OUT:
        raise ValueError(f"Expected at most {HELD_OUT} people to train on but received {size.identities}.")
    people, side = _PEOPLE_PER_SHARD, size.resolution
    return [
        *shards("people-heldout", "people", HELD_OUT, size.heldout_identities, people, size.heldout_photos, side),
        *shards("scenes-heldout", "scenes", HELD_OUT, size.heldout_scenes, _SCENES_PER_SHARD, 0, SCENE_SIDE),
        *shards("backdrops", "backdrops", 1, size.backdrops, 100, 0, BACKDROP_SIDE),
        *_interleaved(
            shards("people-train", "people", 0, size.identities, people, size.photos, side),
            shards("poses-train", "poses", 0, size.identities, people, size.photos, side),
            shards("references-train", "references", 0, size.references, people, size.reference_photos, side),
            shards("scenes-train", "scenes", 0, size.scenes, _SCENES_PER_SHARD, 0, SCENE_SIDE)
            if training_scenes
            else [],
        ),
    ]


def _interleaved(*lists: list[_Job]) -> list[_Job]:
    """All lists at the same pace, so that a run that stops early has some of each."""
    return [job for _, job in sorted([((k + 0.5) / len(jobs), job) for jobs in lists for k, job in enumerate(jobs)])]


def _render(job: _Job) -> None:
    if job.kind == "people":
        arrays = render_shard(Settings(job.first, job.count, job.photos, job.resolution, job.count, maps=True), 0)
        arrays = {name: arrays[name] for name in _KEPT}
    elif job.kind == "poses":
        arrays = _poses(job)
    elif job.kind == "references":
        arrays = _references(job)
    elif job.kind == "scenes":
        scenes = [render_scene(job.first + k, job.resolution) for k in range(job.count)]
        arrays = {
            "image": np.stack([s.image for s in scenes]),
            "scene": np.concatenate([np.full(len(s.boxes), k, np.int64) for k, s in enumerate(scenes)]),
            "box": np.concatenate([s.boxes for s in scenes]),
            "keypoints": np.concatenate([s.keypoints for s in scenes]),
        }
    else:
        arrays = {"image": np.stack([_display(backdrop(job.first + k, job.resolution)) for k in range(job.count)])}
    part = job.target.with_suffix(f".part-{os.getpid()}")
    with part.open("wb") as file:
        np.savez(file, **arrays)
    part.replace(job.target)


def _poses(job: _Job) -> dict[str, np.ndarray]:
    """What the photos show of a pose alone: normal maps of nobody's head, with the person and the number of each photo."""
    head = NeutralHead()
    shown = [(seed, k) for seed in range(job.first, job.first + job.count) for k in range(job.photos)]
    maps = [head.normals(sample_conditions(photo_seed(seed, k)), job.resolution) for seed, k in shown]
    return {"of": np.array(shown, np.int64), "normals": np.stack(maps)}


def _references(job: _Job) -> dict[str, np.ndarray]:
    """Photos again, of somebody else with another expression: what stays is clothes, backdrop, light, pose, camera and exposure.

    `of` says which photo, by person and number; `identity` who is in its place.
    """
    columns: dict[str, list[np.ndarray]] = {"of": [], "identity": [], "image": [], "clean": []}
    people = [Person(sample_identity(job.first + k)) for k in range(job.count)]
    for k, person in enumerate(people):
        strange = (k + 1) % job.count
        stranger = job.first + strange
        for number in range(job.photos):
            place = sample_conditions(photo_seed(job.first + k, number))
            other = sample_conditions(photo_seed(stranger, job.photos + number))
            taken = place._replace(blendshapes=other.blendshapes, gaze=other.gaze)
            photo = people[strange].photograph(taken, job.resolution, person.metered(place))._asdict()
            columns["of"].append(np.array([job.first + k, number], np.int64))
            columns["identity"].append(np.int64(stranger))
            for name in ("image", "clean"):
                columns[name].append(photo[name])
    return {name: np.stack(values) for name, values in columns.items()}


def _display(light: np.ndarray) -> np.ndarray:
    """Linear light as bytes, by the sRGB curve."""
    light = np.clip(light, 0, 1)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-6) ** (1 / 2.4) - 0.055)
    return (255 * curve + 0.5).astype(np.uint8)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.data", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--size", choices=SIZES, default="gpu")
    parser.add_argument(
        "--minutes", type=float, help="of this run; no shard is begun after them (default: see sizes.py)"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--no-training-scenes", action="store_true", help="none but for a detector that is to be trained"
    )
    args = parser.parse_args(argv)
    minutes = SIZES[args.size].minutes["data"] if args.minutes is None else args.minutes
    deadline = time.monotonic() + 60 * minutes

    wanted = _jobs(Workspace(args.out).data, SIZES[args.size].data, not args.no_training_scenes)
    jobs = [job for job in wanted if not job.target.exists()]
    for job in jobs:
        job.target.parent.mkdir(parents=True, exist_ok=True)
    # Fresh processes: a fork would inherit the locks of threads.
    context = multiprocessing.get_context("spawn")
    done, waiting, running = 0, iter(jobs), set()
    with concurrent.futures.ProcessPoolExecutor(args.workers, context) as pool:
        while True:
            while len(running) < args.workers and time.monotonic() < deadline and (job := next(waiting, None)):
                running.add(pool.submit(_render, job))
            if not running:
                break
            finished, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in finished:
                future.result()
                done += 1
                if done % max(1, len(jobs) // 20) == 0:
                    print(f"data: {done} of {len(jobs)} shards", flush=True)
    left = len(jobs) - done
    print(f"data: wrote {done} shards" + (f"; {left} are left, and the same command goes on" if left else ""))


if __name__ == "__main__":
    main()
