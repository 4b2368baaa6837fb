"""Writes nobody's head for the package, which draws poses of it itself, and maps of it for the package's tests:

.venv/bin/python export_head.py ../../neutral-head.safetensors ../../../test/fixtures/pose-maps.safetensors
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from render import neutral_conditions
from render.anatomy import Anatomy, anatomy
from render.head import COLUMNS
from render.identity import TRAITS, Identity
from render.neutral_head import NeutralHead

_SIDE = 96
_POSES = [(0, 0, 0), (30, 0, 0), (-35, 15, 10), (10, -20, -15)]  # yaw, pitch, roll in degrees


def _landmarks(a: Anatomy, positions: np.ndarray) -> dict[str, np.ndarray]:
    """What photos of faces are aligned by, in head space [2, 3], at the image's left first."""
    eye_y, eye_z = 0.5 * (a.lid_upper - a.lid_lower), a.eye_z + a.eye_r
    front = positions[positions[:, 2] > 0.3]
    corner = front[np.hypot(front[:, 0] - a.mouth_w, front[:, 1] - a.mouth_y).argmin()]
    sides = np.array([[-1, 1, 1], [1, 1, 1]], np.float32)
    return {"eyes": sides * np.array([a.eye_x, eye_y, eye_z], np.float32), "mouth": sides * corner}


def main() -> None:
    head_path, maps_path = map(Path, sys.argv[1:3])
    head = NeutralHead()
    average = anatomy(Identity(*(0.0 if trait.low < 0 else 0.5 for trait in TRAITS)))
    # A grid whose rows go down and whose columns go around the head: its triangles follow from that.
    grid = head.positions.reshape(-1, COLUMNS // 2, 3)
    save_file({"positions": grid, **_landmarks(average, head.positions)}, head_path)
    place = neutral_conditions()
    maps = [head.normals(place._replace(yaw=y, pitch=p, roll=r), _SIDE) for y, p, r in _POSES]
    save_file({"poses": np.array(_POSES, np.float32), "maps": np.stack(maps)}, maps_path)


if __name__ == "__main__":
    main()
