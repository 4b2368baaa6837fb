"""Scenes put together while the detector trains: parts of rendered scenes, grids of photos, groups of cut-outs, close-ups."""

import math
from typing import NamedTuple

import torch
from torch import nn

from .photos import PhotoSet, SceneSet

# How often a scene is a part of a rendered one, a grid of photos, a group of cut-outs, a close-up.
_KINDS = torch.tensor([0.3, 0.4, 0.15, 0.15])
# How often a grid has one photo in a row, two, … A large grid shows many small faces at once, so it needs fewer.
_GRIDS = torch.tensor([0.2, 0.3, 0.25, 0.15, 0.1])
MAX_FACES = len(_GRIDS) ** 2
# Sides in pixels of the faces that are to be found at one scale (square roots of the boxes' areas). Faces beyond, up to `_DOUBT`
# times, count neither for nor against the detector; those farther beyond are for another scale, and it must not see them.
MIN_SIDE, MAX_SIDE = 12.0, 72.0
_DOUBT = 1.4
_MOST_ENLARGED = 2.5
_SOFT = 0.3  # share of photos that are softened, as portraits are: faces in those are to be found, too
_MIRRORED = [1, 0, 2, 4, 3]  # keypoints of a mirrored face


class Faces(NamedTuple):
    """The faces of a batch of scenes, in pixels."""

    boxes: torch.Tensor  # float32 [N, MAX_FACES, 4]
    keypoints: torch.Tensor  # float32 [N, MAX_FACES, 5, 2]
    valid: torch.Tensor  # bool [N, MAX_FACES]: to be found
    ignored: torch.Tensor  # bool [N, MAX_FACES]: cut off, or a little too small or too large


class _Scene:
    """One scene while it is painted."""

    def __init__(self, image: torch.Tensor) -> None:
        self.image = image  # float32 [3, side, side]
        self.boxes: list[torch.Tensor] = []
        self.keypoints: list[torch.Tensor] = []

    def paste(self, tile: torch.Tensor, mask: torch.Tensor | None, scale: float, corner: tuple[float, float]) -> None:
        """Draws tile [3, S, S] (under mask [1, S, S]), `scale` times as large, with its first pixel's border at `corner`."""
        side, source = self.image.shape[1], tile.shape[1]
        layers = tile if mask is None else torch.cat([tile, mask])
        pooled = 1
        while scale * pooled <= 0.6:  # bilinear samples of too large a tile would miss pixels between them
            layers, pooled = nn.functional.avg_pool2d(layers, 2), pooled * 2
        x0, y0 = (max(0, round(c)) for c in corner)
        x1, y1 = (min(side, round(c + scale * source)) for c in corner)
        if x1 <= x0 or y1 <= y0:
            return
        device = tile.device
        x = (torch.arange(x0, x1, device=device) + 0.5 - corner[0]) / (scale * source) * 2 - 1
        y = (torch.arange(y0, y1, device=device) + 0.5 - corner[1]) / (scale * source) * 2 - 1
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)[None]
        drawn = nn.functional.grid_sample(layers[None], grid, padding_mode="border", align_corners=False)[0]
        area = self.image[:, y0:y1, x0:x1]
        cover = 1.0 if mask is None else drawn[3:]
        area.copy_(area + cover * (drawn[:3] - area))

    def add_face(self, box: torch.Tensor, keypoints: torch.Tensor, scale: float, corner: tuple[float, float]) -> None:
        """A face given in pixels of a tile that was pasted."""
        shift = torch.tensor(corner)
        self.boxes.append((box.reshape(2, 2) + 0.5) * scale + shift - 0.5)
        self.keypoints.append((keypoints + 0.5) * scale + shift - 0.5)

    def mirror(self) -> None:
        last = self.image.shape[2] - 1
        flip = torch.tensor([-1.0, 1.0])
        offset = torch.tensor([float(last), 0.0])
        self.image = self.image.flip(2)
        flipped = [box * flip + offset for box in self.boxes]
        self.boxes = [torch.stack([box.amin(0), box.amax(0)]) for box in flipped]
        self.keypoints = [(points * flip + offset)[_MIRRORED] for points in self.keypoints]


