"""Writes the adapters into a bundle, in the layouts in which the official ones are published, and their judge beside it."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from .bundle_files import diffusers_config, write_json, write_tensors, write_weights
from .crops import CROP
from .expressions import as_json
from .networks.embedder import INPUT_NAME
from .networks.lora import Lora
from .networks.observer import OUTPUT_NAME, Observer
from .networks.painter import make_controlnet, make_tiny_autoencoder, make_unet
from .onnx_file import write_onnx
from .sizes import Size
from .workspace import Workspace

# The last of these judges what the others do, and is no part of the bundle.
_STAGES = ("lcm", "controlnet", "expression", "reference", "taesd", "observer")

# Where the parts lie.
LCM = "lcm-lora/pytorch_lora_weights.safetensors"
CONTROLNET = "controlnet"
EXPRESSION, EXPRESSIONS = "exp_adapter/exp_adapter.bin", "expressions.json"
REFERENCE = "ref_adapter/pytorch_lora_weights.safetensors"
TINY = "taesd"
OBSERVER = "observer.onnx"
_WEIGHTS = "diffusion_pytorch_model.safetensors"


def export_adapters(workspace: Workspace, size: Size, bundle: Path, evaluation: Path) -> list[Path]:
    """Returns what was written: nothing, unless all are trained."""
    result = {stage: workspace.result(stage, "network") for stage in _STAGES}
    if not all(path.exists() for path in result.values()):
        print(f"export: no adapters, which take all of the stages {', '.join(_STAGES)}")
        return []
    unet = make_unet(size.diffusion, size.data.resolution)
    controlnet = make_controlnet(unet, size.adapters.control_channels)
    tiny = diffusers_config(make_tiny_autoencoder(size.adapters.tiny))
    del tiny["block_out_channels"]  # which diffusers notes for itself, and warns of when it reads
    reference = _with_diffusers_names(load_file(result["reference"]), unet, size.adapters.reference_rank)
    write_weights(bundle / LCM, result["lcm"])  # kohya's names are those of training
    write_json(bundle / CONTROLNET / "config.json", diffusers_config(controlnet))
    write_weights(bundle / CONTROLNET / _WEIGHTS, result["controlnet"])
    _write_expression(bundle / EXPRESSION, load_file(result["expression"]))
    write_json(bundle / EXPRESSIONS, as_json())
    write_tensors(bundle / REFERENCE, reference)
    write_json(bundle / TINY / "config.json", tiny)
    write_weights(bundle / TINY / _WEIGHTS, result["taesd"])
    observer = workspace.load_result("observer", "network", Observer())
    names, batch = (INPUT_NAME, (OUTPUT_NAME,)), {0: torch.export.Dim("count", max=4096)}
    write_onnx(evaluation / OBSERVER, observer, torch.zeros(2, 3, CROP, CROP), names, batch)
    models = [bundle / folder / name for folder in (CONTROLNET, TINY) for name in ("config.json", _WEIGHTS)]
    return [*models, *(bundle / name for name in (LCM, EXPRESSION, EXPRESSIONS, REFERENCE)), evaluation / OBSERVER]


def _write_expression(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """As diffusers' load_ip_adapter reads it: a dictionary of two."""
    parts: dict[str, dict[str, torch.Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for name, value in tensors.items():
        part, key = name.split(".", 1)
        parts[part][key] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(parts, path)


def _with_diffusers_names(
    tensors: dict[str, torch.Tensor], unet: torch.nn.Module, rank: int
) -> dict[str, torch.Tensor]:
    """Without alpha, which is taken to be the rank then, as it was in training."""
    return {
        f"unet.{path}.lora.{part}.weight": tensors[f"{name}.lora_{part}.weight"]
        for name, path in Lora(unet, rank).paths.items()
        for part in ("down", "up")
    }
