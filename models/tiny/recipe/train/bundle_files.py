"""The files of a bundle: weights as stages left them, and what describes them."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_tensors(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {"format": "pt"})
    path.chmod(0o644)


def write_weights(path: Path, *results: Path) -> None:
    """The tensors of results, which are float16 already, without their histories. A later result's replace an earlier one's."""
    write_tensors(path, {name: value for result in results for name, value in load_file(result).items()})


def diffusers_config(model: Any) -> dict[str, Any]:
    """The config.json that the model's save_pretrained would write."""
    return json.loads(model.to_json_string())
