"""Writes photos of many people as shards of arrays, for training.

python dataset.py OUT --people 3000 --photos 10 --processes 2

OUT/shard-00000.npz holds, for the photos of `--shard` people, one after the other (labels: render.Photo):
  identity [N] int32 (the person's seed), image and clean [N, S, S, 3] uint8, keypoints [N, 5, 2], box [N, 4], pose [N, 3],
  blendshapes [N, 16] float32, with --maps also normals [N, S, S, 3] and mask [N, S, S] uint8; traits [people, T] float32.
OUT/manifest.json holds the settings. A run that was stopped goes on at the first missing shard.
Seeds from HELD_OUT on are for evaluation: no training may take them.
"""

import argparse
import json
import multiprocessing
import os
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from render import BLENDSHAPES, TRAITS, Person, sample_conditions, sample_identity

HELD_OUT = 1_000_000


class Settings(NamedTuple):
    """What decides every byte of a data set."""

    first: int
    people: int
    photos: int
    size: int
    shard: int
    maps: bool


def photo_seed(identity: int, photo: int) -> int:
    """Seed of the conditions of one photo of one person."""
    return identity * 100_003 + photo


def render_shard(settings: Settings, number: int) -> dict[str, np.ndarray]:
    """The arrays of one shard."""
    first = settings.first + number * settings.shard
    last = min(first + settings.shard, settings.first + settings.people)
    columns: dict[str, list[np.ndarray]] = {}
    identities = [sample_identity(seed) for seed in range(first, last)]
    for seed, identity in zip(range(first, last), identities):
        person = Person(identity)
        for k in range(settings.photos):
            photo = person.photograph(sample_conditions(photo_seed(seed, k)), settings.size)
            columns.setdefault("identity", []).append(np.int32(seed))
            for name, value in photo._asdict().items():
                if settings.maps or name not in ("normals", "mask"):
                    columns.setdefault(name, []).append(value)
    arrays = {name: np.stack(values) for name, values in columns.items()}
    return arrays | {"traits": np.array(identities, np.float32)}


def _write(job: tuple[Path, Settings, int]) -> int:
    out, settings, number = job
    target = out / f"shard-{number:05}.npz"
    partial = out / f"shard-{number:05}.partial-{os.getpid()}"
    with partial.open("wb") as file:
        np.savez(file, **render_shard(settings, number))
    partial.replace(target)  # a shard is either whole or absent
    return number


def write_dataset(out: Path, settings: Settings, processes: int) -> None:
    """Writes every missing shard; refuses a folder that was made with other settings."""
    out.mkdir(parents=True, exist_ok=True)
    manifest = out / "manifest.json"
    said = {**settings._asdict(), "traits": [t.name for t in TRAITS], "blendshapes": list(BLENDSHAPES)}
    if manifest.exists() and json.loads(manifest.read_text()) != said:
        raise SystemExit(
            f"Expected {manifest} to have these settings but received others: choose another folder or remove it."
        )
    manifest.write_text(json.dumps(said, indent=1) + "\n")
    numbers = [k for k in range(-(-settings.people // settings.shard)) if not (out / f"shard-{k:05}.npz").exists()]
    started = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for done, number in enumerate(pool.imap_unordered(_write, [(out, settings, k) for k in numbers]), 1):
            rate = done * settings.shard * settings.photos / (time.monotonic() - started)
            print(f"shard {number} ({done} of {len(numbers)}), about {rate:.1f} photos/s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--first", type=int, default=0, help="seed of the first person")
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--photos", type=int, default=10, help="of each person")
    parser.add_argument("--size", type=int, default=128, help="pixels of a photo's side")
    parser.add_argument("--shard", type=int, default=50, help="people in a shard")
    parser.add_argument("--maps", action="store_true", help="also write normal maps and masks")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    settings = Settings(args.first, args.people, args.photos, args.size, args.shard, args.maps)
    write_dataset(args.out, settings, args.processes)


if __name__ == "__main__":
    main()
