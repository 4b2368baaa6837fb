"""Who a person is: a vector of named numbers. Everything that survives pose, light and expression is here.

A trait is bipolar (-1 to 1, 0 is the average) or unipolar (0 to 1, a share or a place on a palette).
"""

from typing import NamedTuple

import numpy as np


class Trait(NamedTuple):
    name: str
    low: float
    high: float
    meaning: str


def _bipolar(name: str, meaning: str) -> Trait:
    return Trait(name, -1.0, 1.0, meaning)


def _unipolar(name: str, meaning: str) -> Trait:
    return Trait(name, 0.0, 1.0, meaning)


TRAITS = (
    # Skull
    _bipolar("head_width", "cranium, narrow to wide"),
    _bipolar("head_height", "crown, low to high"),
    _bipolar("head_depth", "front to back, short to long"),
    _bipolar("face_length", "eyes to chin, short to long"),
    _bipolar("face_width", "between the cheekbones, narrow to wide"),
    _bipolar("forehead_slope", "upright to receding"),
    _bipolar("temple_width", "hollow to full"),
    _bipolar("brow_ridge", "smooth to heavy"),
    # Jaw, chin, cheeks
    _bipolar("jaw_width", "narrow to wide at its angle"),
    _bipolar("jaw_height", "angle of the jaw, high (tapering) to low (square)"),
    _bipolar("chin_width", "pointed to broad"),
    _bipolar("chin_length", "short to long"),
    _bipolar("chin_projection", "receding to jutting"),
    _unipolar("chin_cleft", "none to deep"),
    _bipolar("cheekbones", "flat to prominent"),
    _bipolar("cheek_fullness", "hollow to round"),
    _bipolar("weight", "lean to heavy: jowls, chin, neck"),
    _bipolar("neck_width", "slender to thick"),
    # Nose
    _bipolar("nose_length", "short to long"),
    _bipolar("nose_width", "wings, narrow to wide"),
    _bipolar("nose_bridge_width", "thin to broad"),
    _bipolar("nose_bridge_height", "flat to high"),
    _bipolar("nose_hump", "scooped to aquiline"),
    _bipolar("nose_tip", "small to bulbous"),
    _bipolar("nose_rotation", "tip drooping to upturned"),
    _bipolar("nose_projection", "close to the face to far from it"),
    # Eyes and brows
    _bipolar("eye_size", "small to large"),
    _bipolar("eye_openness", "narrow to round"),
    _bipolar("eye_spacing", "close to wide-set"),
    _bipolar("eye_tilt", "outer corner low to high"),
    _bipolar("eye_depth", "bulging to deep-set"),
    _unipolar("lid_fold", "crease far above the eye to a lid that hides it"),
    _unipolar("iris_colour", "place on the palette of irises, dark brown to blue and grey"),
    _unipolar("lashes", "faint to dark lash line"),
    _bipolar("brow_height", "low to high"),
    _unipolar("brow_thickness", "thin to bushy"),
    _bipolar("brow_arch", "straight to arched"),
    _bipolar("brow_tilt", "outer end low to high"),
    _bipolar("brow_gap", "nearly joined to far apart"),
    # Mouth and ears
    _bipolar("mouth_width", "narrow to wide"),
    _bipolar("mouth_height", "close to the chin to close to the nose"),
    _bipolar("upper_lip", "thin to full"),
    _bipolar("lower_lip", "thin to full"),
    _unipolar("cupid_bow", "flat to pronounced"),
    _bipolar("mouth_corners", "down-turned to up-turned at rest"),
    _unipolar("lip_colour", "like the skin to red"),
    _bipolar("ear_size", "small to large"),
    _unipolar("ear_flare", "flat against the head to sticking out"),
    # Skin
    _unipolar("skin_tone", "light to deep"),
    _bipolar("skin_undertone", "cool (pink) to warm (golden)"),
    _unipolar("ruddiness", "redness of cheeks and nose"),
    _unipolar("freckles", "none to many"),
    _unipolar("moles", "0 to 5 moles"),
    _unipolar("mole_places", "where they are: seed of their places"),
    _unipolar("age", "young adult to old: lines, sagging, shadows under the eyes"),
    # Hair
    _unipolar("hair_style", "place in the table of styles (hair.STYLES)"),
    _bipolar("hair_length", "shorter to longer than the style's usual"),
    _bipolar("hair_volume", "flat to full"),
    _unipolar("hair_wave", "straight to curly, within the style"),
    _bipolar("hair_parting", "parted left, centre, right"),
    _unipolar("hair_lightness", "black to light blond"),
    _unipolar("hair_redness", "ash to copper"),
    _unipolar("grey", "none to white"),
    _bipolar("hairline_height", "low to high forehead"),
    _unipolar("hairline_recession", "straight to receding at the temples"),
    # Facial hair
    _unipolar("beard_style", "place in the table of beards (beard.BEARDS)"),
    _unipolar("beard_length", "trimmed to long"),
    _unipolar("stubble", "shaven to a day's shadow"),
)

