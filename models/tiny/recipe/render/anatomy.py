"""From traits to landmarks: where the parts of one head lie.

Head space, used by every module: x to the right of the image (the person's left), y up, z towards the viewer of a
frontal portrait; the origin lies between the eyes' heights and the ears; one unit is about 10 cm.
"""

import math
from typing import NamedTuple

from .identity import Identity


class Anatomy(NamedTuple):
    """Lengths and positions in head space. Paired parts are given for the side of positive x."""

    # Skull: an ellipsoid, the forehead's ellipsoid, and half the width of the face
    cranium_y: float
    cranium_rx: float
    cranium_ry: float
    cranium_rz: float
    forehead_z: float
    temple: float
    face_rx: float
    cheekbone_x: float
    cheekbone_z: float
    cheek_r: float
    brow_ridge: float
    # Lower face
    jaw_x: float
    jaw_y: float
    jaw_r: float
    chin_y: float
    chin_z: float
    chin_rx: float
    chin_cleft: float
    fat: float
    neck_r: float
    # Nose
    nasion_z: float
    bridge_r: float
    hump: float
    tip_y: float
    tip_z: float
    tip_r: float
    base_y: float
    wing_x: float
    wing_r: float
    # Eyes: the ball, and the almond cut into the lids (half width, heights above and below its axis)
    eye_x: float
    eye_z: float
    eye_r: float
    eye_w: float
    lid_upper: float
    lid_lower: float
    eye_cos: float
    eye_sin: float
    socket: float
    # Brows: the height above the eye at the inner end, the arch and the outer end
    brow_y: float
    brow_in: float
    brow_out: float
    brow_arch: float
    brow_drop: float
    brow_half: float
    # Mouth: the line between the lips, the muzzle that they lie on, and their half heights
    mouth_y: float
    mouth_w: float
    muzzle_z: float
    lip_upper: float
    lip_lower: float
    lip_bow: float
    lip_corner: float
    # Ears
    ear_x: float
    ear_size: float
    ear_flare: float
    age: float


def anatomy(i: Identity) -> Anatomy:
    """Places the parts of the person `i`."""
    face_rx = 0.60 + 0.075 * i.face_width + 0.02 * i.weight
    cranium_rx = 0.745 + 0.06 * i.head_width + 0.02 * i.face_width
    base_y = -0.40 - 0.045 * i.face_length - 0.055 * i.nose_length
    chin_y = -0.985 - 0.11 * i.face_length - 0.07 * i.chin_length
    mouth_y = base_y + (chin_y - base_y) * (0.43 - 0.07 * i.mouth_height)
    eye_w = 0.158 + 0.028 * i.eye_size
    open_scale = (1.0 + 0.30 * i.eye_openness) * (1 + 0.1 * i.eye_size)
    tilt = math.radians(4.0 + 9.0 * i.eye_tilt)
    return Anatomy(
        cranium_y=0.27 + 0.03 * i.head_height,
        cranium_rx=cranium_rx,
        cranium_ry=0.83 + 0.07 * i.head_height,
        cranium_rz=0.94 + 0.07 * i.head_depth,
        forehead_z=0.335 - 0.07 * i.forehead_slope,
        temple=0.05 * i.temple_width,
        face_rx=face_rx,
        cheekbone_x=0.43 + 0.05 * i.face_width + 0.025 * i.cheekbones,
        cheekbone_z=0.50 + 0.05 * i.cheekbones,
        cheek_r=0.30 + 0.05 * i.cheek_fullness + 0.035 * i.weight,
        brow_ridge=0.5 + 0.5 * i.brow_ridge,
        jaw_x=0.455 + 0.095 * i.jaw_width + 0.03 * i.face_width + 0.03 * i.weight,
        jaw_y=-0.60 - 0.12 * i.jaw_height - 0.03 * i.face_length,
        jaw_r=0.15 + 0.025 * i.weight,
        chin_y=chin_y,
        chin_z=0.75 + 0.075 * i.chin_projection,
        chin_rx=0.185 + 0.07 * i.chin_width,
        chin_cleft=i.chin_cleft,
        fat=i.weight,
        neck_r=0.44 + 0.06 * i.neck_width + 0.03 * i.weight,
        nasion_z=0.845 + 0.055 * i.nose_bridge_height,
        bridge_r=0.075 + 0.022 * i.nose_bridge_width,
        hump=0.055 * i.nose_hump,
        tip_y=base_y + 0.075 + 0.055 * i.nose_rotation,
        tip_z=1.10 + 0.075 * i.nose_projection,
        tip_r=0.098 + 0.026 * i.nose_tip,
        base_y=base_y,
        wing_x=0.135 + 0.038 * i.nose_width,
        wing_r=0.078 + 0.014 * i.nose_width,
        eye_x=0.325 + 0.04 * i.eye_spacing + 0.2 * (eye_w - 0.158),
        eye_z=0.775 - 0.035 * i.eye_depth - eye_w * 1.08,
        eye_r=eye_w * 1.08,
        eye_w=eye_w,
        lid_upper=0.076 * open_scale,
        lid_lower=0.050 * open_scale,
        eye_cos=math.cos(tilt),
        eye_sin=math.sin(tilt),
        socket=0.5 + 0.4 * i.eye_depth,
        brow_y=0.215 + 0.045 * i.brow_height,
        brow_in=0.12 + 0.035 * i.brow_gap,
        brow_out=0.535 + 0.02 * i.face_width,
        brow_arch=0.035 + 0.04 * i.brow_arch,
        brow_drop=-0.012 + 0.05 * i.brow_tilt,
        brow_half=0.022 + 0.036 * i.brow_thickness,
        mouth_y=mouth_y,
        mouth_w=0.275 + 0.050 * i.mouth_width,
        muzzle_z=0.60 + 0.015 * i.chin_projection,
        lip_upper=0.043 + 0.021 * i.upper_lip,
        lip_lower=0.056 + 0.024 * i.lower_lip,
        lip_bow=0.008 + 0.026 * i.cupid_bow,
        lip_corner=0.030 + 0.026 * i.mouth_corners,
        ear_x=cranium_rx - 0.06,
        ear_size=1.0 + 0.16 * i.ear_size,
        ear_flare=math.radians(16.0 + 30.0 * i.ear_flare),
        age=i.age,
    )
