"""Trains a recogniser on each of some data sets, alike in everything else, and says how well each tells people apart.

python run.py --set generated=DIR --set renders=DIR --verification FILE --out OUT

A set is a folder with a folder of aligned 112 × 112 crops for each person. All sets are cut to the same number of people and
images. Each is trained on from several seeds, for the same number of steps; the same seed starts from the same weights.
OUT/table.md and OUT/table.json say what came out; OUT/runs/… hold the single runs. A run that was stopped goes on at the first
training that is missing.
"""

import argparse
import json
import os
import platform
import re
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from folders import list_people, made_equal, read_faces
from images import ImageError
from judging import Recogniser, judge, of_file, of_network
from table import Run, markdown, summarise
from training import SIZES, TrainingSize, new_network, train
from verification_file import Pairs, VerificationFileError, read_pairs

_UNTRAINED = "untrained"


def main(argv: list[str] | None = None) -> None:
    args = _arguments(argv)
    size = replace(SIZES[args.size], **{} if args.steps is None else {"steps": args.steps})
    try:
        table = experiment(
            dict(args.set),
            {path.name: path for path in args.verification},
            args.out,
            size,
            args.seeds,
            torch.device(args.device),
            args.beside,
        )
    except (ImageError, VerificationFileError, OSError, ValueError, ArithmeticError) as error:
        raise SystemExit(str(error)) from error
    print(table)


def experiment(
    sets: dict[str, Path],
    verification: dict[str, Path],
    out: Path,
    size: TrainingSize,
    seeds: list[int],
    device: torch.device,
    beside: Path | None = None,
) -> str:
    """The table, which is also in `out`. beside: a recogniser (ONNX) that is judged too."""
    listed = dict(zip(sets, made_equal([list_people(folder) for folder in sets.values()])))
    pairs = {name: read_pairs(path) for name, path in verification.items()}
    people, images = len(next(iter(listed.values()))), sum(map(len, next(iter(listed.values()))))
    print(f"{len(sets)} sets of {people} people and {images} images; {len(seeds)} seeds, {size.steps} steps each")
    (out / "runs").mkdir(parents=True, exist_ok=True)
    files = {name: each.digest for name, each in pairs.items()}
    about = {"size": asdict(size), "verification": files, "torch": torch.__version__, "device": device.type}

    runs, digests = [], {}
    for name, chosen in listed.items():
        digests[name], trained = _of_set(name, chosen, seeds, out / "runs", about, size, pairs, device)
        runs += trained
    for seed in seeds:
        untrained = new_network(size, seed).to(device).eval()
        runs.append(Run(_UNTRAINED, seed, _verdicts(of_network(untrained, device), pairs)))
    judged = {} if beside is None else _verdicts(of_file(beside), pairs)
    chance = {name: float(max(each.same.mean(), 1 - each.same.mean())) for name, each in pairs.items()}
    summary = summarise(runs, judged, chance)
    machine = {"machine": platform.processor() or platform.machine(), "threads": torch.get_num_threads()}
    whole = {**about, **machine, "people": people, "images": images, "sets": digests, "beside": beside and beside.name}
    _write(out / "table.json", json.dumps({**whole, **summary, "runs": [run._asdict() for run in runs]}, indent=1))
    heading = (
        f"{people} people, {images} images in each set; {size.steps} steps of {min(size.people, people)} people, two images each; "
        f"accuracy in per cent by ten-fold cross-validation, over {len(seeds)} seed{'s' * (len(seeds) > 1)}."
    )
    _write(out / "table.md", text := markdown(summary, heading))
    return text


def _of_set(
    name: str,
    people: list[list[Path]],
    seeds: list[int],
    folder: Path,
    about: dict[str, Any],
    size: TrainingSize,
    pairs: dict[str, Pairs],
    device: torch.device,
) -> tuple[str, list[Run]]:
    """The digest of the set, and what an earlier call left of each seed in the folder, or a training. No two sets are in memory at once."""
    faces, runs = read_faces(people), []
    for seed in seeds:
        path, title = folder / f"{name}-{seed}.json", f"{name}, seed {seed}"
        settings = json.loads(json.dumps({**about, "faces": faces.digest, "seed": seed}))  # as it is read back
        if path.exists():
            known = json.loads(path.read_text())
            if known["settings"] != settings:
                raise SystemExit(
                    f"Expected {path} to be of these images, files and settings but it is of others: choose another --out or remove it."
                )
            runs.append(Run(name, seed, known["verdicts"]))
            continue
        started = time.monotonic()
        network = train(size, faces, seed, device, title)
        spent = round(time.monotonic() - started, 1)
        verdicts = _verdicts(of_network(network, device), pairs)
        _write(path, json.dumps({"settings": settings, "seconds": spent, "verdicts": verdicts}, indent=1))
        said = ", ".join(f"{100 * verdict['accuracy']:.2f} % on {file}" for file, verdict in verdicts.items())
        print(f"{title}: {said}", flush=True)
        runs.append(Run(name, seed, verdicts))
    return faces.digest, runs


def _verdicts(recogniser: Recogniser, pairs: dict[str, Pairs]) -> dict[str, dict[str, Any]]:
    return {name: judge(recogniser, each)._asdict() for name, each in pairs.items()}


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(f".partial-{os.getpid()}")
    partial.write_text(text + "\n")
    partial.replace(path)


def _set(text: str) -> tuple[str, Path]:
    name, separator, folder = text.partition("=")
    if not separator or not folder or not re.fullmatch(r"[A-Za-z0-9_-]+", name) or name == _UNTRAINED:
        raise argparse.ArgumentTypeError(
            f"expected NAME=FOLDER, with a name of letters, digits, - and _, but received {text!r}"
        )
    return name, Path(folder)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", type=_set, action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--verification", type=Path, nargs="+", required=True, help="as lfw.bin")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", choices=SIZES, default="mini")
    parser.add_argument("--steps", type=int, help="default: the size's")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--beside", type=Path, help="a recogniser (ONNX) to judge beside them")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    args = parser.parse_args(argv)
    for option, names in (
        ("--set", [name for name, _ in args.set]),
        ("--verification", [p.name for p in args.verification]),
    ):
        if len(set(names)) < len(names):
            parser.error(f"Expected each name once for {option} but received {', '.join(names)}.")
    if len(set(args.seeds)) < len(args.seeds) or min(args.seeds) < 0:
        parser.error(f"Expected different seeds, 0 or more, but received {args.seeds}.")
    if args.steps is not None and args.steps < 1:
        parser.error(f"Expected at least one step but received {args.steps}.")
    if args.device == "cuda" and not torch.cuda.is_available():
        parser.error("Expected a GPU for --device cuda but PyTorch finds none.")
    return args


if __name__ == "__main__":
    main()
