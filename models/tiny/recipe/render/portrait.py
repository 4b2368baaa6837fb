"""A person, ready to be photographed any number of times: identity → meshes and paint once, then one call per photo."""

import math
from typing import NamedTuple

import numpy as np

from . import materials, occlusion, parts, raster, shading
from .anatomy import anatomy
from .background import backdrop
from .beard import build_beard
from .camera import BODY_SHARE, NECK_PIVOT, Camera, pose_vertices, rotation
from .conditions import Conditions
from .expression import BLENDSHAPES, build_blendshapes, jaw_rotation
from .hair import build_hair
from .head import COLUMNS, UPPER_ROWS, build_head
from .identity import Identity
from .paint import paint
from .sensor import expose, meter, reduce

SUPERSAMPLING = 2
_METERING_SIDE = 32
_SHADOW_MAP = 256
_SHADOW_REACH = 2.1  # head units from the middle of the head to the map's border


class Photo(NamedTuple):
    """One photo and its labels. Pixels are those of the image; the centre of a pixel has whole coordinates."""

    image: np.ndarray  # uint8 [S, S, 3] RGB
    clean: (
        np.ndarray
    )  # uint8 [S, S, 3]: the same as a perfect camera would have it, without blur, noise and compression
    keypoints: (
        np.ndarray
    )  # float32 [5, 2]: image-left eye, image-right eye, nose tip, image-left and -right mouth corner
    box: np.ndarray  # float32 [4]: x0, y0, x1, y1 of the face, chin to hairline and ear to ear
    normals: (
        np.ndarray
    )  # uint8 [S, S, 3]: camera-space x right, y up, z to the viewer, -1 to 1 as 0 to 255; 128 is nothing
    mask: np.ndarray  # uint8 [S, S]: share of a pixel that the person covers, 0 to 255
    pose: np.ndarray  # float32 [3]: yaw, pitch, roll in degrees
    blendshapes: np.ndarray  # float32 [16], in the order of expression.BLENDSHAPES


class View(NamedTuple):
    """What Person.stand_before drew; arrays of the supersampled size, points in pixels of the small image."""

    covered: np.ndarray  # bool [L, L]
    skin: np.ndarray  # bool [L, L]: of the head
    normals: np.ndarray  # float32 [L, L, 3], camera space
    keypoints: np.ndarray  # as Photo.keypoints
    box: np.ndarray  # as Photo.box


def _scene(c: Conditions, size: int) -> np.ndarray:
    """The lit backdrop, for `stand_before`."""
    scene = backdrop(c.background, size * SUPERSAMPLING)
    scene *= 0.35 + 0.5 * (sum(c.sky) + sum(c.key_colour)) / 3
    return scene


