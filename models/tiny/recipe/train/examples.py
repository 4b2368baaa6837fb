"""What the painter learns from: latents of all training photos, and whom they show."""

import torch
from torch import nn

from .crops import crop, estimate_alignment, jitter, normalise
from .embedder import met
from .networks.embedder import Embedder
from .networks.painter import PIXELS_PER_LATENT, make_autoencoder
from .photos import PhotoSet
from .recognition import KEYPOINT_ERROR
from .stage import Options, Training
from .strangers import distort
from .vae import attention, to_signed
from .workspace import fingerprint

_BLUR_OF_FRIENDS = 0.6
# Shares of strange identities, and how strange the second kind is.
_DISTORTED, _MIXED, _MOST_MIXED = 0.12, 0.08, 0.6


class Examples:
    """Latents and identities of all training photos."""

    @torch.no_grad()
    def __init__(self, options: Options) -> None:
        w, device = options.workspace, options.device
        self.photos = photos = PhotoSet(w.data / "people-train", device)
        self._made_by = fingerprint(*(w.result(stage, "network") for stage in ("vae", "embedder")))
        name = f"latents-{self._made_by}-{len(photos)}"
        latents, identities, strange = w.cached(name, device, lambda: self._read(options))
        # What a painter was trained with, it is trained on with: a rendering that got further has a slightly other deviation.
        known = w.result("diffusion", "unet").exists() and w.read_history("diffusion", "unet").get("scaling_factor")
        self.scaling_factor: float = known or 1 / latents.std().item()
        self.latents = latents * self.scaling_factor  # [rows, 4, h, w], of variance 1
        self.identities = identities  # [rows, 512], of length 1
        self._strange = strange  # the same, of crops that are distorted
        mean = identities.unflatten(0, (photos.people, photos.photos)).mean(1)
        self.persons = nn.functional.normalize(mean)  # [people, 512]
        known = met(photos.seeds)[photos.owner]
        self._known = known.float()[:, None]
        self._rows = [torch.nonzero(known == want)[:, 0] for want in (True, False)]

    def _read(self, options: Options) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Latents as they are, identities, and those of distorted crops."""
        torch.manual_seed(0)
        w, device, photos = options.workspace, options.device, self.photos
        embedder = w.load_result("embedder", "network", Embedder(options.size.embedder)).to(device)
        autoencoder = make_autoencoder(options.size.vae, photos.resolution)
        autoencoder = w.load_result("vae", "network", autoencoder).to(device)
        batches = list(photos.batches(64))
        latents = [autoencoder.encode(to_signed(photos.clean(rows))).latent_dist.mean for rows in batches]
        identities, strange = zip(*(self._identities(embedder, rows) for rows in batches))
        return torch.cat(latents), torch.cat(identities), torch.cat(strange)

    def _identities(self, embedder: Embedder, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        keypoints = jitter(self.photos.keypoints[rows], KEYPOINT_ERROR / 2)
        crops = crop(self.photos.images(rows), estimate_alignment(keypoints))
        plain, strange = (
            nn.functional.normalize(embedder(normalise(given)).float()) for given in (crops, distort(crops))
        )
        return plain, strange

    def draw(self, count: int) -> torch.Tensor:
        """Random rows: half of them of people that the embedder has not met, as the user's photos will be."""
        half = [count - count // 2, count // 2]
        parts = [
            rows[torch.randint(len(rows), (n,), device=rows.device)] for rows, n in zip(self._rows, half) if len(rows)
        ]
        return torch.cat(parts)[torch.randperm(sum(map(len, parts)), device=self.latents.device)]

    def identity(self, rows: torch.Tensor) -> torch.Tensor:
        """What is known about the person of each row [N, 512]: the identity in another photo.

        The embedder knows its own training people too well: theirs is blurred by random amounts. Some identities are none
        that a renderer's person has (strangers.py): they are drawn towards the nearest that is known.
        """
        others = self.photos.others(rows)
        identities, count = self.identities[others], (len(rows), 1)
        amount = _BLUR_OF_FRIENDS * torch.rand(count, device=rows.device) * self._known[rows]
        identities = identities + amount * torch.randn_like(identities) / identities.shape[1] ** 0.5
        chance = torch.rand(count, device=rows.device)
        identities = torch.where(chance < _DISTORTED, self._strange[others], identities)
        # The other way to be strange: features of one, less those of another, on top of one's own.
        a, b = self.persons[torch.randint(len(self.persons), (2, len(rows)), device=rows.device)]
        mixed = identities + _MOST_MIXED * torch.rand(count, device=rows.device) * (a - b)
        identities = torch.where((chance >= _DISTORTED) & (chance < _DISTORTED + _MIXED), mixed, identities)
        return nn.functional.normalize(identities)

    def attention(self, rows: torch.Tensor) -> torch.Tensor:
        """How much each latent counts [N, 1, h, w], 1 on average: faces are looked at, backdrops are not."""

        def latents(pixels: torch.Tensor) -> torch.Tensor:
            return (pixels + 0.5) / PIXELS_PER_LATENT - 0.5

        photos = self.photos
        return attention(latents(photos.boxes[rows]), latents(photos.keypoints[rows]), self.latents.shape[2])

    def tie(self, training: Training) -> None:
        """Weights that were trained on these examples fit one autoencoder and one embedder only."""
        if training.history.setdefault("made_for", self._made_by) != self._made_by:
            raise SystemExit(
                f"Expected the vae and embedder that this {training.stage} was trained with, but they have changed: remove its files."
            )
