"""The renderer's blendshapes as the 55 numbers of an expression adapter, and the names that the bundle knows some of them by.

Upstream's numbers are FLAME's: 50 of the face, then the left and the right lid, then the jaw's turn (down, sideways, tilted).
The renderer has shapes of its own; those that mean the same take the same places, and the others the first of the 50.
"""

import numpy as np

from render import BLENDSHAPES

from .networks.expression_adapter import EXPRESSION

_LEFT_LID, _RIGHT_LID, _JAW_DOWN, _JAW_SIDEWAYS = 50, 51, 52, 53
_KNOWN = {
    "blink_left": _LEFT_LID,
    "blink_right": _RIGHT_LID,
    "jaw_open": _JAW_DOWN,
    "mouth_shift": _JAW_SIDEWAYS,
}
_FACE = [name for name in BLENDSHAPES if name not in _KNOWN]
PLACES = [_KNOWN[name] if name in _KNOWN else _FACE.index(name) for name in BLENDSHAPES]

_SMILE = {"smile_left": 1.0, "smile_right": 1.0}
_NAMED = {
    "neutral": {},
    "smile": {**_SMILE, "squint": 0.3},
    "laugh": {**_SMILE, "lips_part": 1.0, "jaw_open": 0.6, "upper_lip_raise": 0.4, "squint": 0.5},
    "surprise": {"jaw_open": 0.6, "brow_inner_up": 1.0, "brow_outer_up": 1.0, "eye_wide": 1.0},
    "talk": {"jaw_open": 0.5, "lips_part": 0.8},
    "closed-eyes": {"blink_left": 1.0, "blink_right": 1.0},
}
NAMED = {
    name: np.array([strengths.get(shape, 0.0) for shape in BLENDSHAPES], np.float32)
    for name, strengths in _NAMED.items()
}
"""Blendshapes [16] of each named expression."""

# How much more than is to be seen is asked for: what is small in a face of 40 pixels, portraits show too weakly (TRAINING.md).
_ASKED = {"smile": 1.5, "surprise": 1.5}


def as_numbers(blendshapes: np.ndarray) -> np.ndarray:
    """Blendshapes [..., 16] as the adapter's numbers, float32 [..., 55]."""
    numbers = np.zeros((*blendshapes.shape[:-1], EXPRESSION), np.float32)
    numbers[..., PLACES] = blendshapes
    return numbers


def named_numbers() -> dict[str, np.ndarray]:
    """The adapter's numbers [55] for each named expression."""
    return {name: _ASKED.get(name, 1.0) * as_numbers(shapes) for name, shapes in NAMED.items()}


def as_json() -> dict[str, list[float]]:
    """The bundle's expressions.json."""
    return {name: [round(float(v), 3) for v in numbers] for name, numbers in named_numbers().items()}