class Person:
    """The meshes, the paint and the blendshapes of one identity."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.anatomy = a = anatomy(identity)
        self.paint = paint(identity)
        head = build_head(a)
        self._shapes = build_blendshapes(head, a)
        self._head_count = len(head.positions)
        beard, roots = build_beard(
            identity, a, head, raster.vertex_normals(head.positions.astype(np.float32), head.triangles)
        )
        hair = build_hair(identity, a)
        lower_teeth, tongue = parts.build_teeth(a, False), parts.build_tongue(a)
        head_part = parts.Part(
            head.positions, head.triangles, np.where(head.inner, 1.0, 0.0)[:, None] * np.array([1.0, 0.0, 0.0])
        )
        pieces = [
            (head_part, materials.SKIN),
            (parts.build_ear(a, 1), materials.SKIN),
            (parts.build_ear(a, -1), materials.SKIN),
            (parts.build_eye(a, 1), materials.EYE),
            (parts.build_eye(a, -1), materials.EYE),
            (parts.build_teeth(a, True), materials.TEETH),
            (lower_teeth, materials.TEETH),
            (tongue, materials.MOUTH),
            (parts.build_torso(a), materials.CLOTH),
            (hair.part, materials.HAIR),
            (beard.part, materials.BEARD),
        ]
        offsets = np.cumsum([0] + [len(p.positions) for p, _ in pieces])
        self._rest = np.vstack([p.positions for p, _ in pieces]).astype(np.float32)
        self._extra = np.vstack([p.extra for p, _ in pieces]).astype(np.float32)
        self._triangles = np.vstack([p.triangles + o for (p, _), o in zip(pieces, offsets)]).astype(np.int32)
        self._material = np.concatenate([np.full(len(p.triangles), kind, np.uint8) for p, kind in pieces])
        self._skin_triangles = len(head.triangles)

        # What moves with an expression besides the head: the lower teeth and the tongue, and the beard.
        self._jaw = slice(offsets[6], offsets[8])
        self._beard, self._beard_roots = slice(offsets[10], None), roots
        # Hair is lit as a volume more than as single locks: its normals lean away from the middle of the head.
        self._hair = slice(offsets[9], offsets[10])
        outward = self._rest[self._hair] - np.array([0.0, 0.15, -0.10], np.float32)
        outward[:, 1] = np.where(outward[:, 1] < 0, 0.25 * outward[:, 1], outward[:, 1])
        self._hair_outward = outward / (np.linalg.norm(outward, axis=1, keepdims=True) + 1e-9)
        self._tangents = np.vstack([hair.tangents, beard.tangents]).astype(np.float32)
        self._body_share = np.zeros(len(self._rest), np.float32)
        y = head.positions[:, 1]
        t = np.clip((a.chin_y - 0.02 - y) / (a.chin_y - 0.02 + 1.60), 0, 1)
        self._body_share[: self._head_count] = t * t * (3 - 2 * t)
        self._body_share[offsets[8] : offsets[9]] = 1.0

        # Landmarks.
        line = head.positions[(UPPER_ROWS - 1) * COLUMNS : UPPER_ROWS * COLUMNS]
        right = np.argmin(np.abs(line[:, 0] - a.mouth_w) + 10 * (line[:, 2] < 0.3))
        left = np.argmin(np.abs(line[:, 0] + a.mouth_w) + 10 * (line[:, 2] < 0.3))
        middle = np.abs(head.positions[:, 0]) < 0.06
        tip = np.argmax(np.where(middle & (y > a.base_y) & (y < 0), head.positions[:, 2], -9))
        self._landmarks = np.array([tip, (UPPER_ROWS - 1) * COLUMNS + left, (UPPER_ROWS - 1) * COLUMNS + right])
        lid_middle = 0.5 * (a.lid_upper - a.lid_lower)
        self._eyes = np.array([[-a.eye_x, lid_middle, a.eye_z + a.eye_r], [a.eye_x, lid_middle, a.eye_z + a.eye_r]])
        face = (head.positions[:, 2] > 0.0) & (y < 0.72) & (y > a.chin_y - 0.16) & ~head.inner
        self._face = np.flatnonzero(face & ((y > a.chin_y + 0.1) | (head.positions[:, 2] > 0.4)))

    def _express(self, blendshapes: np.ndarray) -> np.ndarray:
        """The resting vertices moved by an expression, float32 [V, 3] in head space."""
        moved = self._rest.copy()
        head = moved[: self._head_count]
        for strength, shape in zip(blendshapes, self._shapes):
            if strength != 0:
                head += strength * shape
        jaw = float(blendshapes[BLENDSHAPES.index("jaw_open")])
        if jaw > 0:
            moved[self._jaw] += jaw_rotation(moved[self._jaw].astype(np.float64), jaw).astype(np.float32)
        if len(self._beard_roots):
            moved[self._beard] += (head - self._rest[: self._head_count])[self._beard_roots]
        return moved

    def metered(self, conditions: Conditions) -> float:
        """How bright a camera takes the face to be; a small picture tells."""
        scene = _scene(conditions, _METERING_SIDE)
        return meter(scene, self.stand_before(scene, conditions).skin)

    def photograph(self, conditions: Conditions, size: int = 128, metered: float | None = None) -> Photo:
        """Takes one photo of `size` × `size` pixels, exposed for a face of the brightness `metered` (default: this one's)."""
        c = conditions
        scene = _scene(c, size)
        view = self.stand_before(scene, c)
        coverage = reduce(view.covered.astype(np.float32), SUPERSAMPLING)
        normals = reduce(view.normals, SUPERSAMPLING)
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
        normals[coverage < 0.5] = 0
        image, clean = expose(scene, view.skin, c, SUPERSAMPLING, metered)
        return Photo(
            image=image,
            clean=clean,
            keypoints=view.keypoints,
            box=view.box,
            normals=np.rint(normals * 127 + 128).astype(np.uint8),
            mask=np.rint(coverage * 255).astype(np.uint8),
            pose=np.array([c.yaw, c.pitch, c.roll], np.float32),
            blendshapes=c.blendshapes.copy(),
        )

    def stand_before(self, scene: np.ndarray, conditions: Conditions) -> View:
        """Paints the person over `scene` (linear RGB float32, square, SUPERSAMPLING times the image's size), in place."""
        c, a = conditions, self.anatomy
        large = scene.shape[0]
        head = rotation(c.yaw, c.pitch, c.roll)
        body = rotation(*(share * angle for share, angle in zip(BODY_SHARE, (c.yaw, c.pitch, c.roll))))
        moved = self._express(c.blendshapes)
        positions = np.empty_like(moved)
        pose_vertices(moved, self._body_share, head, body, NECK_PIVOT, positions)
        normals = raster.vertex_normals(positions, self._triangles)
        hair = normals[self._hair]
        hair += 1.3 * self._hair_outward @ head.T.astype(np.float32)
        hair /= np.linalg.norm(hair, axis=1, keepdims=True) + 1e-9
        tangents = self._tangents @ head.T.astype(np.float32)

        # The camera works in pixels of the small image; its samples lie evenly inside each pixel.
        camera = Camera(c, head, large // SUPERSAMPLING)
        screen = camera.project(positions)
        fine = screen.copy()
        fine[:, :2] = (screen[:, :2] + 0.5) * SUPERSAMPLING - 0.5
        look = self._look(c)
        seen, weights, _ = raster.rasterise(
            fine,
            self._triangles,
            self._skin_triangles,
            self._rest,
            a,
            look.blink_left,
            look.blink_right,
            look.wide,
            large,
        )
        pixel_normals, points = shading.gather_normals(seen, weights, self._triangles, normals, positions)
        per_unit = camera.focal / camera.distance * SUPERSAMPLING
        open_share = occlusion.ambient_occlusion(points[..., 2], pixel_normals, seen, per_unit)
        light, depths = self._light(c, positions)
        shading.shade(
            scene, seen, weights, self._triangles, self._material, self._rest, self._extra, tangents,
            pixel_normals, points, open_share, depths, light, look, a, self.paint, camera.distance,
        )  # fmt: skip
        face = screen[self._face, :2]
        return View(
            covered=seen >= 0,
            skin=(seen >= 0) & (seen < self._skin_triangles),
            normals=pixel_normals,
            keypoints=self._keypoints(camera, screen, head),
            box=np.concatenate([face.min(0), face.max(0)]),
        )

    def _keypoints(self, camera: Camera, screen: np.ndarray, head: np.ndarray) -> np.ndarray:
        eyes = camera.project((self._eyes - NECK_PIVOT) @ head.T + NECK_PIVOT)[:, :2]
        return np.vstack([eyes, screen[self._landmarks, :2]]).astype(np.float32)

    def _look(self, c: Conditions) -> materials.Look:
        strength = dict(zip(BLENDSHAPES, c.blendshapes.tolist()))
        gx, gy = math.radians(c.gaze[0]), math.radians(c.gaze[1])
        squint = 0.35 * strength["squint"]
        return materials.Look(
            gaze=(math.sin(gx) * math.cos(gy), math.sin(gy), math.cos(gx) * math.cos(gy)),
            blink_left=min(1.0, strength["blink_left"] + squint),
            blink_right=min(1.0, strength["blink_right"] + squint),
            wide=strength["eye_wide"],
            wrinkle=0.35 * max(strength["brow_inner_up"], strength["brow_outer_up"]),
            cloth=c.cloth,
            cloth_pattern=c.cloth_pattern,
        )

    def _light(self, c: Conditions, positions: np.ndarray) -> tuple[shading.Light, np.ndarray]:
        key = np.array(c.key_direction)
        right = np.cross([0.0, 1.0, 0.0], key)
        right /= np.linalg.norm(right)
        up = np.cross(key, right)
        light = shading.Light(
            key=tuple(key.tolist()), key_colour=c.key_colour, rim=c.rim_direction, rim_colour=c.rim_colour, sky=c.sky, ground=c.ground,
            right=tuple(right.tolist()), up=tuple(up.tolist()), scale=_SHADOW_MAP / 2 / _SHADOW_REACH,
        )  # fmt: skip
        depths = raster.depth_map(
            positions, self._triangles, light.right, light.up, light.key, light.scale, _SHADOW_MAP
        )
        return light, depths
