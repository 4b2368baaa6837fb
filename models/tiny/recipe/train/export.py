"""Writes the bundle in the official layout, and beside it the networks that judge it, from the results of all stages."""

import argparse
from pathlib import Path

import torch

from .bundle_files import diffusers_config, write_json, write_weights
from .crops import CROP
from .export_adapters import export_adapters
from .networks.detector import INPUT_NAME as DETECTOR_INPUT
from .networks.detector import OUTPUT_NAMES as DETECTOR_OUTPUTS
from .networks.detector import Detector, ScrfdOutputs
from .networks.embedder import INPUT_NAME, OUTPUT_NAME, Embedder
from .networks.evaluator import Evaluator
from .networks.keypoint_reader import INPUT_NAME as READER_INPUT
from .networks.keypoint_reader import OUTPUT_NAME as READER_OUTPUT
from .networks.keypoint_reader import SQUARE, KeypointReader, Points
from .networks.painter import SCHEDULER, make_autoencoder, make_unet
from .networks.text_encoder import TOKENS, text_encoder_config
from .onnx_file import write_onnx
from .sizes import SIZES, Size
from .workspace import Workspace

MAX_TOTAL_BYTES = 40_000_000

# Where the parts lie. The evaluator and the reader of keypoints are no parts of the bundle: they are for benchmarks.
DETECTOR, RECOGNISER = "antelopev2/scrfd_10g_bnkps.onnx", "antelopev2/arcface.onnx"
EVALUATOR, KEYPOINTS = "evaluator.onnx", "keypoints.onnx"


def export(workspace: Workspace, size: Size, bundle: Path, evaluation: Path) -> dict[str, int]:
    """Returns the size in bytes of every file."""
    history = workspace.read_history("diffusion", "unet")
    resolution = size.data.resolution
    write_json(bundle / "arc2face/config.json", diffusers_config(make_unet(size.diffusion, resolution)))
    write_weights(bundle / "arc2face/diffusion_pytorch_model.safetensors", workspace.result("diffusion", "unet"))
    write_json(bundle / "encoder/config.json", text_encoder_config(size.diffusion))
    write_weights(bundle / "encoder/model.safetensors", workspace.result("diffusion", "encoder"))
    (bundle / "encoder/pytorch_model.bin").unlink(missing_ok=True)  # of an earlier bundle, in the other format
    autoencoder = make_autoencoder(size.vae, resolution, history["scaling_factor"])
    write_json(bundle / "vae/config.json", diffusers_config(autoencoder))
    write_weights(
        bundle / "vae/diffusion_pytorch_model.safetensors",
        workspace.result("vae", "network"),
        workspace.result("retouch", "network"),
    )
    write_json(bundle / "scheduler/scheduler_config.json", SCHEDULER)
    write_json(bundle / "tokens.json", TOKENS)

    detector = ScrfdOutputs(workspace.load_result("detector", "network", Detector(size.detector)))
    height, width = (32 * torch.export.Dim(name, min=2, max=128) for name in ("rows", "columns"))
    write_onnx(
        bundle / DETECTOR,
        detector,
        torch.zeros(1, 3, 320, 384),
        (DETECTOR_INPUT, DETECTOR_OUTPUTS),
        {2: height, 3: width},
    )
    recognisers = (
        (bundle / RECOGNISER, workspace.load_result("embedder", "network", Embedder(size.embedder))),
        (evaluation / EVALUATOR, workspace.load_result("evaluator", "network", Evaluator(size.evaluator))),
    )
    for path, network in recognisers:
        batch = {0: torch.export.Dim("count", max=4096)}
        write_onnx(path, network, torch.zeros(2, 3, CROP, CROP), (INPUT_NAME, (OUTPUT_NAME,)), batch)
    reader = Points(workspace.load_result("keypoints", "network", KeypointReader(size.keypoints)))
    write_onnx(
        evaluation / KEYPOINTS,
        reader,
        torch.zeros(2, 3, SQUARE, SQUARE),
        (READER_INPUT, (READER_OUTPUT,)),
        {0: torch.export.Dim("count", max=4096)},
    )

    bundled = ["arc2face", "encoder", "vae", "scheduler", "antelopev2"]
    files = [path for folder in bundled for path in sorted((bundle / folder).iterdir())]
    judges = [evaluation / EVALUATOR, evaluation / KEYPOINTS]
    files += [bundle / "tokens.json", *judges, *export_adapters(workspace, size, bundle, evaluation)]
    return {str(path): path.stat().st_size for path in files}


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m train.export", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--size", choices=SIZES, default="gpu")
    parser.add_argument("--bundle", type=Path, help="folder to write (default: bundle/ in the run's)")
    parser.add_argument(
        "--evaluation", type=Path, help="folder for the networks that judge (default: evaluation/ in the run's)"
    )
    args = parser.parse_args(argv)
    bundle, evaluation = args.bundle or args.out / "bundle", args.evaluation or args.out / "evaluation"
    sizes = export(Workspace(args.out), SIZES[args.size], bundle, evaluation)
    for path, count in sizes.items():
        print(f"{count:>10}  {path}")
    total = sum(sizes.values())
    print(f"{total:>10}  together")
    if total > MAX_TOTAL_BYTES:
        raise SystemExit(f"Expected at most {MAX_TOTAL_BYTES} bytes together but they are {total}.")


if __name__ == "__main__":
    main()
