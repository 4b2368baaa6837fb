"""The photos of people whom no training has met, as the bundle's detector sees them."""

from typing import NamedTuple

import numpy as np
import torch

from .faces import FaceDetector, FaceEmbedder
from .photos import PhotoSet


class HeldOut(NamedTuple):
    """The held-out photos, and their keypoints as the detector sees them."""

    images: np.ndarray  # uint8 [people, photos, S, S, 3]
    keypoints: np.ndarray  # [people, photos, 5, 2]; the renderer's where no face was found
    found: np.ndarray  # bool [people, photos]

    def embed(self, embedder: FaceEmbedder) -> np.ndarray:
        """[people, photos, 512]"""
        flat = embedder(self.images.reshape(-1, *self.images.shape[2:]), self.keypoints.reshape(-1, 5, 2))
        return flat.reshape(*self.found.shape, -1)


def read_heldout(photos: PhotoSet, detector: FaceDetector) -> HeldOut:
    shape = (photos.people, photos.photos)
    images = torch.cat([photos.images(rows).byte() for rows in photos.batches(256)]).permute(0, 2, 3, 1).cpu().numpy()
    keypoints, found = photos.keypoints.cpu().numpy().copy(), np.zeros(len(images), bool)
    for k, image in enumerate(images):
        faces = detector(image)
        largest = faces.largest()
        if largest is not None:
            keypoints[k], found[k] = faces.keypoints[largest], True
    return HeldOut(images.reshape(*shape, *images.shape[1:]), keypoints.reshape(*shape, 5, 2), found.reshape(shape))
