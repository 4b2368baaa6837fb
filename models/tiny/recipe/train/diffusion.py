"""Trains the text encoder and the UNet together: from an identity to the latents of that person's photos."""

import hashlib

import torch
from torch import nn

from .crops import crop, estimate_alignment, jitter, normalise
from .embedder import met
from .networks.embedder import Embedder
from .networks.painter import TIMESTEPS, alphas_cumprod, make_autoencoder, make_unet
from .networks.text_encoder import TextEncoder, text_encoder_config
from .photos import PhotoSet
from .recognition import KEYPOINT_ERROR, embed
from .stage import Options, Training, read_options
from .vae import to_signed

_DROPOUT = 0.1  # share of the portraits whose prompt is empty, so that guidance has something to lead away from
_MAX_SNR = 5.0
_BLUR_OF_FRIENDS = 0.6
_IDENTITY_WEIGHT = 0.1
_IDENTITY_FROM = 0.25  # progress from which the person's likeness is asked for; before, nothing is there to compare
_IDENTITY_TIMESTEPS = 400  # below which the first guess at the clean portrait has a face


class Examples:
    """Latents and identities of all training photos."""

    @torch.no_grad()
    def __init__(self, options: Options, photos: PhotoSet, autoencoder: nn.Module, embedder: Embedder) -> None:
        self.photos = photos
        cache = options.workspace.checkpoints / f"latents-{_fingerprint(options, 'vae', 'embedder')}-{len(photos)}.pt"
        if cache.exists():
            latents, identities = torch.load(cache, map_location=options.device, weights_only=True)
        else:
            torch.manual_seed(options.seed)
            batches = list(photos.batches(64))
            latents = torch.cat(
                [autoencoder.encode(to_signed(photos.images(rows))).latent_dist.mean for rows in batches]
            )
            identities = torch.cat(
                [
                    embed(embedder, photos.images(rows), jitter(photos.keypoints[rows], KEYPOINT_ERROR / 2))
                    for rows in batches
                ]
            )
            cache.parent.mkdir(parents=True, exist_ok=True)
            torch.save((latents, identities), cache)
        self.scaling_factor = 1 / latents.std().item()
        self.latents = latents * self.scaling_factor  # [rows, 4, h, w], of variance 1
        self.identities = identities  # [rows, 512], of length 1
        mean = identities.unflatten(0, (photos.people, photos.photos)).mean(1)
        self.persons = nn.functional.normalize(mean)  # [people, 512]
        known = met(photos.seeds)[photos.owner]
        self._known = known.float()[:, None]
        self._rows = [torch.nonzero(known == want)[:, 0] for want in (True, False)]

    def draw(self, count: int) -> torch.Tensor:
        """Random rows: half of them of people that the embedder has not met, as the user's photos will be."""
        half = [count - count // 2, count // 2]
        parts = [
            rows[torch.randint(len(rows), (n,), device=rows.device)] for rows, n in zip(self._rows, half) if len(rows)
        ]
        return torch.cat(parts)[torch.randperm(sum(map(len, parts)), device=self.latents.device)]

    def identity(self, rows: torch.Tensor) -> torch.Tensor:
        """What is known about the person of each row [N, 512]: the identity in another photo.

        The embedder knows its own training people too well: theirs is blurred by random amounts.
        """
        identities = self.identities[self.photos.others(rows)]
        amount = _BLUR_OF_FRIENDS * torch.rand(len(rows), 1, device=rows.device) * self._known[rows]
        return nn.functional.normalize(identities + amount * torch.randn_like(identities) / identities.shape[1] ** 0.5)


def _fingerprint(options: Options, *stages: str) -> str:
    """Of the weights that earlier stages left."""
    digest = hashlib.sha256()
    for stage in stages:
        digest.update(options.workspace.result(stage, "network").read_bytes())
    return digest.hexdigest()[:16]


def main(argv: list[str] | None = None) -> None:
    options = read_options("diffusion", __doc__, argv)
    w, size, device = options.workspace, options.size.diffusion, options.device
    photos = PhotoSet(w.data / "people-train", device)
    embedder = w.load_result("embedder", "network", Embedder(options.size.embedder)).to(device)
    autoencoder = w.load_result("vae", "network", make_autoencoder(options.size.vae, photos.resolution)).to(device)
    examples = Examples(options, photos, autoencoder, embedder)
    torch.manual_seed(options.seed)
    encoder = TextEncoder(text_encoder_config(size))
    unet = make_unet(size, photos.resolution)
    clean_share = alphas_cumprod().float().to(device)

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows = examples.draw(size.batch)
        latents, noise = examples.latents[rows], torch.randn(size.batch, *examples.latents.shape[1:], device=device)
        likeness = size.identity_batch if progress >= _IDENTITY_FROM else 0
        t = torch.randint(TIMESTEPS, (size.batch,), device=device)
        t[:likeness] = torch.randint(_IDENTITY_TIMESTEPS, (likeness,), device=device)
        named = torch.rand(size.batch, 1, 1, device=device) >= _DROPOUT
        named[:likeness] = True
        share = clean_share[t][:, None, None, None]
        noisy = share.sqrt() * latents + (1 - share).sqrt() * noise
        with options.autocast():
            conditioning = torch.where(named, encoder.portraits(examples.identity(rows)), encoder.empty(size.batch))
            predicted = unet(noisy, t, conditioning).sample
        predicted = predicted.float()
        # Min-SNR (https://arxiv.org/abs/2303.09556): nearly clean latents are many, and teach little.
        snr = share / (1 - share)
        weight = snr.clamp(max=_MAX_SNR) / snr
        noise_loss = (weight * (predicted - noise).square()).mean()
        losses = {"noise": noise_loss}
        if likeness > 0:
            guess = (noisy - (1 - share).sqrt() * predicted)[:likeness] / share[:likeness].sqrt()
            with options.autocast():
                painted = autoencoder.decode(guess / examples.scaling_factor).sample
                # The latents are of a photo whose keypoints are known: that is where the face is.
                crops = crop((painted.float() + 1) * 127.5, estimate_alignment(photos.keypoints[rows[:likeness]]))
                seen = embedder(normalise(crops))
            person = examples.persons[photos.owner[rows[:likeness]]]
            losses["unlikeness"] = 1 - nn.functional.cosine_similarity(seen.float(), person).mean()
        return {"loss": noise_loss + _IDENTITY_WEIGHT * losses.get("unlikeness", 0.0), **losses}

    training = Training(
        "diffusion", options, {"encoder": encoder, "unet": unet}, rate=6e-4, weight_decay=0.01, averaging=0.999
    )
    # These weights fit one autoencoder and one embedder only.
    made_for = _fingerprint(options, "vae", "embedder")
    if training.history.setdefault("made_for", made_for) != made_for:
        raise SystemExit(
            "Expected the vae and embedder that this diffusion was trained with, but they have changed: remove its files."
        )
    training.history["scaling_factor"] = examples.scaling_factor
    training.run(step)


if __name__ == "__main__":
    main()
