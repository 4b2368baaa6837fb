"""Trains the expression adapter: a portrait smiles as the blendshapes say."""

import torch

from .adapting import FrozenPainter
from .expressions import as_numbers
from .networks.expression_adapter import ExpressionAdapter
from .stage import Training, read_options

_MIN_SNR = 0.2  # an expression is decided when the head is there


def main(argv: list[str] | None = None) -> None:
    options = read_options("expression", __doc__, argv)
    size = options.size.adapters
    painter = FrozenPainter(options)
    examples = painter.examples
    blendshapes = examples.photos.blendshapes
    numbers = torch.from_numpy(as_numbers(blendshapes.cpu().numpy())).to(options.device)
    # A pout is rare and a parted mouth is not: photos are drawn so that every blendshape moves about as much as any other.
    strength = blendshapes.abs()
    share = (0.25 + (strength / strength.mean(0).clamp(min=1e-3)).mean(1)).cpu()
    torch.manual_seed(options.seed)
    adapter = ExpressionAdapter(painter.unet)

    def step(progress: float) -> dict[str, torch.Tensor]:
        rows = torch.multinomial(share, size.batch, replacement=True).to(options.device)
        asked = painter.ask(rows)
        with options.autocast():
            # Nobody in particular has no expression either: that is what upstream's pipeline gives to the unguided half.
            adapter.show(numbers[rows] * asked.named[:, None])
            predicted = painter.unet(asked.noisy, asked.t, asked.conditioning).sample
        # Eyes and mouth are looked at, and little else.
        attention = examples.attention(rows).square()
        attention = attention / attention.mean((2, 3), keepdim=True)
        return {"loss": painter.noise_loss(predicted, asked, _MIN_SNR, attention)}

    training = Training("expression", options, {"network": adapter}, rate=2e-3, weight_decay=0.01, averaging=0.995)
    painter.tie(training)
    training.run(step)


if __name__ == "__main__":
    main()
