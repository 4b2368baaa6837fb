"""Nobody's head: the mesh that shows a pose, and its normal maps, which the pose adapter is steered by.

The mesh is that of the average person, bald, at rest and with closed lids, at half the density in both directions. It turns
as one piece and ends below the chin, so that whoever wants to draw it needs vertices, triangles and a rotation, and nothing else.
"""

import numpy as np

from . import raster, shading
from .anatomy import anatomy
from .camera import NECK_PIVOT, Camera, rotation
from .conditions import Conditions
from .head import COLUMNS, LOWER_ROWS, UPPER_ROWS, build_head
from .identity import TRAITS, Identity
from .sensor import reduce

_SUPERSAMPLING = 2
_NECK = 0.30  # how far below the chin the mesh ends, in head units


class NeutralHead:
    """`positions` float32 [V, 3] in head space (anatomy.py) and `triangles` int32 [T, 3], counter-clockwise seen from outside."""

    def __init__(self) -> None:
        average = Identity(*(0.0 if trait.low < 0 else 0.5 for trait in TRAITS))
        self._anatomy = a = anatomy(average)
        grid = build_head(a).positions[: (UPPER_ROWS + LOWER_ROWS) * COLUMNS].reshape(-1, COLUMNS, 3)
        # Of the two rows between the lips, which lie on each other, the upper one.
        rows = np.r_[UPPER_ROWS - 1 : 0 : -2, UPPER_ROWS + 1 : UPPER_ROWS + LOWER_ROWS : 2]
        grid = grid[np.sort(rows)][:, ::2]
        above_neck = grid[..., 1].max(1) > a.chin_y - _NECK
        grid = grid[: int(np.flatnonzero(above_neck)[-1]) + 2]
        index = np.arange(grid.shape[0] * grid.shape[1], dtype=np.int32).reshape(grid.shape[:2])
        left, right = index, np.roll(index, -1, 1)
        first = np.stack([left[:-1], left[1:], right[:-1]], -1)
        second = np.stack([right[:-1], left[1:], right[1:]], -1)
        self.positions = grid.reshape(-1, 3).astype(np.float32)
        self.triangles = np.concatenate([first.reshape(-1, 3), second.reshape(-1, 3)])

    def normals(self, conditions: Conditions, size: int) -> np.ndarray:
        """The normal map under the pose, the camera and the framing of `conditions`; as Photo.normals, uint8 [S, S, 3]."""
        turn = rotation(conditions.yaw, conditions.pitch, conditions.roll)
        positions = ((self.positions - NECK_PIVOT) @ turn.T + NECK_PIVOT).astype(np.float32)
        screen = Camera(conditions, turn, size).project(positions)
        screen[:, :2] = (screen[:, :2] + 0.5) * _SUPERSAMPLING - 0.5
        seen, weights, _ = raster.rasterise(
            screen, self.triangles, 0, self.positions, self._anatomy, 1.0, 1.0, 0.0, size * _SUPERSAMPLING
        )
        vertices = raster.vertex_normals(positions, self.triangles)
        fine, _ = shading.gather_normals(seen, weights, self.triangles, vertices, positions)
        normals = reduce(fine, _SUPERSAMPLING)
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
        normals[reduce((seen >= 0).astype(np.float32), _SUPERSAMPLING) < 0.5] = 0
        return np.rint(normals * 127 + 128).astype(np.uint8)
