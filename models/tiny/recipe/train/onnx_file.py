"""PyTorch networks as ONNX files whose weights take two bytes each."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

# Smaller tensors (norms, biases, sizes) stay as they are: there is nothing to win.
_LEAST_ELEMENTS = 256


def write_onnx(
    path: Path,
    network: nn.Module,
    example: torch.Tensor,
    names: tuple[str, tuple[str, ...]],
    dynamic: dict[int, object],
) -> None:
    """
    names: of the input and of the outputs
    dynamic: axes of the input that may vary, as torch.export wants them
    """
    program = torch.onnx.export(
        network.eval(),
        (example,),
        input_names=[names[0]],
        output_names=list(names[1]),
        dynamic_shapes=(dynamic,),
        dynamo=True,
        verbose=False,
        opset_version=18,
    )
    model = program.model_proto
    _halve_weights(model)
    model.graph.name = path.stem
    # What the exporter notes beside the graph: the module and line of every node, with paths of this machine.
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    del model.graph.metadata_props[:], model.metadata_props[:], model.graph.value_info[:], model.functions[:]
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


def _halve_weights(model: onnx.ModelProto) -> None:
    """Stores large float32 weights as float16, and casts them back in the graph; runtimes do that once, at load."""
    casts = []
    for weight in list(model.graph.initializer):
        values = numpy_helper.to_array(weight)
        if weight.data_type != TensorProto.FLOAT or values.size < _LEAST_ELEMENTS:
            continue
        half = values.astype(np.float16)
        if not np.isfinite(half).all():
            raise ValueError(
                f"Expected the weight {weight.name} within float16's range but its largest is {np.abs(values).max():g}."
            )
        stored = f"{weight.name}.half"
        casts.append(helper.make_node("Cast", [stored], [weight.name], to=TensorProto.FLOAT))
        weight.CopyFrom(numpy_helper.from_array(half, stored))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
