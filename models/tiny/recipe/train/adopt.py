"""Takes over the detector, the embedder and the networks that judge of a bundle, as if their stages had made them: for a run that only paints anew.

Norms that the exporter merged into convolutions stay merged: such networks (the embedder, the evaluator) are to be used, not trained on.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from .export import DETECTOR, EVALUATOR, KEYPOINTS, RECOGNISER
from .networks.detector import Detector
from .networks.embedder import Embedder
from .networks.evaluator import Evaluator
from .networks.keypoint_reader import KeypointReader
from .sizes import SIZES
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


@torch.no_grad()
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.adopt", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--size", choices=SIZES, default="gpu", help="that of the bundle")
    parser.add_argument("--bundle", type=Path, default=_HERE)
    parser.add_argument(
        "--evaluation", type=Path, default=_HERE / "evaluation", help="folder of the networks that judge"
    )
    args = parser.parse_args(argv)
    size, workspace = SIZES[args.size], Workspace(args.out)
    for stage, network, path, prefix in (
        ("detector", Detector(size.detector), args.bundle / DETECTOR, "detector."),
        ("embedder", Embedder(size.embedder), args.bundle / RECOGNISER, ""),
        ("evaluator", Evaluator(size.evaluator), args.evaluation / EVALUATOR, ""),
        ("keypoints", KeypointReader(size.keypoints), args.evaluation / KEYPOINTS, "reader."),
    ):
        _fill(network, _Weights(path, prefix))
        history = {"elapsed": 60 * size.minutes[stage], "steps": 0, "seed": 0, "log": []}
        workspace.save_result(stage, "network", network.state_dict(), history)
        print(f"adopt: {stage} of {path}")


if __name__ == "__main__":
    main()
