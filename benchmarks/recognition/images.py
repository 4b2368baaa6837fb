"""The aligned crop of a face, between pixels and a file's bytes."""

import io

import numpy as np
from PIL import Image

SIDE = 112
_QUALITY = 95


class ImageError(ValueError):
    """An image that is none, or not one of SIDE × SIDE pixels."""


def decode(data: bytes, where: str) -> np.ndarray:
    """A JPEG or PNG as uint8 [3, SIDE, SIDE], RGB.

    where: what the message calls it
    Its size is read before its pixels, so that a small file cannot ask for a large image.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            if image.size != (SIDE, SIDE):
                raise ImageError(
                    f"Expected crops of {SIDE} by {SIDE} pixels but {where} has {image.width} by {image.height}."
                )
            return np.ascontiguousarray(np.asarray(image.convert("RGB")).transpose(2, 0, 1))
    except (OSError, SyntaxError) as error:  # what Pillow throws at damaged files
        raise ImageError(f"Expected a whole JPEG or PNG but {where} is none: {error}.") from error


def encode(pixels: np.ndarray) -> bytes:
    """uint8 [SIDE, SIDE, 3] as a JPEG whose colours are as sharp as its brightness."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY, subsampling=0)
    return file.getvalue()
