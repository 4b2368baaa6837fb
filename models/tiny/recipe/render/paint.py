"""A person's colours and painted features, from traits: what materials.py needs besides the anatomy."""

from typing import NamedTuple

import numpy as np

from .beard import beard_of
from .hair import style_of
from .identity import Identity

Colour = tuple[float, float, float]


def _linear(*hexes: str) -> np.ndarray:
    """sRGB hex colours as linear RGB, [N, 3]."""
    values = np.array([[int(h[k : k + 2], 16) / 255 for k in (0, 2, 4)] for h in hexes])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


_SKIN = _linear("efcbb8", "e6b599", "cf9674", "a87252", "7a4d36", "4e3328")
_IRIS = _linear("24140c", "40240f", "5f3a1a", "83602c", "66793f", "4d86ad", "8fa9ba")
_HAIR = _linear("0c0908", "20140e", "452a18", "7a5230", "b58a52", "e0c38c")
_COPPER = _linear("1c0a06", "4a1a0a", "7c2e0e", "a8481a", "c8702e", "e0a060")
_GREY = _linear("c4c2be")[0]


def _ramp(stops: np.ndarray, t: float) -> np.ndarray:
    """A place (0 to 1) on evenly spaced stops."""
    x = np.linspace(0, 1, len(stops))
    return np.array([np.interp(t, x, stops[:, k]) for k in range(3)])


class Paint(NamedTuple):
    """Linear RGB colours and strengths of what is painted on the skin, the eyes and the hair."""

    skin: Colour
    lips: Colour
    iris: Colour
    hair: Colour
    brow: Colour
    beard: Colour
    ruddiness: float
    freckles: float
    lashes: float
    crease: float  # height of the lid's crease over the lid's edge; 0 for none
    brow_density: float
    scalp: float  # opacity of the hair's colour painted on the scalp
    roots: float  # its brightness there: under locks it is dark
    hairline_height: float
    hairline_recession: float
    crown: float
    stubble: float  # opacity of the beard painted on the skin
    beard_moustache: float
    beard_chin: float
    beard_jaw: float
    moles: np.ndarray  # [5, 3]: x, y in head space, radius (0 for none)


def paint(i: Identity) -> Paint:
    """The colours of the person `i`."""
    skin = _ramp(_SKIN, i.skin_tone) * np.array([1.0, 1 + 0.03 * i.skin_undertone, 1 - 0.09 * i.skin_undertone])
    rosy = _linear("c4555c")[0] * (0.35 + 0.65 * (1 - i.skin_tone))
    lips = skin * np.array([0.86, 0.60, 0.58]) * (1 - 0.8 * i.lip_colour) + rosy * 0.8 * i.lip_colour
    hair = (
        _ramp(_HAIR, i.hair_lightness) * (1 - 0.8 * i.hair_redness)
        + _ramp(_COPPER, i.hair_lightness) * 0.8 * i.hair_redness
    )
    hair_now = hair * (1 - i.grey) + _GREY * i.grey
    brow = 0.50 * hair * (1 - 0.6 * i.grey) + _GREY * 0.45 * i.grey
    beard = 0.85 * hair * (1 - min(1.0, 1.2 * i.grey)) + _GREY * min(1.0, 1.2 * i.grey)

    style, facial = style_of(i), beard_of(i)
    rng = np.random.Generator(np.random.PCG64([int(i.mole_places * 1e6), 3]))
    moles = np.zeros((5, 3))
    for k in range(round(5 * i.moles)):
        moles[k] = rng.uniform(-0.52, 0.52), rng.uniform(-0.95, 0.55), rng.uniform(0.013, 0.024)
    some_beard = facial.moustache + facial.chin + facial.jaw > 0
    return Paint(
        skin=tuple(skin), lips=tuple(lips), iris=tuple(_ramp(_IRIS, i.iris_colour)), hair=tuple(hair_now), brow=tuple(brow), beard=tuple(beard),
        ruddiness=i.ruddiness, freckles=i.freckles, lashes=i.lashes,
        crease=0.030 + 0.035 * (1 - i.lid_fold) if i.lid_fold < 0.7 else 0.0,
        brow_density=0.55 + 0.45 * i.brow_thickness,
        scalp={"shaven": 0.12 + 0.3 * i.stubble, "buzz": 0.80}.get(style.name, 0.92),
        roots=0.5 if style.width > 0 else 1.0,
        hairline_height=i.hairline_height, hairline_recession=i.hairline_recession, crown=style.crown,
        stubble=((0.85 if facial.length > 0 else 0.55) if some_beard else 0.34 * i.stubble) * (1 - 0.55 * i.grey),
        beard_moustache=facial.moustache if some_beard else 1.0,
        beard_chin=facial.chin if some_beard else 1.0,
        beard_jaw=facial.jaw if some_beard else 1.0,
        moles=moles,
    )  # fmt: skip
