"""Verification files as InsightFace publishes them (`lfw.bin`, `cfp_fp.bin`, `agedb_30.bin` …): pairs of faces, and whether each shows one person.

A pickle of a tuple: a list of encoded images, of which 2 k and 2 k + 1 are pair k, and a list of truth values. Who made
them wrote images as bytes (of Python 2 or 3) or as arrays of bytes, as OpenCV encodes them; all are read, and nothing in them is executed.
The pairs are in the order of the ten folds.
"""

import hashlib
import math
import os
import pickle
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from pickled_data import Array, PickleRefused, read_pickle

# Several times what the largest published ones have (some 100 MB, 7,000 pairs, 10 kB an image).
MOST_BYTES = 2 * 1024**3
MOST_PAIRS = 100_000
MOST_IMAGE_BYTES = 1024**2


class VerificationFileError(ValueError):
    """reason: `damaged`, `forbidden` (see pickled_data.py), `size` for more than is believed, `contents` for other data."""

    def __init__(self, message: str, reason: Literal["damaged", "forbidden", "size", "contents"]) -> None:
        super().__init__(message)
        self.reason = reason


class Pairs(NamedTuple):
    """images: encoded, 2 k and 2 k + 1 are pair k; same: bool [pairs]; digest: SHA-256 of the file."""

    images: list[bytes]
    same: np.ndarray
    digest: str


def read_pairs(path: Path) -> Pairs:
    """Raises VerificationFileError for what is not such a file, OSError for one that cannot be read."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise VerificationFileError(f"Expected at most {MOST_BYTES} bytes but {path} has {size}.", "size")
    pickled = path.read_bytes()
    try:
        value = read_pickle(pickled)
    except PickleRefused as error:
        raise VerificationFileError(f"{path} is no verification file. {error}", error.reason) from error

    def refuse(expected: str, received: str, reason: Literal["size", "contents"] = "contents") -> VerificationFileError:
        return VerificationFileError(f"Expected {expected} but received {received}, in {path}.", reason)

    if not isinstance(value, tuple) or len(value) != 2:
        raise refuse("a tuple of images and truth values", f"a value of type {type(value).__name__}")
    images, same = (_items(part) for part in value)
    if images is None or same is None or len(same) == 0:
        raise refuse("a list of images and one of truth values", " and ".join(type(part).__name__ for part in value))
    if len(same) > MOST_PAIRS:
        raise refuse(f"at most {MOST_PAIRS} pairs", f"{len(same)}", "size")
    if len(images) != 2 * len(same):
        raise refuse(f"two images for each of {len(same)} pairs", f"{len(images)}")
    encoded = [_bytes(image) for image in images]
    for k, image in enumerate(encoded):
        if not image:
            raise refuse("encoded images", f"a value of type {type(images[k]).__name__} as number {k}")
        if len(image) > MOST_IMAGE_BYTES:
            raise refuse(f"at most {MOST_IMAGE_BYTES} bytes an image", f"{len(image)} of number {k}", "size")
    if not all(type(answer) is bool for answer in same):
        raise refuse("truth values", "others")
    return Pairs(encoded, np.array(same), hashlib.sha256(pickled).hexdigest())


def write_pairs(path: Path, images: list[bytes], same: list[bool]) -> None:
    """images: encoded, 2 k and 2 k + 1 are pair k; with same bytes written once."""
    partial = path.with_suffix(f".partial-{os.getpid()}")
    with partial.open("wb") as file:
        pickle.dump((images, same), file, protocol=3)  # the first that knows bytes
    partial.replace(path)


def _items(value: Any) -> list[Any] | None:
    """A list, or the truth values of an array of them."""
    if isinstance(value, Array) and value.kind == "b1" and len(value.shape) == 1:
        return [byte != 0 for byte in value.data]
    return value if isinstance(value, list) else None


def _bytes(image: Any) -> bytes:
    """No bytes for what is no encoded image. OpenCV gives them the shape [n] or, in older versions, [n, 1]."""
    if isinstance(image, Array) and image.kind == "u1" and math.prod(image.shape) == max(image.shape, default=0):
        return image.data
    return image if isinstance(image, bytes) else b""
