"""Writes the adapters into a bundle, in the layouts in which the official ones are published, and their judge beside it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from dataset import HELD_OUT
from render import Person, neutral_conditions, sample_identity

from .bundle_files import diffusers_config, write_json, write_tensors, write_weights
from .crops import CROP, crop, estimate_alignment, normalise
from .expressions import NAMED, as_json
from .networks.embedder import INPUT_NAME
from .networks.lora import Lora
from .networks.observer import OUTPUT_NAME, Observer
from .networks.painter import make_controlnet, make_tiny_autoencoder, make_unet
from .onnx_file import write_onnx
from .sizes import Size
from .workspace import Workspace

# Where the parts lie. The observer judges what the others do, and is no part of the bundle.
LCM = "lcm-lora/pytorch_lora_weights.safetensors"
CONTROLNET, FRAMING = "controlnet", "controlnet/framing.json"
EXPRESSION, EXPRESSIONS = "exp_adapter/exp_adapter.bin", "expressions.json"
REFERENCE = "ref_adapter/pytorch_lora_weights.safetensors"
TINY = "taesd"
OBSERVER, LOOKS = "observer.onnx", "expressions.json"
WEIGHTS = "diffusion_pytorch_model.safetensors"
_MODELS = 6  # people who show what a named expression looks like


def export_adapters(workspace: Workspace, size: Size, bundle: Path, evaluation: Path) -> list[Path]:
    """Returns what was written: of those that are trained."""
    return list(_write(workspace, size, bundle, evaluation))


def _write(workspace: Workspace, size: Size, bundle: Path, evaluation: Path) -> Iterator[Path]:
    def trained(stage: str) -> Path | None:
        path = workspace.result(stage, "network")
        if path.exists():
            return path
        print(f"export: without what `python -m train.{stage}` makes")
        return None

    unet = make_unet(size.diffusion, size.data.resolution)
    if result := trained("lcm"):
        write_weights(bundle / LCM, result)  # kohya's names are those of training
        yield bundle / LCM
    if result := trained("controlnet"):
        config = diffusers_config(make_controlnet(unet, size.adapters.control_channels))
        yield from _write_model(bundle / CONTROLNET, config, result)
        # How the photos that it saw are framed on average: the package draws its maps like that.
        place = neutral_conditions()
        write_json(bundle / FRAMING, {"cameraDistance": place.distance, "headHeight": place.zoom})
        yield bundle / FRAMING
    if result := trained("expression"):
        _write_expression(bundle / EXPRESSION, load_file(result))
        write_json(bundle / EXPRESSIONS, as_json())
        yield from (bundle / EXPRESSION, bundle / EXPRESSIONS)
    if result := trained("reference"):
        write_tensors(bundle / REFERENCE, _with_diffusers_names(load_file(result), unet, size.adapters.reference_rank))
        yield bundle / REFERENCE
    if result := trained("taesd"):
        config = diffusers_config(make_tiny_autoencoder(size.adapters.tiny))
        del config["block_out_channels"]  # which diffusers notes for itself, and warns of when it reads
        yield from _write_model(bundle / TINY, config, result)
    if trained("observer"):
        observer = workspace.load_result("observer", "network", Observer())
        names, batch = (INPUT_NAME, (OUTPUT_NAME,)), {0: torch.export.Dim("count", max=4096)}
        write_onnx(evaluation / OBSERVER, observer, torch.zeros(2, 3, CROP, CROP), names, batch)
        yield evaluation / OBSERVER
        write_json(evaluation / LOOKS, _looks(observer, size.data.resolution))
        yield evaluation / LOOKS


@torch.no_grad()
def _looks(observer: Observer, side: int) -> dict[str, list[float]]:
    """Blendshapes that the observer sees in photos of each named expression, the mean over some held-out people: judges compare with these."""
    people = [Person(sample_identity(HELD_OUT + k)) for k in range(_MODELS)]
    looks = {}
    for name, shapes in NAMED.items():
        taken = [person.photograph(neutral_conditions()._replace(blendshapes=shapes), side) for person in people]
        pixels = torch.from_numpy(np.stack([photo.clean for photo in taken])).permute(0, 3, 1, 2).float()
        alignment = estimate_alignment(torch.from_numpy(np.stack([photo.keypoints for photo in taken])).float())
        seen = observer.eval()(normalise(crop(pixels, alignment)))[:, 3:].mean(0)
        looks[name] = [round(value, 4) for value in seen.tolist()]
    return looks


def _write_model(folder: Path, config: dict[str, Any], result: Path) -> Iterator[Path]:
    write_json(folder / "config.json", config)
    write_weights(folder / WEIGHTS, result)
    yield from (folder / "config.json", folder / WEIGHTS)


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


def from_diffusers_names(tensors: dict[str, torch.Tensor], unet: torch.nn.Module, rank: int) -> dict[str, torch.Tensor]:
    """The other way round, as training has them."""
    lora = Lora(unet, rank)
    state = lora.state_dict()
    for name, path in lora.paths.items():
        for part in ("down", "up"):
            state[f"{name}.lora_{part}.weight"] = tensors[f"unet.{path}.lora.{part}.weight"]
    return state
