"""Takes over networks of a bundle as if their stages had made them.

Without --painting the detector, the embedder and the networks that judge, for a run that paints anew. Norms that the exporter merged into
convolutions stay merged: such networks (the embedder, the evaluator, the observer) are to be used, not trained on. With --painting also what
paints and its adapters, which any stage trains on with a longer --minutes.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from safetensors.torch import load_file
from torch import nn

from .export import DETECTOR, EVALUATOR, KEYPOINTS, RECOGNISER
from .export_adapters import (
    CONTROLNET,
    EXPRESSION,
    LCM,
    OBSERVER,
    REFERENCE,
    TINY,
    WEIGHTS,
    from_diffusers_names,
)
from .networks.detector import Detector
from .networks.embedder import Embedder
from .networks.evaluator import Evaluator
from .networks.keypoint_reader import KeypointReader
from .networks.observer import Observer
from .networks.painter import Decoder, make_autoencoder, make_unet
from .sizes import SIZES, Size
from .workspace import Workspace

_HERE = Path(__file__).parents[2]  # the bundle that this recipe lies in


class _Weights:
    """The constants of an ONNX file, by the names that they have in the network."""

    def __init__(self, path: Path, prefix: str) -> None:
        self._path, self._prefix = path, prefix
        graph = onnx.load(path).graph
        self._values = {w.name.removesuffix(".half"): numpy_helper.to_array(w) for w in graph.initializer}
        # The exporter reshapes these, and names them anew.
        slopes = [node.input[1] for node in graph.node if node.op_type == "PRelu"]
        self.slopes = [torch.from_numpy(self._values[name].astype(np.float32)).flatten() for name in slopes]

    def find(self, name: str) -> torch.Tensor | None:
        value = self._values.get(self._prefix + name)
        return None if value is None else torch.from_numpy(value.astype(np.float32))

    def get(self, name: str) -> torch.Tensor:
        value = self.find(name)
        if value is None:
            raise SystemExit(
                f"Expected {self._path} to hold {name}, as `python -m train.export` of this size writes it."
            )
        return value


def _fill(network: nn.Module, weights: _Weights) -> None:
    merged: torch.Tensor | None = None  # what a norm added, in the layer before it
    slopes = iter(weights.slopes)
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.copy_(weights.get(f"{name}.weight"))
            merged = weights.find(f"{name}.weight_bias")
            if module.bias is not None:
                module.bias.copy_(weights.get(f"{name}.bias"))
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and merged is not None:
            module.weight.fill_((1 + module.eps) ** 0.5)
            module.bias.copy_(merged)
            merged = None
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for part in ("weight", "bias", "running_mean", "running_var"):
                getattr(module, part).copy_(weights.get(f"{name}.{part}"))
        elif isinstance(module, nn.PReLU):
            module.weight.copy_(next(slopes))


def _painting(bundle: Path, size: Size) -> Iterator[tuple[str, str, dict[str, torch.Tensor]]]:
    """Stage, network and weights of what paints, and of the adapters that are there."""
    autoencoder = load_file(bundle / "vae" / WEIGHTS)
    yield "vae", "network", autoencoder
    painting = Decoder(make_autoencoder(size.vae, size.data.resolution)).state_dict().keys()
    for stage in ("decoder", "retouch"):
        yield stage, "network", {name: autoencoder[name] for name in painting}
    yield "diffusion", "encoder", load_file(bundle / "encoder/model.safetensors")
    yield "diffusion", "unet", load_file(bundle / "arc2face" / WEIGHTS)
    for stage, file in (("lcm", LCM), ("controlnet", f"{CONTROLNET}/{WEIGHTS}"), ("taesd", f"{TINY}/{WEIGHTS}")):
        if (bundle / file).exists():
            yield stage, "network", load_file(bundle / file)
    if (bundle / EXPRESSION).exists():
        parts = torch.load(bundle / EXPRESSION, weights_only=True)
        yield "expression", "network", {f"{part}.{key}": w for part, some in parts.items() for key, w in some.items()}
    if (bundle / REFERENCE).exists():
        unet, rank = make_unet(size.diffusion, size.data.resolution), size.adapters.reference_rank
        yield "reference", "network", from_diffusers_names(load_file(bundle / REFERENCE), unet, rank)


@torch.no_grad()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.adopt", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--size", choices=SIZES, default="gpu", help="that of the bundle")
    parser.add_argument("--bundle", type=Path, default=_HERE)
    parser.add_argument(
        "--evaluation", type=Path, default=_HERE / "evaluation", help="folder of the networks that judge"
    )
    parser.add_argument("--painting", action="store_true", help="also what paints, and its adapters")
    args = parser.parse_args(argv)
    size, workspace = SIZES[args.size], Workspace(args.out)

    def take_over(stage: str, name: str, weights: dict[str, torch.Tensor], **more: float) -> None:
        history = {"elapsed": 60 * size.minutes[stage], "steps": 0, "seed": 0, "log": []}
        workspace.save_result(stage, name, weights, history | more)
        print(f"adopt: {stage}.{name}")

    seeing = [
        ("detector", Detector(size.detector), args.bundle / DETECTOR, "detector."),
        ("embedder", Embedder(size.embedder), args.bundle / RECOGNISER, ""),
        ("evaluator", Evaluator(size.evaluator), args.evaluation / EVALUATOR, ""),
        ("keypoints", KeypointReader(size.keypoints), args.evaluation / KEYPOINTS, "reader."),
    ]
    if args.painting:
        seeing.append(("observer", Observer(), args.evaluation / OBSERVER, ""))
    for stage, network, path, prefix in seeing:
        _fill(network, _Weights(path, prefix))
        take_over(stage, "network", network.state_dict())
    if args.painting:
        # That of the latents which these weights were trained on: other photos would have a slightly other one.
        scaling_factor = json.loads((args.bundle / "vae/config.json").read_text())["scaling_factor"]
        for stage, name, weights in _painting(args.bundle, size):
            take_over(stage, name, weights, **({"scaling_factor": scaling_factor} if stage == "diffusion" else {}))


if __name__ == "__main__":
    main()
