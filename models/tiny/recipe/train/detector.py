"""Trains the face detector on scenes: a small SCRFD (networks/detector.py)."""

import torch
from torch import nn

from .composition import Composer, Faces
from .networks.detector import ANCHOR_SIDES, REACH, STRIDE, Detector, cells, normalise, split
from .photos import PhotoSet, SceneSet, load_backdrops
from .stage import Training, read_options

_NEAR = 1.5  # strides from a face's centre within which cells are to find it
_POINT_WEIGHT = 24.0  # boxes and scores are learnt soon; the keypoints decide how faces are aligned


def assign(faces: Faces, centres: torch.Tensor) -> torch.Tensor:
    """Which face each anchor is to find, int64 [N, A]: an index, -1 for none, or -2 for an anchor that does not count.

    An anchor finds a face of about its size that has its centre nearby; of several the nearest.
    """
    boxes = faces.boxes[:, None]  # [N, 1, F, 4]
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    side = (boxes[..., 2:] - boxes[..., :2]).clamp(min=1).prod(-1).sqrt()
    sides = torch.tensor(ANCHOR_SIDES, device=centres.device).repeat(len(centres) // len(ANCHOR_SIDES))
    octaves = (side.log2() - sides.log2()[None, :, None]).abs()
    offset = (middle - centres[None, :, None]).abs().amax(-1) / STRIDE
    inside = ((centres[None, :, None] > boxes[..., :2]) & (centres[None, :, None] < boxes[..., 2:])).all(-1)
    fits = (octaves <= REACH) & (offset <= _NEAR) & inside & faces.valid[:, None]
    distance = torch.where(fits, offset, torch.inf)
    nearest, face = distance.min(2)
    blind = (inside & faces.ignored[:, None]).any(2)
    return torch.where(torch.isfinite(nearest), face, torch.where(blind, -2, -1))


def _overlap(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """IoU, and IoU less the penalty for distant centres (https://arxiv.org/abs/1911.08287), of boxes [N, 4]."""
    shared = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).clamp(min=0).prod(1) for x in (a, b))
    iou = shared / (area_a + area_b - shared).clamp(min=1e-6)
    around = torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])
    between = (a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2
    return iou, iou - between.square().sum(1) / around.square().sum(1).clamp(min=1e-6)


def detection_loss(seen: torch.Tensor, faces: Faces) -> dict[str, torch.Tensor]:
    """seen: what the detector's `look` returns"""
    scores, boxes, keypoints = split(seen)
    centres = cells(seen.shape[2] * STRIDE, seen.shape[3] * STRIDE, STRIDE, seen.device)
    face = assign(faces, centres)
    image, anchor = torch.nonzero(face >= 0, as_tuple=True)
    found = face[image, anchor]
    count = max(1, len(image))

    here = centres[anchor]
    distances = boxes[image, anchor] * STRIDE
    predicted = torch.cat([here - distances[:, :2], here + distances[:, 2:]], 1)
    truth = faces.boxes[image, found]
    iou, diou = _overlap(predicted, truth)
    points = here[:, None] + keypoints[image, anchor].unflatten(1, (5, 2)) * STRIDE
    width = (truth[:, 2:] - truth[:, :2]).prod(1).clamp(min=1).sqrt()[:, None, None]
    # Absolute errors, but for the last half per cent of the face: what counts is the mean distance.
    point_losses = nn.functional.smooth_l1_loss(
        points / width, faces.keypoints[image, found] / width, reduction="none", beta=0.005
    ).mean((1, 2))
    # An image of many faces says more than one of a single face, but must not drown it.
    weight = torch.bincount(image, minlength=len(scores))[image].float().rsqrt()
    weight = weight / weight.sum().clamp(min=1)

    # Quality focal loss (https://arxiv.org/abs/2006.04388): a score says how well the box fits.
    quality = torch.zeros_like(scores[..., 0])
    quality[image, anchor] = iou.detach()
    logits = scores[..., 0]
    focal = (quality - logits.sigmoid()).abs().square() * nn.functional.binary_cross_entropy_with_logits(
        logits, quality, reduction="none"
    )
    score_loss = focal[face > -2].sum() / count
    box_loss, point_loss = ((1 - diou) * weight).sum(), (point_losses * weight).sum()
    return {
        "loss": score_loss + 2 * box_loss + _POINT_WEIGHT * point_loss,
        "score": score_loss,
        "box": box_loss,
        "keypoints": point_loss,
    }


def main(argv: list[str] | None = None) -> None:
    options = read_options("detector", __doc__, argv)
    data, size = options.workspace.data, options.size.detector
    photos = PhotoSet(data / "people-train", options.device)
    scenes = SceneSet(data / "scenes-train", options.device)
    composer = Composer(photos, scenes, load_backdrops(data / "backdrops", options.device))
    detector = Detector(size).to(memory_format=torch.channels_last)

    def step(progress: float) -> dict[str, torch.Tensor]:
        # As many pixels in every batch.
        side = size.canvases[int(torch.randint(len(size.canvases), ()))]
        images, faces = composer.draw(round(size.batch * (max(size.canvases) / side) ** 2), side)
        with options.autocast():
            seen = detector.look(normalise(images))
        return detection_loss(seen.float(), faces)

    Training("detector", options, {"network": detector}, rate=2e-3, weight_decay=0.02, averaging=0.998).run(step)


if __name__ == "__main__":
    main()
