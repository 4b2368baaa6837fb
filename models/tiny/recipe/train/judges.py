"""What the networks that judge say of portraits of held-out people."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from .crops import crop, estimate_alignment, normalise
from .export import EVALUATOR, RECOGNISER
from .export_adapters import OBSERVER
from .faces import FaceDetector, FaceEmbedder, open_session
from .heldout import HeldOut
from .looks import sharpness
from .networks.embedder import INPUT_NAME
from .networks.observer import UNITS, leaning
from .photos import PhotoSet


class Glance(NamedTuple):
    """A row of portraits at a glance."""

    found: float  # share in which there is a face; the others count for nothing
    likeness: float  # mean similarity to the person
    sharpness: float  # of the faces, as looks.py has it


class Judges:
    """Of portraits of the first `count` held-out people, one each and in order."""

    def __init__(
        self, bundle: Path, evaluation: Path, photos: PhotoSet, heldout: HeldOut, detector: FaceDetector, count: int
    ) -> None:
        self._detector, self._evaluator = detector, FaceEmbedder(evaluation / EVALUATOR)
        self._observer = open_session(evaluation / OBSERVER)
        known = heldout.embed(self._evaluator)[:count].mean(1)
        self._persons = known / np.linalg.norm(known, axis=1, keepdims=True)
        self.photos, self.count = photos, count
        self.rows = torch.arange(count) * photos.photos  # of their first photos
        recogniser = FaceEmbedder(bundle / RECOGNISER)
        self.identities = recogniser(heldout.images[:count, 0], heldout.keypoints[:count, 0])

    def glance(self, portraits: np.ndarray) -> Glance:
        points = [self._face(image) for image in portraits]
        there = np.array([k for k, face in enumerate(points) if face is not None])
        if len(there) == 0:
            return Glance(0.0, float("nan"), float("nan"))
        faces, keypoints = portraits[there], np.stack([points[k] for k in there])
        likeness = np.sum(self._evaluator(faces, keypoints) * self._persons[there], 1)
        return Glance(len(there) / len(portraits), float(likeness.mean()), float(sharpness(faces, keypoints).mean()))

    def observe(self, images: np.ndarray) -> np.ndarray:
        """Yaw, pitch, roll and blendshapes [N, 19] of any images, as the observer reads them; NaN where no face is found."""
        observed = np.full((len(images), len(UNITS)), np.nan, np.float32)
        for image, row in zip(images, observed):
            face = self._face(image)
            if face is not None:
                alignment = estimate_alignment(torch.from_numpy(face)[None].float())
                crops = normalise(crop(torch.from_numpy(image).permute(2, 0, 1)[None].float(), alignment))
                row[:] = self._observer.run(None, {INPUT_NAME: crops.numpy()})[0][0]
                row[2] += leaning(alignment).item()
        return observed

    def _face(self, image: np.ndarray) -> np.ndarray | None:
        """The keypoints of the largest."""
        faces = self._detector(image)
        largest = faces.largest()
        return None if largest is None else faces.keypoints[largest]
