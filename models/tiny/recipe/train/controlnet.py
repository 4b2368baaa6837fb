"""Trains a ControlNet on normal maps: a portrait's pose is that of a head of nobody which is drawn beside it."""

import torch

from .adapting import FrozenPainter
from .networks.painter import make_controlnet
from .photos import PoseMaps
from .stage import Training, read_options

_MIN_SNR = 0.02  # the pose is decided first of all


def main(argv: list[str] | None = None) -> None:
    options = read_options("controlnet", __doc__, argv)
    size = options.size.adapters
    painter = FrozenPainter(options)
    examples = painter.examples
    maps = PoseMaps(options.workspace.data / "poses-train", examples.photos)
    torch.manual_seed(options.seed)
    controlnet = make_controlnet(painter.unet, size.control_channels)

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows, normals = maps.draw(size.batch)
        asked = painter.ask(rows)
        with options.autocast():
            # Nobody's portraits are steered too: the pose is no part of what guidance leads away from.
            down, middle = controlnet(
                asked.noisy, asked.t, asked.conditioning, controlnet_cond=normals, return_dict=False
            )
            predicted = painter.unet(
                asked.noisy,
                asked.t,
                asked.conditioning,
                down_block_additional_residuals=down,
                mid_block_additional_residual=middle,
            ).sample
        return {"loss": painter.noise_loss(predicted, asked, _MIN_SNR, examples.attention(rows))}

    training = Training("controlnet", options, {"network": controlnet}, rate=1e-3, weight_decay=0.01, averaging=0.995)
    painter.tie(training)
    training.run(step)


if __name__ == "__main__":
    main()
