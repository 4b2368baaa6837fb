"""Measures how far each network's results in float16 are from those in float32.

    python compare.py <folder> [--threads 2]

Both graphs run on ONNX Runtime's CPU provider. It has float16 kernels for few operators, computes the others in float32 and
keeps that precision from one to the next, so that its float16 is better than a GPU's. Here every operator of the float16 graph
is therefore given casts of its own: it computes and sums in float32, as tensor cores do, and its result is rounded to float16.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper

TYPES = {"float32": numpy.float32, "float16": numpy.float16}


def round_every_result(model: onnx.ModelProto) -> None:
    graph = model.graph
    types = {one.name: one.data_type for one in graph.initializer}
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    for values in (inferred.input, inferred.output, inferred.value_info):
        types.update((one.name, one.type.tensor_type.elem_type) for one in values)
    # Given with float16's values, so that nothing has to be cast at every use.
    for one in graph.initializer:
        if one.data_type == TensorProto.FLOAT16:
            one.data_type = types[one.name] = TensorProto.FLOAT

    def is_half(name: str) -> bool:
        return types.get(name) == TensorProto.FLOAT16

    nodes, widened = [], {}
    for node in graph.node:
        if node.op_type == "Cast":
            nodes.append(node)
            continue
        for i, name in enumerate(node.input):
            if not is_half(name):
                continue
            if name not in widened:
                widened[name] = f"{name}/float32"
                nodes.append(helper.make_node("Cast", [name], [widened[name]], to=TensorProto.FLOAT))
            node.input[i] = widened[name]
        nodes.append(node)
        for i, name in enumerate(node.output):
            if is_half(name):
                node.output[i] = f"{name}/exact"
                nodes.append(helper.make_node("Cast", [node.output[i]], [name], to=TensorProto.FLOAT16))
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.value_info[:]


def run(folder: Path, network: str, precision: str, threads: int, given: list[dict]) -> list[numpy.ndarray]:
    """The network's result for each set of inputs, as float32."""
    model = onnx.load(folder / f"{network}-{precision}.onnx", load_external_data=False)
    if precision == "fp16":
        round_every_result(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Which would not keep the casts apart.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    names, values = [], []
    for one in json.loads((folder / f"{network}-{precision}.json").read_text()):
        value = numpy.memmap(one["file"], TYPES[one["type"]], "r", one["offset"], tuple(one["shape"]))
        if precision == "fp16":
            value = value.astype(numpy.float16).astype(numpy.float32)
        names.append(one["name"])
        values.append(onnxruntime.OrtValue.ortvalue_from_numpy(value))
    options.add_external_initializers(names, values)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    types = {one.name: one.type for one in session.get_inputs()}
    return [
        session.run(None, {k: v.astype(numpy.float16) if types[k] == "tensor(float16)" else v for k, v in inputs.items()})[
            0
        ].astype(numpy.float32)
        for inputs in given
    ]


def compare(name: str, exact: numpy.ndarray, half: numpy.ndarray, unit: float = 1) -> None:
    error = numpy.abs(half.astype(numpy.float64) - exact) * unit
    if not numpy.isfinite(error).all():
        sys.exit(f"{name}: float16 has no room for these values.")
    size = numpy.sqrt(numpy.mean(exact.astype(numpy.float64) ** 2)) * unit
    print(f"| {name} | {size:.3g} | {error.max():.2g} | {error.mean():.2g} | {error.mean() / size:.1e} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    folder, threads = arguments.folder, arguments.threads
    tokens = json.loads((folder / "inputs.json").read_text())
    random = numpy.random.default_rng(0)
    identity = random.standard_normal((1, 512), numpy.float32)
    height, width = tokens["latents"]

    def both(network: str, given: list[dict]) -> zip:
        return zip(*(run(folder, network, precision, threads, given) for precision in ("fp32", "fp16")), strict=True)

    print("| Network | Size of the result (RMS) | Largest error | Mean error | Mean error / size |")
    print("| --- | --- | --- | --- | --- |")
    text = {
        "input_ids": numpy.array([tokens["prompt"]]),
        "identity": identity / numpy.linalg.norm(identity),
        "identity_position": numpy.array([tokens["identityPosition"]]),
    }
    ((hidden, half_hidden),) = both("textEncoder", [text])
    compare("text encoder", hidden, half_hidden)

    timesteps = [999, 500, 20]
    sample = random.standard_normal((1, 4, height, width), numpy.float32)
    given = [
        {"sample": sample, "timestep": numpy.array([t], numpy.float32), "encoder_hidden_states": hidden}
        for t in timesteps
    ]
    for timestep, (eps, half_eps) in zip(timesteps, both("unet", given), strict=True):
        compare(f"UNet, timestep {timestep}", eps, half_eps)

    ((image, half_image),) = both("vaeDecoder", [{"latents": sample}])
    levels = 255 / 2  # of an image from -1 to 1
    compare("VAE decoder, in levels of 255", image, half_image, levels)


if __name__ == "__main__":
    main()
