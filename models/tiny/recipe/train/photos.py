"""The rendered photos and scenes of a run, in memory: the GPU's where there is one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch


def _read(folder: Path, names: tuple[str, ...]) -> list[dict[str, np.ndarray]]:
    paths = sorted(folder.glob("*.npz"))
    if not paths:
        raise SystemExit(f"Expected shards in {folder} but found none; run `python -m train.data` first.")
    shards = []
    for path in paths:
        with np.load(path) as file:
            shards.append({name: file[name] for name in names})
    return shards


class PhotoSet:
    """Photos of people, the same number of each, in rows person by person."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        names = ("image", "clean", "mask", "keypoints", "box", "pose", "blendshapes", "traits", "identity")
        shards = _read(folder, names)

        def joined(name: str) -> torch.Tensor:
            """Shard by shard to the device, so that the memory of the machine holds only one copy."""
            return torch.cat([torch.from_numpy(shard.pop(name)).to(device) for shard in shards])

        self._images, self._clean, self._masks, self.keypoints, self.boxes, self.poses, self.blendshapes = (
            joined(name) for name in names[:7]
        )
        self.traits, self._seeds = (joined(name) for name in names[7:])
        self.device = device
        self.people = len(self.traits)
        self.photos = len(self._images) // self.people
        self.resolution = self._images.shape[1]
        self.owner = torch.arange(self.people, device=device).repeat_interleave(
            self.photos
        )  # [rows], person of each photo

    def __len__(self) -> int:
        return len(self._images)

    @property
    def seeds(self) -> torch.Tensor:
        """The identity seed of each person."""
        return self._seeds[:: self.photos]

    def rows_of(self, shown: torch.Tensor) -> torch.Tensor:
        """Rows of photos that are told by the person's seed and the photo's number [N, 2]; -1 for those that are not there."""
        people = torch.searchsorted(self.seeds.contiguous(), shown[:, 0].contiguous()).clamp(max=self.people - 1)
        return torch.where(self.seeds[people] == shown[:, 0], people * self.photos + shown[:, 1], -1)

    def images(self, rows: torch.Tensor) -> torch.Tensor:
        """Photos float32 [N, 3, S, S], 0 to 255."""
        return self._images[rows].permute(0, 3, 1, 2).float()

    def clean(self, rows: torch.Tensor) -> torch.Tensor:
        """The same as a perfect camera would have taken them, without blur, noise and compression."""
        return self._clean[rows].permute(0, 3, 1, 2).float()

    def masks(self, rows: torch.Tensor) -> torch.Tensor:
        """Share of a pixel that the person covers, float32 [N, 1, S, S], 0 to 1."""
        return self._masks[rows][:, None].float() / 255

    def draw(self, count: int) -> torch.Tensor:
        """Random rows."""
        return torch.randint(len(self), (count,), device=self.device)

    def others(self, rows: torch.Tensor) -> torch.Tensor:
        """For each row, a random other photo of the same person."""
        step = torch.randint(1, self.photos, rows.shape, device=rows.device)
        return self.owner[rows] * self.photos + (rows + step) % self.photos

    def batches(self, size: int) -> Iterator[torch.Tensor]:
        """All rows in order."""
        yield from torch.arange(len(self), device=self.device).split(size)


class PoseMaps:
    """Normal maps of nobody's head in the poses of photos, for as many of them as were rendered."""

    def __init__(self, folder: Path, photos: PhotoSet) -> None:
        shards = _read(folder, ("of", "normals"))
        rows = photos.rows_of(torch.cat([torch.from_numpy(shard["of"]) for shard in shards]).to(photos.device))
        maps = torch.cat([torch.from_numpy(shard.pop("normals")).to(photos.device) for shard in shards])
        self._maps = maps[rows >= 0]
        self.rows = rows[rows >= 0]  # of the photos

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Random rows, and the maps of their poses as a ControlNet takes them: float32 [N, 3, S, S], 0 to 1."""
        drawn = torch.randint(len(self.rows), (count,), device=self.rows.device)
        return self.rows[drawn], self._maps[drawn].permute(0, 3, 1, 2).float() / 255


class ReferenceSet:
    """Photos of people, each beside one of somebody else in the same place: clothes, backdrop, light and pose are alike."""

    def __init__(self, folder: Path, photos: PhotoSet) -> None:
        names = ("of", "identity", "image", "clean")
        shards = _read(folder, names)
        of, identity, images, clean = (
            torch.cat([torch.from_numpy(shard[name]).to(photos.device) for shard in shards]) for name in names
        )
        rows, people = (photos.rows_of(shown) for shown in (of, torch.stack([identity, 0 * identity], 1)))
        there = (rows >= 0) & (people >= 0)
        self.rows = rows[there]  # of the photos
        self.strangers = people[there]  # the first photo's row of who is in that person's place
        self._images, self._clean = images[there], clean[there]

    def __len__(self) -> int:
        return len(self.rows)

    def images(self, which: torch.Tensor) -> torch.Tensor:
        """The strangers' photos, as taken, float32 [N, 3, S, S], 0 to 255."""
        return self._images[which].permute(0, 3, 1, 2).float()

    def clean(self, which: torch.Tensor) -> torch.Tensor:
        """The same as a perfect camera would have taken them."""
        return self._clean[which].permute(0, 3, 1, 2).float()


class SceneSet:
    """Rendered scenes and their faces."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        shards = _read(folder, ("image", "scene", "box", "keypoints"))
        self.images = (
            torch.cat([torch.from_numpy(shard["image"]) for shard in shards]).permute(0, 3, 1, 2).to(device)
        )  # uint8
        self.boxes: list[torch.Tensor] = []  # for each scene float32 [F, 4]
        self.keypoints: list[torch.Tensor] = []  # for each scene float32 [F, 5, 2]
        for shard in shards:
            for k in range(len(shard["image"])):
                mine = shard["scene"] == k
                self.boxes.append(torch.from_numpy(shard["box"][mine]))
                self.keypoints.append(torch.from_numpy(shard["keypoints"][mine]))

    def __len__(self) -> int:
        return len(self.images)


def load_backdrops(folder: Path, device: torch.device) -> torch.Tensor:
    """uint8 [N, 3, S, S]"""
    return (
        torch.cat([torch.from_numpy(shard["image"]) for shard in _read(folder, ("image",))])
        .permute(0, 3, 1, 2)
        .to(device)
    )
