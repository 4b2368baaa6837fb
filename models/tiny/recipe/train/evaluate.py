"""Measures an exported bundle on held-out people, prints the numbers beside what is asked of them, and paints a sheet to look at."""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .evaluate_adapters import AdapterEvaluation
from .export import DETECTOR, EVALUATOR, KEYPOINTS, RECOGNISER
from .export_adapters import OBSERVER
from .faces import FaceDetector, FaceEmbedder, overlaps
from .heldout import HeldOut, read_heldout
from .judges import Judges
from .looks import PartReader, Seen, look_rows, pixel_distance, turn
from .photos import PhotoSet, SceneSet
from .portraits import Painter
from .rows import Row
from .workspace import Workspace

PAIRS = 3000
_GALLERY = 50  # people among whom a portrait's person is to be found


def average_precision(
    truths: list[np.ndarray], found: list[tuple[np.ndarray, np.ndarray]], least_overlap: float = 0.5
) -> float:
    """Area under precision over recall, of boxes with scores in many images.

    truths: boxes [F, 4] of each image; found: boxes [D, 4] and scores [D] of each image
    """
    ranked = sorted(
        ((score, n, k) for n, (_, scores) in enumerate(found) for k, score in enumerate(scores)), reverse=True
    )
    taken = [np.zeros(len(boxes), bool) for boxes in truths]
    hits = np.zeros(len(ranked))
    for place, (_, n, k) in enumerate(ranked):
        if len(truths[n]) == 0:
            continue
        overlap = overlaps(found[n][0][k], truths[n])
        best = int(np.argmax(np.where(taken[n], -1, overlap)))
        if overlap[best] >= least_overlap and not taken[n][best]:
            taken[n][best] = True
            hits[place] = 1
    recall = np.cumsum(hits) / max(1, sum(map(len, truths)))
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    # The best precision at this recall or a higher one.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0) * envelope))


def verification_accuracy(similarities: np.ndarray, same: np.ndarray, folds: int = 10) -> float:
    """Share of pairs judged right, each tenth by the threshold that is best for the others, as Labeled Faces in the Wild asks."""
    order = np.random.Generator(np.random.PCG64(0)).permutation(len(same))
    right = 0
    for fold in np.array_split(order, folds):
        rest = np.setdiff1d(order, fold)
        ranked = rest[np.argsort(similarities[rest], kind="stable")]
        # Right when the threshold lies before the k-th of them: the different pairs below, and the same pairs from there on.
        correct = (
            np.concatenate([[0], np.cumsum(~same[ranked])]) + np.cumsum(np.concatenate([[0], same[ranked[::-1]]]))[::-1]
        )
        k = int(np.argmax(correct))
        around = similarities[ranked[max(0, k - 1) : k + 1]]
        right += int(np.sum((similarities[fold] >= around.mean()) == same[fold]))
    return right / len(same)


def detection_rows(detector: FaceDetector, scenes: SceneSet) -> list[Row]:
    truths, found, errors = [], [], []
    for k in range(len(scenes)):
        boxes, keypoints = scenes.boxes[k].numpy(), scenes.keypoints[k].numpy()
        # Nearly every score counts for the average precision.
        faces = detector(scenes.images[k].permute(1, 2, 0).cpu().numpy(), 0.02)
        truths.append(boxes)
        found.append((faces.boxes, faces.scores))
        sure = faces.scores >= 0.5
        for box, points in zip(boxes, keypoints):
            overlap = overlaps(box, faces.boxes[sure])
            if len(overlap) > 0 and overlap.max() >= 0.5:
                distance = np.linalg.norm(faces.keypoints[sure][int(np.argmax(overlap))] - points, axis=1).mean()
                errors.append(distance / (box[2] - box[0]))
    return [
        Row(
            f"detection: average precision at IoU 0.5, {len(truths)} scenes",
            average_precision(truths, found),
            least=0.95,
        ),
        Row(
            "detection: keypoint error, share of the face width",
            float(np.mean(errors)) if errors else float("nan"),
            most=0.03,
        ),
    ]


def verification_row(name: str, embeddings: np.ndarray) -> Row:
    """embeddings: [people, photos, 512]"""
    people, photos = embeddings.shape[:2]
    rng = np.random.Generator(np.random.PCG64(1))
    similarities, same = np.empty(PAIRS), np.arange(PAIRS) % 2 == 0
    for k in range(PAIRS):
        a = int(rng.integers(people))
        b = a if same[k] else (a + int(rng.integers(1, people))) % people
        i = int(rng.integers(photos))
        j = (i + int(rng.integers(1, photos))) % photos if same[k] else int(rng.integers(photos))
        similarities[k] = embeddings[a, i] @ embeddings[b, j]
    return Row(f"{name}: verification accuracy, {PAIRS} pairs", verification_accuracy(similarities, same), least=0.99)


