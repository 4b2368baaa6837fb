"""Renders people for the recognition experiment: crops to train on, their embeddings, and a verification file of other people.

python renders.py OUT --processes 2

OUT/crops/000123/0004.jpg are aligned crops of the people to train on, by the keypoints that the renderer knows;
OUT/embeddings.npy what the bundle's recogniser says of them, float32 [people × photos, 512] of length 1, in their order: `arc2face dataset --from`
samples people from it;
OUT/held-out/… are crops of other people, and OUT/verification.bin pairs of those, as InsightFace's lfw.bin has them;
OUT/manifest.json holds the settings. A run that was stopped goes on at the first person that is missing.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import recipe
import torch
from dataset import photo_seed
from render import Person, sample_conditions, sample_identity
from train.crops import crop, estimate_alignment

from accuracy import FOLDS
from images import SIDE, decode, encode
from judging import embed_all, of_file
from verification_file import write_pairs

# The recipe trains on people from 0 on, at most 6,000, and holds out those from 1,000,000 and 1,500,000 on.
TRAINED, HELD_OUT = 900_000, 2_000_000


class Settings(NamedTuple):
    """What decides every file."""

    people: int
    photos: int  # of each
    held_out_people: int  # a multiple of the folds, two or more in each: no person is in two folds
    held_out_photos: int
    size: int  # pixels of a photo's side


class _Job(NamedTuple):
    folder: Path
    seed: int
    photos: int
    size: int


def render_person(job: _Job) -> None:
    """Writes a person's folder, which is whole or absent."""
    person, partial = Person(sample_identity(job.seed)), job.folder.with_suffix(f".partial-{os.getpid()}")
    partial.mkdir(parents=True, exist_ok=True)
    for k in range(job.photos):
        photo = person.photograph(sample_conditions(photo_seed(job.seed, k)), job.size)
        pixels = torch.from_numpy(photo.image.copy()).permute(2, 0, 1)[None].float()
        aligned = crop(pixels, estimate_alignment(torch.from_numpy(photo.keypoints)[None].float()))[0]
        (partial / f"{k:04}.jpg").write_bytes(encode(aligned.round().byte().permute(1, 2, 0).numpy()))
    partial.rename(job.folder)


def pair_up(people: int, photos: int) -> tuple[np.ndarray, list[bool]]:
    """Pairs of photos int64 [pairs, 2] (person × photos + photo), and whether both show one person; fold after fold.

    A fold has a tenth of the people, every pair of photos of one of them, and as many random pairs of two of them, without repetition.
    """
    random = np.random.default_rng(0)
    size = people // FOLDS
    found, same = [], []
    for fold in range(FOLDS):
        rows = np.arange(fold * size, (fold + 1) * size)[:, None] * photos + np.arange(photos)
        alike = [pair for person in rows for pair in itertools.combinations(person, 2)]
        different = np.array(
            [pair for one, two in itertools.combinations(rows, 2) for pair in itertools.product(one, two)]
        )
        chosen = random.choice(len(different), len(alike), replace=False)
        found += [*alike, *different[chosen]]
        same += [True] * len(alike) + [False] * len(alike)
    return np.array(found), same


def render_all(out: Path, settings: Settings, processes: int) -> None:
    """Writes what is missing; refuses a folder that was made with other settings."""
    out.mkdir(parents=True, exist_ok=True)
    manifest = out / "manifest.json"
    if manifest.exists() and json.loads(manifest.read_text()) != settings._asdict():
        raise SystemExit(
            f"Expected {manifest} to have these settings but received others: choose another folder or remove it."
        )
    manifest.write_text(json.dumps(settings._asdict(), indent=1) + "\n")
    crops, held_out = out / "crops", out / "held-out"
    jobs = [
        *(_Job(crops / f"{k:06}", TRAINED + k, settings.photos, settings.size) for k in range(settings.people)),
        *(
            _Job(held_out / f"{k:06}", HELD_OUT + k, settings.held_out_photos, settings.size)
            for k in range(settings.held_out_people)
        ),
    ]
    for left in out.glob("*/*.partial-*"):
        shutil.rmtree(left)
    missing = [job for job in jobs if not job.folder.exists()]
    started = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(processes, torch.set_num_threads, (1,)) as pool:
        for done, _ in enumerate(pool.imap_unordered(render_person, missing), 1):
            if done % max(1, len(missing) // 10) == 0:
                print(f"renders: {done} of {len(missing)} people, {time.monotonic() - started:.0f} s", flush=True)
    write_embeddings(crops, out / "embeddings.npy")
    pairs, same = pair_up(settings.held_out_people, settings.held_out_photos)
    photos = [path.read_bytes() for path in sorted(held_out.glob("*/*.jpg"))]
    write_pairs(out / "verification.bin", [photos[row] for row in pairs.flatten()], same)
    print(f"renders: {len(jobs)} people, {len(same)} pairs in {out}")


def write_embeddings(crops: Path, target: Path) -> None:
    """Of every crop, by the bundle's recogniser."""
    embed, found = of_file(recipe.RECOGNISER), []
    for person in sorted(crops.iterdir()):
        images = np.stack([decode(path.read_bytes(), str(path)) for path in sorted(person.iterdir())])
        found.append(embed_all(embed, images))
    partial = target.with_suffix(f".partial-{os.getpid()}")
    with partial.open("wb") as file:
        np.save(file, np.concatenate(found).astype(np.float32))
    partial.replace(target)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=int, default=320, help="to train on")
    parser.add_argument("--photos", type=int, default=10, help="of each of them")
    parser.add_argument("--held-out-people", type=int, default=200, help="to verify, a multiple of 10")
    parser.add_argument("--held-out-photos", type=int, default=6, help="of each of them")
    parser.add_argument(
        "--size", type=int, default=96, help="pixels of a photo's side, the bundle's portraits' by default"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args(argv)
    if args.people < 2 or args.photos < 2 or args.held_out_photos < 2:
        parser.error("Expected two people and two photos of each, or more.")
    if args.people > 100_000:
        parser.error(f"Expected at most 100000 people, whose seeds the recipe leaves free, but received {args.people}.")
    if args.held_out_people < 2 * FOLDS or args.held_out_people % FOLDS:
        parser.error(
            f"Expected held-out people in multiples of {FOLDS}, from {2 * FOLDS} on, but received {args.held_out_people}."
        )
    if args.size < SIDE // 4:
        parser.error(f"Expected photos of at least {SIDE // 4} pixels a side but received {args.size}.")
    settings = Settings(args.people, args.photos, args.held_out_people, args.held_out_photos, args.size)
    render_all(args.out, settings, args.processes)


if __name__ == "__main__":
    main()