class Composer:
    """Draws training scenes. Labels lie in CPU memory, pixels on the device."""

    def __init__(self, photos: PhotoSet, scenes: SceneSet, backdrops: torch.Tensor) -> None:
        self._people, self._scenes, self._backdrops = photos, scenes, backdrops
        self._boxes, self._keypoints = photos.boxes.cpu(), photos.keypoints.cpu()

    def draw(self, count: int, side: int) -> tuple[torch.Tensor, Faces]:
        """Images float32 [count, 3, side, side], 0 to 255, and their faces."""
        kinds = (self._rendered, self._photos, self._group, self._close_up)
        drawn = []
        for _ in range(count):
            paint = kinds[int(torch.multinomial(_KINDS, 1))]
            scene = paint(side)
            if torch.rand(()).item() < 0.5:
                scene.mirror()
            drawn.append(scene)
        images = torch.stack([scene.image for scene in drawn])
        gain = torch.empty(count, 1, 1, 1, device=images.device).uniform_(0.75, 1.25)
        return (images * gain).clamp(0, 255), _gather(drawn, side)

    def _rendered(self, side: int) -> _Scene:
        """A part of a rendered scene, mostly with a face at a size to be found; black where the scene does not reach."""
        k = int(torch.randint(len(self._scenes), ()))
        tile, boxes = self._scenes.images[k].float(), self._scenes.boxes[k]
        if len(boxes) > 0 and torch.rand(()).item() < 0.8:
            box = boxes[int(torch.randint(len(boxes), ()))]
            extent = _side(box).item()
            scale = _log_uniform(MIN_SIDE / extent, min(_MOST_ENLARGED, MAX_SIDE / extent))
            corner = tuple((side * torch.empty(2).uniform_(0.15, 0.85) - scale * (box[:2] + box[2:]) / 2).tolist())
        else:
            scale = _log_uniform(1 / _MOST_ENLARGED, _MOST_ENLARGED)
            corner = tuple(((side - scale * tile.shape[1]) * torch.rand(2)).tolist())
        scene = _Scene(torch.zeros(3, side, side, device=tile.device))
        scene.paste(tile, None, scale, corner)
        for box, keypoints in zip(boxes, self._scenes.keypoints[k]):
            scene.add_face(box, keypoints, scale, corner)
        return scene

    def _photos(self, side: int) -> _Scene:
        """Photos in a square grid, each about as large as its cell: many teach more at the same cost."""
        scene = _Scene(torch.zeros(3, side, side, device=self._people.device))
        across = 1 + int(torch.multinomial(_GRIDS, 1))
        cell, resolution = side / across, self._people.resolution
        for k, row in enumerate(torch.randint(len(self._people), (across**2,)).tolist()):
            box = self._boxes[row]
            most = MAX_SIDE / _side(box).item()
            scale = min(cell / resolution * _log_uniform(0.8, 1.3), most * _log_uniform(0.4, 1.0))
            # Larger photos lose their margins, smaller ones leave some.
            free = (cell - scale * resolution) * torch.empty(2).uniform_(0.2, 0.8)
            corner = (cell * (k % across) + free[0].item(), cell * (k // across) + free[1].item())
            scene.paste(self._tile(row), None, scale, corner)
            scene.add_face(box, self._keypoints[row], scale, corner)
        return scene

    def _close_up(self, side: int) -> _Scene:
        """A part of a person as the finest scales see it: curls, beards and nostrils that are no faces."""
        row = int(torch.randint(len(self._people), ()))
        scale = _log_uniform(1.0, 5.0) * side / self._people.resolution
        mask = self._people.masks(torch.tensor([row], device=self._people.device))[0, 0]
        places = torch.nonzero(mask > 0.5)
        # Whoever is photographed covers a third of the photo, most of it hair, beard and clothes.
        y, x = places[int(torch.randint(len(places), ()))].tolist()
        corner = tuple((side / 2 - scale * torch.tensor([x + 0.5, y + 0.5])).tolist())
        scene = _Scene(torch.zeros(3, side, side, device=self._people.device))
        scene.paste(self._tile(row), None, scale, corner)
        scene.add_face(self._boxes[row], self._keypoints[row], scale, corner)
        return scene

    def _group(self, side: int) -> _Scene:
        """A backdrop and none to six people, the nearest last."""
        backdrop = self._backdrops[int(torch.randint(len(self._backdrops), ()))].float()
        scene = _Scene(nn.functional.interpolate(backdrop[None], (side, side), mode="bilinear")[0])
        count = int(torch.randint(0, 7, ()))
        rows = torch.randint(len(self._people), (count,)).tolist()
        widths = sorted(_log_uniform(MIN_SIDE, min(MAX_SIDE, 0.5 * side)) for _ in rows)
        taken: list[tuple[float, float, float, float]] = []
        for row, width in zip(rows, widths):
            box = self._boxes[row]
            scale = width / (box[2] - box[0]).item()
            reach = scale * self._people.resolution
            for _ in range(8):
                corner = tuple(((side - reach) * torch.rand(2)).tolist())
                # Of the tile, what the person mostly covers.
                area = (corner[0] + 0.2 * reach, corner[1] + 0.05 * reach, corner[0] + 0.8 * reach, corner[1] + reach)
                if not any(_touch(area, other) for other in taken):
                    break
            else:
                continue
            rows_of = torch.tensor([row], device=self._people.device)
            mask = self._people.masks(rows_of)[0] if torch.rand(()).item() < 0.85 else None  # some are photos on a wall
            scene.paste(self._tile(row), mask, scale, corner)
            scene.add_face(box, self._keypoints[row], scale, corner)
            top_left, bottom_right = scene.boxes[-1].tolist()
            taken.append((*top_left, *bottom_right))
        return scene

    def _tile(self, row: int) -> torch.Tensor:
        tile = self._people.images(torch.tensor([row], device=self._people.device))
        if torch.rand(()).item() < _SOFT:
            side = round(self._people.resolution / _log_uniform(1.5, 5.0))
            small = nn.functional.interpolate(tile, (side, side), mode="area")
            tile = nn.functional.interpolate(small, tile.shape[2:], mode="bicubic").clamp(0, 255)
        return tile[0]


def _side(boxes: torch.Tensor) -> torch.Tensor:
    """Of a square as large as each box [..., 4], [...]."""
    return (boxes[..., 2:] - boxes[..., :2]).prod(-1).sqrt()


def _log_uniform(low: float, high: float) -> float:
    return math.exp(math.log(low) + torch.rand(()).item() * (math.log(high) - math.log(low)))


def _touch(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _gather(scenes: list[_Scene], side: int) -> Faces:
    boxes = torch.zeros(len(scenes), MAX_FACES, 4)
    keypoints = torch.zeros(len(scenes), MAX_FACES, 5, 2)
    present = torch.zeros(len(scenes), MAX_FACES, dtype=torch.bool)
    for n, scene in enumerate(scenes):
        # The renderer's scenes have at most seven faces, the groups six, the grids most.
        for k, (box, points) in enumerate(zip(scene.boxes, scene.keypoints)):
            boxes[n, k], keypoints[n, k], present[n, k] = box.reshape(4), points, True
    extent = _side(boxes)
    inside = ((keypoints >= 0) & (keypoints <= side - 1)).flatten(2).all(2)
    boxes = boxes.clamp(0, side - 1)
    visible = ((boxes[..., 2:] - boxes[..., :2]).amin(2) > 0) & present
    valid = present & inside & (extent >= MIN_SIDE) & (extent <= MAX_SIDE)
    doubtful = visible & ~valid & (extent >= MIN_SIDE / _DOUBT) & (extent <= MAX_SIDE * _DOUBT)
    device = scenes[0].image.device
    return Faces(*(t.to(device) for t in (boxes, keypoints, valid, doubtful)))
