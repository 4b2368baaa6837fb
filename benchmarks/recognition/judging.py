"""What a recogniser says of the pairs of a verification file."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import recipe  # noqa: F401
import torch
from train.crops import normalise
from train.networks.embedder import Embedder

from accuracy import FOLDS, ten_folds, true_accepts
from images import decode
from verification_file import Pairs

FALSE_ACCEPTS = (0.1, 0.01, 0.001)
_BATCH = 128

# Crops float32 [N, 3, 112, 112], -1 to 1, to embeddings [N, E] of any length.
Recogniser = Callable[[torch.Tensor], torch.Tensor]


class Verdict(NamedTuple):
    accuracy: float  # mean of the folds, 0 to 1
    fold_error: float  # standard error of that mean, as LFW reports it
    true_accepts: dict[str, float]  # by the share of false ones


def judge(recogniser: Recogniser, pairs: Pairs) -> Verdict:
    """Raises ImageError for an image that is no crop. Each image is embedded as it is, not once more mirrored."""
    cosines = _cosines(recogniser, pairs.images)
    folds = ten_folds(2 - 2 * cosines, pairs.same).accuracy
    rates = {f"{rate:g}": true_accepts(cosines, pairs.same, rate) for rate in FALSE_ACCEPTS}
    return Verdict(float(folds.mean()), float(folds.std(ddof=1) / FOLDS**0.5), rates)


def of_network(network: Embedder, device: torch.device) -> Recogniser:
    def embed(crops: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return network(crops.to(device, memory_format=torch.channels_last)).float().cpu()

    return embed


def of_file(path: Path) -> Recogniser:
    """A recogniser as ArcFace exports them: ONNX, crops in, embeddings out."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda crops: torch.from_numpy(session.run(None, {name: crops.numpy()})[0])


def embed_all(recogniser: Recogniser, crops: np.ndarray) -> np.ndarray:
    """uint8 [N, 3, 112, 112] to embeddings of length 1, float64 [N, E]."""
    found = [
        recogniser(normalise(torch.from_numpy(crops[k : k + _BATCH]).float())) for k in range(0, len(crops), _BATCH)
    ]
    embeddings = torch.cat(found).double().numpy()
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def _cosines(recogniser: Recogniser, images: list[bytes]) -> np.ndarray:
    """Of images 2 k and 2 k + 1, float64 [pairs]; what is in several pairs is embedded once."""
    rows: dict[bytes, int] = {}
    where = np.array([rows.setdefault(image, len(rows)) for image in images])
    known = list(rows)
    found = []
    for start in range(0, len(known), _BATCH):
        crops = [decode(image, f"image {start + k}") for k, image in enumerate(known[start : start + _BATCH])]
        found.append(embed_all(recogniser, np.stack(crops)))
    embeddings = np.concatenate(found)
    return np.sum(embeddings[where[0::2]] * embeddings[where[1::2]], axis=1)
