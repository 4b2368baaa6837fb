"""What changes from photo to photo of one person: pose, expression, gaze, light, camera, clothes, background, sensor."""

from typing import NamedTuple

import numpy as np

from .expression import BLENDSHAPES

MAX_YAW, MAX_PITCH, MAX_ROLL = 40.0, 20.0, 15.0


class Conditions(NamedTuple):
    """Everything about one photo but the person. Colours are linear RGB; directions point towards the light."""

    yaw: float  # degrees; positive: the face turns to the image's right
    pitch: float  # degrees; positive: the face looks up
    roll: float  # degrees; positive: the head leans clockwise in the image
    blendshapes: np.ndarray  # float32, in the order of expression.BLENDSHAPES
    gaze: tuple[float, float]  # degrees right and up, relative to the head
    key_direction: tuple[float, float, float]  # in camera space: x right, y up, z towards the viewer
    key_colour: tuple[float, float, float]
    rim_direction: tuple[float, float, float]
    rim_colour: tuple[float, float, float]
    sky: tuple[float, float, float]  # ambient light from above and from below
    ground: tuple[float, float, float]
    distance: float  # camera to head, in head units (10 cm)
    zoom: float  # head height as a share of the image's
    shift: tuple[float, float]  # of the head in the image, in shares of its size, right and down
    cloth: tuple[float, float, float]
    cloth_pattern: float  # 0 plain to 1 striped
    background: int  # seed of the backdrop
    exposure: float  # stops
    white_balance: tuple[float, float, float]
    blur: float  # standard deviation in pixels of the image
    noise: float  # standard deviation at full signal, of 1
    jpeg_quality: int  # 0 for none
    sensor_seed: int


def _unit(v: np.ndarray) -> tuple[float, float, float]:
    return tuple(float(x) for x in v / np.linalg.norm(v))


def _temperature(warmth: float) -> np.ndarray:
    """Colour of a light, -1 (blue sky) to 1 (candle), of luminance about 1."""
    return np.array([1 + 0.22 * warmth, 1.0, 1 - 0.30 * warmth])


def _expression(rng: np.random.Generator) -> np.ndarray:
    """A blend of one mood and a few small movements."""
    e = dict.fromkeys(BLENDSHAPES, 0.0)
    mood = rng.choice(
        ["neutral", "smile", "laugh", "surprise", "frown", "pucker", "talk", "free"],
        p=[0.2, 0.22, 0.1, 0.08, 0.1, 0.06, 0.14, 0.1],
    )
    strength = rng.uniform(0.35, 1.0)
    if mood in ("smile", "laugh"):
        e["smile_left"] = e["smile_right"] = strength
        e["lips_part"] = strength * rng.uniform(0, 1)
        e["squint"] = strength * rng.uniform(0, 0.8)
        if mood == "laugh":
            e["lips_part"], e["jaw_open"], e["upper_lip_raise"] = (
                strength,
                strength * rng.uniform(0.2, 0.7),
                0.4 * strength,
            )
    elif mood == "surprise":
        e["jaw_open"], e["brow_inner_up"], e["brow_outer_up"], e["eye_wide"] = (
            strength * rng.uniform(0.3, 0.9),
            strength,
            strength,
            strength,
        )
    elif mood == "frown":
        e["frown"], e["brow_down"], e["squint"] = strength * rng.uniform(0.3, 1), strength, 0.4 * strength
    elif mood == "pucker":
        e["pucker"], e["brow_outer_up"] = strength, 0.5 * strength * rng.random()
    elif mood == "talk":
        e["jaw_open"], e["lips_part"] = strength * rng.uniform(0.1, 0.6), strength * rng.uniform(0.2, 1)
    elif mood == "free":
        for name in rng.choice(BLENDSHAPES, 4, replace=False):
            e[name] = rng.random() * 0.8
    e["smile_left"] *= rng.uniform(0.8, 1)
    e["smile_right"] *= rng.uniform(0.8, 1)
    e["mouth_shift"] = rng.normal(0, 0.15)
    lids = rng.random()
    if lids < 0.06:
        e["blink_left"] = e["blink_right"] = rng.uniform(0.7, 1)
    elif lids < 0.09:
        e[rng.choice(["blink_left", "blink_right"])] = 1.0
    else:
        e["blink_left"] = e["blink_right"] = max(0.0, rng.normal(0.05, 0.10))
    low = np.array([-1.0 if name == "mouth_shift" else 0.0 for name in BLENDSHAPES])
    return np.clip([e[name] for name in BLENDSHAPES], low, 1).astype(np.float32)


