"""Trains the reader of pose and expression, by which the adapters are measured: apart from them, and never trained against."""

import torch
from torch import nn

from .crops import crop, estimate_alignment, jitter, normalise
from .networks.observer import UNITS, Observer, leaning
from .photos import PhotoSet
from .recognition import KEYPOINT_ERROR, vary
from .stage import Training, read_options

_BATCH = 64


def main(argv: list[str] | None = None) -> None:
    options = read_options("observer", __doc__, argv)
    photos = PhotoSet(options.workspace.data / "people-train", options.device)
    observer = Observer()
    observer.to(memory_format=torch.channels_last)
    units = torch.tensor(UNITS, device=options.device)
    known = torch.cat([photos.poses, photos.blendshapes], 1) / units
    # What is rare counts as much as what is seen in every second photo.
    spread = known.std(0).clamp(min=0.05)

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows = photos.draw(_BATCH)
        taken = torch.rand(_BATCH, 1, 1, 1, device=photos.device) < 0.5
        portraits = torch.where(taken, photos.images(rows), photos.clean(rows))
        alignment = estimate_alignment(jitter(photos.keypoints[rows], KEYPOINT_ERROR / 2))
        with options.autocast():
            seen = observer(normalise(vary(crop(portraits, alignment)))).float()
        seen = seen + nn.functional.pad(leaning(alignment)[:, None], (2, len(UNITS) - 3))
        error = (seen / units - known[rows]) / spread
        return {"loss": nn.functional.smooth_l1_loss(error, torch.zeros_like(error))}

    Training("observer", options, {"network": observer}, rate=2e-3, weight_decay=0.02, averaging=0.995).run(step)


if __name__ == "__main__":
    main()
