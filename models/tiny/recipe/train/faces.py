"""Reads faces from photos with the exported ONNX files, as the package does: letterbox, detector, suppression, crop, embedding."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import torch
from PIL import Image

from . import crops
from .networks import detector

DETECTION_SIDE = 640
_OVERLAP = 0.4


class Detections(NamedTuple):
    """Faces of one photo, the most certain first; pixels of the photo."""

    boxes: np.ndarray  # float32 [F, 4]
    keypoints: np.ndarray  # float32 [F, 5, 2]
    scores: np.ndarray  # float32 [F]

    def largest(self) -> int | None:
        """Index of the face with the largest box, None when there is no face."""
        return None if len(self.boxes) == 0 else int(np.argmax(np.prod(self.boxes[:, 2:] - self.boxes[:, :2], 1)))


def open_session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


class FaceDetector:
    def __init__(self, path: Path) -> None:
        self._session = open_session(path)
        centres, strides = detector.anchors(DETECTION_SIDE, DETECTION_SIDE)
        self._centres, self._strides = centres.numpy(), strides.numpy()[:, None]

    def __call__(self, photo: np.ndarray, threshold: float = 0.5) -> Detections:
        """photo: uint8 [H, W, 3]"""
        height, width = photo.shape[:2]
        scale = DETECTION_SIDE / max(height, width)
        resized = Image.fromarray(photo).resize(
            (round(width * scale), round(height * scale)), Image.Resampling.BILINEAR
        )
        canvas = np.zeros((DETECTION_SIDE, DETECTION_SIDE, 3), np.float32)
        canvas[: resized.height, : resized.width] = np.asarray(resized)
        image = ((canvas - 127.5) / 128).transpose(2, 0, 1)[None]
        outputs = self._session.run(None, {self._session.get_inputs()[0].name: image})
        scores, boxes, keypoints = (np.concatenate(outputs[k : k + 3]) for k in (0, 3, 6))
        keep = np.flatnonzero(scores[:, 0] >= threshold)
        keep = keep[np.argsort(-scores[keep, 0], kind="stable")]
        centres, strides = self._centres[keep], self._strides[keep]
        distances = boxes[keep] * strides
        found = np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], 1)
        points = centres[:, None] + keypoints[keep].reshape(-1, 5, 2) * strides[:, None]
        chosen = _suppress(found)
        return Detections(found[chosen] / scale, points[chosen] / scale, scores[keep[chosen], 0])


def _suppress(boxes: np.ndarray) -> list[int]:
    """Indices of boxes, most certain first, that no chosen one overlaps; sides count whole pixels, as in InsightFace."""
    chosen: list[int] = []
    for k, box in enumerate(boxes):
        if not chosen or overlaps(box, boxes[chosen], whole_pixels=1.0).max() <= _OVERLAP:
            chosen.append(k)
    return chosen


def overlaps(box: np.ndarray, others: np.ndarray, whole_pixels: float = 0.0) -> np.ndarray:
    """IoU of a box [4] with others [N, 4]."""
    shared = np.prod(
        np.clip(np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2]) + whole_pixels, 0, None), 1
    )
    area, areas = np.prod(box[2:] - box[:2] + whole_pixels), np.prod(others[:, 2:] - others[:, :2] + whole_pixels, 1)
    return shared / (area + areas - shared)


class FaceEmbedder:
    """The bundle's recogniser, or the evaluator."""

    def __init__(self, path: Path) -> None:
        self._session = open_session(path)

    def __call__(self, photos: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
        """photos uint8 [N, H, W, 3] and keypoints [N, 5, 2] to embeddings of length 1, float32 [N, 512]."""
        found = []
        for start in range(0, len(photos), 64):
            images = torch.from_numpy(photos[start : start + 64]).permute(0, 3, 1, 2).float()
            points = torch.from_numpy(keypoints[start : start + 64]).float()
            faces = crops.normalise(crops.crop(images, crops.estimate_alignment(points)))
            found.append(self._session.run(None, {self._session.get_inputs()[0].name: faces.numpy()})[0])
        embeddings = np.concatenate(found)
        return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