def sample_conditions(seed: int) -> Conditions:
    """Draws the conditions of a photo."""
    rng = np.random.Generator(np.random.PCG64([seed, 0xC0]))

    def angle(limit: float, spread: float) -> float:
        """Near-uniform over the limits, a little denser in the middle."""
        return float(rng.normal(0, spread * limit) if rng.random() < 0.4 else rng.uniform(-limit, limit))

    yaw, pitch, roll = (
        float(np.clip(angle(m, s), -m, m)) for m, s in ((MAX_YAW, 0.35), (MAX_PITCH, 0.4), (MAX_ROLL, 0.35))
    )
    side, height = rng.uniform(-75, 75), rng.uniform(-8, 62)
    s, h = np.radians(side), np.radians(height)
    warmth = rng.normal(0, 0.4)
    contrast = rng.uniform(0.25, 0.80)  # share of the light that comes from the key light
    key = contrast * rng.uniform(1.6, 2.0) * _temperature(warmth)
    ambient = (1 - contrast) * 1.05 * _temperature(np.clip(-0.4 * warmth + rng.normal(0, 0.3), -1, 1))
    rim = rng.uniform(0.3, 1.4) if rng.random() < 0.45 else 0.0
    hue = rng.random(3)
    cloth = (0.04 + 0.5 * rng.random() ** 2) * (0.35 + 0.65 * (hue if rng.random() < 0.7 else np.full(3, 1.0)))
    return Conditions(
        yaw=yaw, pitch=pitch, roll=roll,
        blendshapes=_expression(rng),
        gaze=(float(np.clip(-0.45 * yaw * rng.random() + rng.normal(0, 8), -25, 25)), float(np.clip(rng.normal(0, 6), -15, 15))),
        key_direction=_unit(np.array([np.sin(s) * np.cos(h), np.sin(h), np.cos(s) * np.cos(h)])),
        key_colour=tuple(float(x) for x in key),
        rim_direction=_unit(np.array([-np.sign(side) * rng.uniform(0.6, 1), rng.uniform(0, 0.6), -rng.uniform(0.4, 0.9)])),
        rim_colour=tuple(float(x) for x in rim * _temperature(rng.normal(0, 0.6))),
        sky=tuple(float(x) for x in ambient * 1.15),
        ground=tuple(float(x) for x in ambient * rng.uniform(0.35, 0.8)),
        distance=float(rng.uniform(6.5, 18.0)),
        zoom=float(np.clip(rng.normal(0.76, 0.03), 0.68, 0.84)),
        shift=(float(rng.normal(0, 0.02)), float(rng.normal(0, 0.02))),
        cloth=tuple(float(x) for x in cloth),
        cloth_pattern=float(rng.random() < 0.2),
        background=int(rng.integers(1 << 31)),
        exposure=float(np.clip(rng.normal(0, 0.16), -0.4, 0.4)),
        white_balance=tuple(float(x) for x in _temperature(rng.normal(0, 0.09))),
        blur=float(0.25 + (min(1.0, rng.exponential(0.3)) if rng.random() < 0.3 else 0.0)),
        noise=float(rng.uniform(0.0, 0.012) if rng.random() < 0.7 else rng.uniform(0.012, 0.035)),
        jpeg_quality=int(rng.integers(55, 97)) if rng.random() < 0.6 else 0,
        sensor_seed=int(rng.integers(1 << 31)),
    )  # fmt: skip


def neutral_conditions() -> Conditions:
    """A studio portrait: frontal, at rest, soft light from the upper left, plain sensor. For sheets and tests."""
    return Conditions(
        yaw=0.0, pitch=0.0, roll=0.0, blendshapes=np.zeros(len(BLENDSHAPES), np.float32), gaze=(0.0, 0.0),
        key_direction=_unit(np.array([-0.5, 0.55, 0.75])), key_colour=(1.02, 0.98, 0.92),
        rim_direction=_unit(np.array([0.8, 0.4, -0.6])), rim_colour=(0.4, 0.45, 0.5),
        sky=(0.46, 0.48, 0.51), ground=(0.28, 0.26, 0.25), distance=11.0, zoom=0.76, shift=(0.0, 0.0),
        cloth=(0.12, 0.14, 0.18), cloth_pattern=0.0, background=0, exposure=0.0, white_balance=(1.0, 1.0, 1.0),
        blur=0.25, noise=0.0, jpeg_quality=0, sensor_seed=0,
    )  # fmt: skip
