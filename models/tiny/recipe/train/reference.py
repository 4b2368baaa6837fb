"""Trains the reference adapter: a portrait has the clothes, the backdrop, the light and the pose of a given photo, but not its person."""

import torch

from .adapting import FrozenPainter
from .networks.lora import Lora
from .networks.painter import make_autoencoder
from .networks.reference_bank import ReferenceBank
from .photos import ReferenceSet
from .stage import Options, Training, read_options
from .vae import to_signed
from .workspace import fingerprint

_MIN_SNR = 0.02  # the colours of large parts are decided first of all


class _Pairs:
    """A photo and that of a stranger in the same place, either as the reference of the other."""

    @torch.no_grad()
    def __init__(self, options: Options, painter: FrozenPainter) -> None:
        w, self._examples = options.workspace, painter.examples
        photos = painter.examples.photos
        self._pairs = pairs = ReferenceSet(w.data / "references-train", photos)

        def encode() -> tuple[torch.Tensor, torch.Tensor]:
            autoencoder = make_autoencoder(options.size.vae, photos.resolution)
            autoencoder = w.load_result("vae", "network", autoencoder).to(options.device)
            parts = torch.arange(len(pairs), device=options.device).split(64)
            return tuple(
                torch.cat([autoencoder.encode(to_signed(images(part))).latent_dist.mean for part in parts])
                for images in (pairs.images, pairs.clean)
            )

        name = f"references-{fingerprint(w.result('vae', 'network'))}-{len(pairs)}"
        taken, clean = w.cached(name, options.device, encode)
        self._taken, self._clean = (latents * painter.examples.scaling_factor for latents in (taken, clean))

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Photos of the persons who are asked for, latents of their portraits, latents of the references."""
        which = torch.randint(len(self._pairs), (count,), device=self._taken.device)
        rows = self._pairs.rows[which]
        turned = torch.rand(count, device=rows.device) < 0.5
        wide = turned[:, None, None, None]
        persons = torch.where(turned, self._pairs.strangers[which], rows)
        own = self._examples.latents[rows]
        return persons, torch.where(wide, self._clean[which], own), torch.where(wide, own, self._taken[which])


def main(argv: list[str] | None = None) -> None:
    options = read_options("reference", __doc__, argv)
    size, device = options.size.adapters, options.device
    painter = FrozenPainter(options)
    pairs = _Pairs(options, painter)
    torch.manual_seed(options.seed)
    bank = ReferenceBank(painter.unet)
    lora = Lora(painter.unet, size.reference_rank)
    start = torch.zeros(size.batch, dtype=torch.long, device=device)

    def step(progress: float) -> dict[str, torch.Tensor]:
        persons, portraits, references = pairs.draw(size.batch)
        asked = painter.ask(persons, portraits)
        with options.autocast():
            # The writing UNet is the painter as it is, without noise, and told of the person who is to be painted.
            bank.write()
            lora.on = False
            with torch.no_grad():
                painter.unet(references, start, asked.conditioning)
            bank.read(asked.named)
            lora.on = True
            predicted = painter.unet(asked.noisy, asked.t, asked.conditioning).sample
        return {"loss": painter.noise_loss(predicted, asked, _MIN_SNR)}

    training = Training("reference", options, {"network": lora}, rate=2e-3, averaging=0.995)
    painter.tie(training)
    training.run(step)


if __name__ == "__main__":
    main()
