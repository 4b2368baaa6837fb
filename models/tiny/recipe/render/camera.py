"""Pose and projection. Camera space is head space seen by the viewer: x right, y up, z towards the camera."""

import math

import numpy as np
from numba import njit

from .conditions import Conditions

NECK_PIVOT = np.array([0.0, -0.75, -0.20])
HEAD_HEIGHT = 2.25  # crown to chin, in head units: what `zoom` measures
HEAD_MIDDLE = np.array([0.0, -0.18, 0.30])  # put at the middle of the image, before `shift`
BODY_SHARE = (0.40, 0.10, 0.15)  # of the head's yaw, pitch and roll, what the shoulders follow


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Rotation matrix [3, 3] of a pose in degrees (signs: Conditions)."""
    y, p, r = math.radians(yaw), math.radians(pitch), math.radians(roll)
    turn = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    nod = np.array([[1, 0, 0], [0, math.cos(p), math.sin(p)], [0, -math.sin(p), math.cos(p)]])
    lean = np.array([[math.cos(r), math.sin(r), 0], [-math.sin(r), math.cos(r), 0], [0, 0, 1]])
    return lean @ turn @ nod


@njit(cache=True, error_model="numpy")
def pose_vertices(rest, body_share, head, body, pivot, out):
    """Turns vertices with the head, with the body, or between the two (`body_share` 0 to 1), about the neck."""
    for i in range(rest.shape[0]):
        x, y, z = rest[i, 0] - pivot[0], rest[i, 1] - pivot[1], rest[i, 2] - pivot[2]
        s = body_share[i]
        for k in range(3):
            h = head[k, 0] * x + head[k, 1] * y + head[k, 2] * z
            if s > 0.0:
                b = body[k, 0] * x + body[k, 1] * y + body[k, 2] * z
                h += s * (b - h)
            out[i, k] = h + pivot[k]


class Camera:
    """A pinhole camera on the z axis that frames the head, for an image of `size` × `size` pixels."""

    def __init__(self, conditions: Conditions, head: np.ndarray, size: int) -> None:
        self.distance = conditions.distance
        middle = head @ (HEAD_MIDDLE - NECK_PIVOT) + NECK_PIVOT
        self.focal = size * conditions.zoom * (conditions.distance - middle[2]) / HEAD_HEIGHT
        scale = self.focal / (conditions.distance - middle[2])
        # A pixel's centre has whole coordinates, as in OpenCV and InsightFace.
        self.x0 = (0.5 + conditions.shift[0]) * size - 0.5 - scale * middle[0]
        self.y0 = (0.5 + conditions.shift[1]) * size - 0.5 + scale * middle[1]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Camera space [N, 3] to x, y in pixels and nearness (1 / distance), float32 [N, 3]."""
        nearness = 1.0 / (self.distance - points[:, 2])
        screen = np.empty((len(points), 3), np.float32)
        screen[:, 0] = self.x0 + self.focal * points[:, 0] * nearness
        screen[:, 1] = self.y0 - self.focal * points[:, 1] * nearness
        screen[:, 2] = nearness
        return screen