def generation_rows(
    bundle: Path,
    heldout: HeldOut,
    detector: FaceDetector,
    recogniser: FaceEmbedder,
    evaluator: FaceEmbedder,
    reader: PartReader,
    each: int,
    device: torch.device,
) -> tuple[list[Row], Image.Image]:
    """Portraits of the first people from their first photo, `each` of every person."""
    people = min(_GALLERY, len(heldout.images))
    paint = Painter(bundle, device)
    inputs = recogniser(heldout.images[:people, 0], heldout.keypoints[:people, 0])
    known = heldout.embed(evaluator)[:people]
    persons = known.mean(1)
    persons /= np.linalg.norm(persons, axis=1, keepdims=True)

    def portraits(guidance: float) -> np.ndarray:
        """[people, each, S, S, 3]"""
        return np.stack(
            [
                paint(np.repeat(inputs[k : k + 1], each, 0), [1000 * k + j for j in range(each)], guidance=guidance)
                for k in range(people)
            ]
        )

    def judged(images: np.ndarray) -> Seen:
        """The portraits in which a face was found."""
        seen, points, owners = [], [], []
        for k in range(people):
            for image in images[k]:
                faces = detector(image)
                largest = faces.largest()
                if largest is not None:
                    seen.append(image), points.append(faces.keypoints[largest]), owners.append(k)
        if not seen:
            return Seen(images[:0, 0], np.zeros((0, 5, 2)), np.zeros((0, persons.shape[1])), np.zeros(0, int))
        photos, keypoints = np.stack(seen), np.stack(points)
        return Seen(photos, keypoints, evaluator(photos, keypoints), np.array(owners))

    guided, plain = portraits(3.0), portraits(1.0)
    nobody = paint(None, list(range(each)))
    seen, plain_seen = judged(guided), judged(plain)
    similarity, owners = seen.embeddings @ persons.T, seen.owners
    plain_similarity, plain_owners = plain_seen.embeddings @ persons.T, plain_seen.owners
    real = Seen(
        heldout.images[:people].reshape(-1, *heldout.images.shape[2:]),
        heldout.keypoints[:people].reshape(-1, 5, 2),
        known.reshape(-1, known.shape[2]),
        np.arange(people).repeat(known.shape[1]),
    )

    def own(values: np.ndarray, who: np.ndarray) -> float:
        return float(np.mean(values[np.arange(len(who)), who])) if len(who) else float("nan")

    mine = own(similarity, owners)
    others = (
        float(np.mean(similarity[np.arange(people)[None] != owners[:, None]]))
        if len(owners) and people > 1
        else float("nan")
    )
    rows = [
        Row(f"portraits: a face is found in, of {people * each}", len(owners) / (people * each), least=1),
        Row("portraits: mean similarity to the person", mine, least=0.8),
        Row("portraits: that above the mean for others", mine - others, least=0.4),
        Row(
            f"portraits: the person is the nearest of {people}",
            float(np.mean(similarity.argmax(1) == owners)) if len(owners) else 0.0,
            least=0.98,
        ),
        Row(
            "portraits: similarity at guidance 3 above that at 1", mine - own(plain_similarity, plain_owners), least=0.0
        ),
        Row(
            "portraits: spread of yaw, of that of photos",
            turn(seen.keypoints).std() / turn(heldout.keypoints.reshape(-1, 5, 2)).std(),
            least=0.8,
        ),
        Row(
            "portraits: pixel distance, of that of photos",
            pixel_distance(guided) / pixel_distance(heldout.images[:people]),
            least=0.5,
        ),
        *(Row(*row) for row in look_rows(seen, people * each, real, reader)),
        Row("photos: mean similarity to the person (the ceiling)", float(np.mean(np.sum(known * persons[:, None], 2)))),
    ]
    shown = [np.concatenate([heldout.images[k, :1], guided[k, :4]]) for k in range(min(8, people))]
    blank = np.full_like(nobody[:1], 128)
    shown.append(np.concatenate([blank, nobody[:4]]))
    return rows, Image.fromarray(np.vstack([np.hstack(list(images)) for images in shown]))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.evaluate", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--bundle", type=Path, help="(default: bundle/ in the run's)")
    parser.add_argument(
        "--evaluation", type=Path, help="folder of the networks that judge (default: evaluation/ in the run's)"
    )
    parser.add_argument("--each", type=int, default=4, help="portraits of each of 50 people; 0 for none")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads (default: all)")
    args = parser.parse_args(argv)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    workspace = Workspace(args.out)
    bundle, evaluation = args.bundle or args.out / "bundle", args.evaluation or args.out / "evaluation"
    here = torch.device("cpu")

    detector, recogniser = FaceDetector(bundle / DETECTOR), FaceEmbedder(bundle / RECOGNISER)
    evaluator = FaceEmbedder(evaluation / EVALUATOR)
    rows = detection_rows(detector, SceneSet(workspace.data / "scenes-heldout", here))
    photos = PhotoSet(workspace.data / "people-heldout", here)
    heldout = read_heldout(photos, detector)
    rows.append(Row("detection: a face is found in photos of one person", float(heldout.found.mean())))
    rows += [
        verification_row(name, heldout.embed(net)) for name, net in (("embedder", recogniser), ("evaluator", evaluator))
    ]
    if args.each > 0:
        generated, sheet = generation_rows(
            bundle,
            heldout,
            detector,
            recogniser,
            evaluator,
            PartReader(evaluation / KEYPOINTS),
            args.each,
            torch.device(args.device),
        )
        rows += generated
        sheet.save(args.out / "sheet.png")
    if args.each > 0 and (evaluation / OBSERVER).exists():
        judges = Judges(bundle, evaluation, photos, heldout, detector, min(_GALLERY, photos.people))
        measuring = AdapterEvaluation(bundle, judges, torch.device(args.device))
        rows += measuring.rows()
        measuring.sheet().save(args.out / "adapters.png")
    for row in rows:
        print(row)
    # JSON has no NaN.
    values = {row.name: {"value": float(row.value) if np.isfinite(row.value) else None, "met": row.met} for row in rows}
    (args.out / "evaluation.json").write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
