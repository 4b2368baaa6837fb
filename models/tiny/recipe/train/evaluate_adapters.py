"""Measures what each adapter of an exported bundle does, beside what the painter does without it, and paints a sheet to look at."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny, LCMScheduler
from PIL import Image
from torch import nn

from dataset import HELD_OUT
from render import Person, neutral_conditions, sample_identity
from render.conditions import MAX_PITCH, MAX_ROLL, MAX_YAW
from render.neutral_head import NeutralHead

from .adapted import Adapted
from .export_adapters import CONTROLNET, EXPRESSION, LCM, REFERENCE, TINY
from .expressions import NAMED, as_numbers, named_numbers
from .judges import Judges
from .portraits import Painter, as_bytes
from .rows import Row

_STEPS = 4  # of the LCM-LoRA
_REFERENCE_SCALE = 0.8  # upstream's default, and the package's
_EXPRESSIVE = 12  # people who are asked for every named expression
_MODELS = 6  # people whose photos show what a named expression looks like; as many others show how well that is seen
_SHOWN = 8


class AdapterEvaluation:
    """Portraits of every person, one each, by the painter alone and with each adapter.

    What is asked of a number is by how much it has to be better with the adapter than without it.
    """

    def __init__(self, bundle: Path, judges: Judges, device: torch.device) -> None:
        self._bundle, self._judges, self._device = bundle, judges, device
        self._paint = Painter(bundle, device)
        self._adapted = Adapted(self._paint, bundle, device)
        self._who = judges.identities
        self._seeds = [1000 * k for k in range(judges.count)]
        self._latents = self._paint.latents(self._who, self._seeds)
        self._plain = self._paint.decode(self._latents)
        self._seen = judges.glance(self._plain)
        self._bands: list[np.ndarray] = [self._plain]

    def rows(self) -> list[Row]:
        """Of the adapters that the bundle has."""
        measures = {
            LCM: self._few_steps,
            CONTROLNET: self._pose,
            EXPRESSION: self._expression,
            REFERENCE: self._reference,
            TINY: self._tiny,
        }
        return [row for part, measure in measures.items() if (self._bundle / part).exists() for row in measure()]

    def sheet(self) -> Image.Image:
        """Bands of the same people, in the order of `rows`: without any adapter, then with each."""
        return Image.fromarray(np.vstack([np.hstack(list(band[:_SHOWN])) for band in self._bands]))

    def _few_steps(self) -> list[Row]:
        how = {"steps": _STEPS, "guidance": 1.0}
        few = self._paint(self._who, self._seeds, sampler=LCMScheduler, predict=self._adapted.few_steps(), **how)
        plain = self._paint(self._who, self._seeds, **how)
        self._bands += [few, plain]
        rows = []
        with_it, without = self._judges.glance(few), self._judges.glance(plain)
        for name, least in (("likeness", 0.9), ("sharpness", 0.7)):
            full, found, lost = (getattr(seen, name) for seen in (self._seen, with_it, without))
            asked = f"lcm: {name} in {_STEPS} evaluations, of that in 25 guided steps"
            rows += [Row(asked, found / full, least=max(least, lost / full + 0.1)), _without(asked, lost / full)]
        return [
            *rows,
            Row("lcm: a face is found", with_it.found, least=0.98),
            _without("lcm: a face is found", without.found),
        ]

    def _pose(self) -> list[Row]:
        rng = np.random.Generator(np.random.PCG64(3))
        limits = np.array([MAX_YAW, MAX_PITCH, MAX_ROLL])
        asked = rng.uniform(-limits, limits, (self._judges.count, 3))
        head, place, side = NeutralHead(), neutral_conditions(), self._plain.shape[1]
        poses = [place._replace(yaw=yaw, pitch=pitch, roll=roll) for yaw, pitch, roll in asked.tolist()]
        maps = np.stack([head.normals(pose, side) for pose in poses])
        posed = self._paint(self._who, self._seeds, predict=self._adapted.posed(maps))
        self._bands += [maps, posed]
        photos, taken = self._judges.photos, self._judges.rows
        told = photos.poses[taken].numpy()
        with_it, without, photographed = (
            np.nanmean(np.abs(self._judges.observe(images)[:, :3] - wanted), 0)
            for images, wanted in ((posed, asked), (self._plain, asked), (_pixels(photos.images(taken)), told))
        )
        rows = []
        for k, name in enumerate(("yaw", "pitch", "roll")):
            what = f"controlnet: {name} found less that asked for, mean degrees"
            rows += [
                Row(what, with_it[k], most=without[k] / 2),
                _without(what, without[k]),
                Row(f"controlnet: {name} found in photos less the true one (the judge's own error)", photographed[k]),
            ]
        return [*rows, self._kept("controlnet", posed)]

    def _expression(self) -> list[Row]:
        # Expressions as people have them in photos.
        photos, taken = self._judges.photos, self._judges.rows
        asked = photos.blendshapes[taken].numpy()
        images = self._paint(self._who, self._seeds, predict=self._adapted.expressing(as_numbers(asked)))
        with_it, without, ceiling = (
            _correlation(self._judges.observe(shown)[:, 3:], asked)
            for shown in (images, self._plain, _pixels(photos.images(taken)))
        )
        count = min(_EXPRESSIVE, self._judges.count)
        models = self._models()
        looks = np.nanmean(models[:, :_MODELS], 1)
        strips = []
        for numbers in named_numbers().values():
            wanted = np.repeat(numbers[None], count, 0)
            strips.append(self._paint(self._who[:count], self._seeds[:count], predict=self._adapted.expressing(wanted)))
        # Everybody in another of the named expressions.
        self._bands += [np.stack([strips[k % len(strips)][k % count] for k in range(min(_SHOWN, self._judges.count))])]
        right = [_share_nearest(self._judges.observe(strip)[:, 3:], looks, k) for k, strip in enumerate(strips)]
        plain = self._judges.observe(self._plain[:count])[:, 3:]
        by_chance = float(np.mean([_share_nearest(plain, looks, k) for k in range(len(NAMED))]))
        in_photos = np.mean([_share_nearest(shown, looks, k) for k, shown in enumerate(models[:, _MODELS:])])
        correlation = "expression: correlation of blendshapes asked for and found"
        named = f"expression: named one found, of {len(NAMED)}"
        return [
            Row(correlation, with_it, least=without + 0.3),
            _without(correlation, without),
            Row("expression: correlation in photos (the ceiling)", ceiling),
            Row(named, float(np.mean(right)), least=by_chance + 0.3),
            _without(named, by_chance),
            Row("expression: named one found in photos (the ceiling)", float(in_photos)),
            *(Row(f"expression: {name} found", share) for name, share in zip(NAMED, right)),
            self._kept("expression", images),
        ]

    def _models(self) -> np.ndarray:
        """Blendshapes that the observer finds in photos of the named expressions [names, 2 * _MODELS, 16]."""
        people = [Person(sample_identity(HELD_OUT + k)) for k in range(2 * _MODELS)]
        side = self._plain.shape[1]
        seen = []
        for shapes in NAMED.values():
            conditions = neutral_conditions()._replace(blendshapes=shapes)
            photos = np.stack([person.photograph(conditions, side).clean for person in people])
            seen.append(self._judges.observe(photos)[:, 3:])
        return np.stack(seen)

    def _reference(self) -> list[Row]:
        # The reference is somebody else's first photo.
        photos, rows = self._judges.photos, self._judges.rows.roll(-1)
        taken = _pixels(photos.images(rows))
        referring = self._adapted.referring(self._paint.encode(taken), _REFERENCE_SCALE)
        images = self._paint(self._who, self._seeds, predict=referring)
        self._bands += [taken, images]
        covered = photos.masks(rows)[:, 0].numpy()
        below = np.arange(covered.shape[1])[None, :, None] > photos.boxes[rows, 3].numpy()[:, None, None]
        found = []
        for name, region in {"backdrop": covered < 0.02, "clothes": (covered > 0.98) & below}.items():
            wanted = _pixels(photos.clean(rows))
            distance, without = (_colour_distance(shown, wanted, region) for shown in (images, self._plain))
            what = f"reference: distance of the colours of the {name}, 0 to 255"
            found += [Row(what, distance, most=without / 2), _without(what, without)]
        return [*found, self._kept("reference", images)]

    @torch.no_grad()
    def _tiny(self) -> list[Row]:
        tiny = AutoencoderTiny.from_pretrained(self._bundle / TINY, torch_dtype=torch.float32, low_cpu_mem_usage=False)
        tiny = tiny.to(self._device).eval()
        small = as_bytes(torch.cat([tiny.decode(part).sample for part in self._latents.split(16)]))
        self._bands += [small]
        vae, photos = self._paint.vae, self._judges.photos.clean(self._judges.rows)
        encoded = tiny.encode(photos.to(self._device) / 127.5 - 1).latents
        again, through = self._paint.decode(encoded), self._paint.decode(self._paint.encode(_pixels(photos)))
        few = self._latents[:4]
        faster = _seconds(lambda: as_bytes(vae.decode(few).sample)) / _seconds(
            lambda: as_bytes(tiny.decode(few).sample)
        )
        linear = _psnr(self._linearly(), self._plain)
        decoded, encoding = (
            "taesd: PSNR of the tiny decoder against the large one, dB",
            "taesd: PSNR over photos, encoded tiny and decoded large, dB",
        )
        return [
            Row(decoded, _psnr(small, self._plain), least=linear + 2),
            Row("taesd: that of the best linear map instead", linear),
            Row(encoding, _psnr(again, _pixels(photos))),
            Row("taesd: that of the large encoder", _psnr(through, _pixels(photos))),
            Row("taesd: time of the large decoder, in that of the tiny one", faster, least=2),
        ]

    def _linearly(self) -> np.ndarray:
        """What a preview is without a decoder: colours as a linear map of each latent, the best for these very portraits."""
        values = self._latents.movedim(1, -1).cpu()
        given = torch.cat([values, torch.ones_like(values[..., :1])], -1).flatten(0, 2).double()
        large = torch.from_numpy(self._plain).permute(0, 3, 1, 2).float()
        pooled = nn.functional.adaptive_avg_pool2d(large, values.shape[1:3]).movedim(1, -1)
        fitted = given @ torch.linalg.lstsq(given, pooled.flatten(0, 2).double()).solution
        return _pixels(nn.functional.interpolate(fitted.float().view(pooled.shape).movedim(-1, 1), large.shape[2:]))

    def _kept(self, adapter: str, images: np.ndarray) -> Row:
        likeness = self._judges.glance(images).likeness / self._seen.likeness
        return Row(f"{adapter}: likeness, of that without it", likeness, least=0.9)


def _without(what: str, value: float) -> Row:
    return Row(f"{what}, without it", value)


def _pixels(images: torch.Tensor) -> np.ndarray:
    """0 … 255 [N, 3, S, S] as uint8 [N, S, S, 3]."""
    return images.round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()


def _correlation(found: np.ndarray, asked: np.ndarray) -> float:
    """Mean over the blendshapes that were asked for at all."""
    there = np.isfinite(found).all(1)
    found, asked = found[there], asked[there]
    a, b = found - found.mean(0), asked - asked.mean(0)
    spread = np.sqrt(np.square(a).sum(0) * np.square(b).sum(0))
    moved = np.square(b).sum(0) > 0
    return float((np.sum(a * b, 0)[moved] / np.maximum(spread[moved], 1e-9)).mean())


def _share_nearest(seen: np.ndarray, looks: np.ndarray, wanted: int) -> float:
    """Share of blendshapes [N, 16] that are nearer to `looks[wanted]` than to the other looks; none is without a face."""
    nearest = np.nan_to_num(np.square(seen[:, None] - looks[None]).sum(2), nan=np.inf).argmin(1)
    return float(np.mean((nearest == wanted) & np.isfinite(seen).all(1)))


def _colour_distance(images: np.ndarray, wanted: np.ndarray, region: np.ndarray) -> float:
    """Mean over images of the median over the region: a head of another shape may stand before some of it."""
    distance = np.sqrt(np.square(images.astype(np.float32) - wanted).sum(-1))
    return float(np.mean([np.median(d[r]) for d, r in zip(distance, region) if r.sum() >= 10]))


def _psnr(images: np.ndarray, wanted: np.ndarray) -> float:
    error = np.square(images.astype(np.float32) - wanted.astype(np.float32)).mean((1, 2, 3))
    return float(np.mean(10 * np.log10(255**2 / np.maximum(error, 1e-3))))


def _seconds(work: Callable[[], object]) -> float:
    """The best of a few."""
    taken = []
    for _ in range(5):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)
