"""Synthetic people for training: `Person(sample_identity(seed)).photograph(sample_conditions(seed))`."""

from .conditions import Conditions, neutral_conditions, sample_conditions
from .expression import BLENDSHAPES
from .identity import TRAITS, Identity, sample_identity
from .portrait import Person, Photo

__all__ = [
    "BLENDSHAPES",
    "TRAITS",
    "Conditions",
    "Identity",
    "Person",
    "Photo",
    "neutral_conditions",
    "sample_conditions",
    "sample_identity",
]