Identity = NamedTuple("Identity", [(trait.name, float) for trait in TRAITS])
Identity.__doc__ = "The vector of a person: one float per trait of TRAITS, in that order and within its range."


def sample_identity(seed: int) -> Identity:
    """Draws a person.

    Skin tone is uniform, so that no group is rare. Independent traits would give few plausible people, so two hidden
    numbers (how masculine, how old) lean on some traits; every combination stays possible.
    """
    rng = np.random.Generator(np.random.PCG64([seed, 0x1D]))
    values = {t.name: rng.normal(0, 0.62) if t.low < 0 else rng.random() for t in TRAITS}
    masculine = rng.normal(0.75 if rng.random() < 0.5 else -0.75, 0.35)

    for name, lean in (
        ("jaw_width", 0.35), ("jaw_height", 0.35), ("brow_ridge", 0.5), ("chin_width", 0.35), ("neck_width", 0.5),
        ("brow_height", -0.3), ("eye_size", -0.25), ("upper_lip", -0.15), ("lower_lip", -0.15), ("brow_arch", -0.35),
        ("cheek_fullness", -0.1), ("nose_width", 0.15), ("nose_bridge_height", 0.15),
    ):  # fmt: skip
        values[name] += lean * masculine
    values["lashes"] = np.clip(0.55 - 0.45 * masculine + rng.normal(0, 0.15), 0, 1)
    values["lip_colour"] = np.clip(0.42 - 0.3 * masculine + rng.normal(0, 0.2), 0, 1)
    values["brow_thickness"] = np.clip(0.5 + 0.25 * masculine + rng.normal(0, 0.22), 0, 1)

    age = values["age"] = rng.random() ** 1.3
    values["grey"] = np.clip((age - 0.68) * 2.5 + rng.normal(0, 0.20), 0, 1) if age > 0.4 else 0.0
    values["freckles"] = max(0.0, rng.random() * 1.7 - 0.9) * (1.2 - values["skin_tone"])
    values["chin_cleft"] = max(0.0, rng.random() * 2 - 1.2)
    values["moles"] = rng.random() ** 2
    values["hairline_recession"] = np.clip(rng.random() * 0.5 + 0.35 * masculine * (0.4 + age), 0, 1)

    # Deep skin mostly goes with dark hair and eyes; any skin may have any, as dyes and chance have it.
    tone = values["skin_tone"]
    values["hair_lightness"] = rng.random() ** (1.0 + 2.0 * tone) * (1.0 if rng.random() < 0.07 else 1 - 0.85 * tone)
    values["hair_parting"] = rng.uniform(-1, 1)
    values["hair_redness"] = rng.random() ** 2
    values["iris_colour"] = np.clip(
        rng.random() ** (0.75 + 3.0 * tone) * (1.0 if rng.random() < 0.1 else 1 - 0.6 * tone), 0, 1
    )

    values["hair_style"] = _style_place(rng, masculine)
    values["beard_style"] = rng.random() if masculine > 0.1 else 0.0
    values["stubble"] = rng.random() * np.clip(masculine, 0, 1)
    # Single precision, so that a person is the same again from traits that were stored.
    return Identity(*(float(np.float32(np.clip(values[t.name], t.low, t.high))) for t in TRAITS))


def _style_place(rng: np.random.Generator, masculine: float) -> float:
    """A place in the table of styles, which runs from the shortest hair to the longest."""
    place = rng.beta(1.3, 2.0) if masculine > 0 else rng.beta(2.0, 1.1)
    return min(place, 0.999999)
