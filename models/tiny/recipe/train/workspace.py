"""The folder of a run: what each stage leaves for the next."""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn


class Workspace:
    """`data/` is rendered, `checkpoints/` resume a stage where it stood, `results/` are the weights that stages read.

    Results are small (float16, a file per network) and enough to go on elsewhere: a stage that finds no checkpoint but its
    result starts from that, with a fresh optimizer and with the time already spent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.checkpoints = folder / "checkpoints"
        self.results = folder / "results"

    def result(self, stage: str, network: str) -> Path:
        return self.results / f"{stage}.{network}.safetensors"

    def save_result(self, stage: str, network: str, state: dict[str, torch.Tensor], history: dict) -> None:
        """Writes weights in float16 (integers as they are) and, in the file's metadata, how they came about."""
        self.results.mkdir(parents=True, exist_ok=True)
        tensors = {name: halved(value).contiguous().cpu() for name, value in state.items()}
        path = self.result(stage, network)
        save_file(tensors, path.with_suffix(".part"), {"history": json.dumps(history)})
        os.replace(path.with_suffix(".part"), path)

    def read_history(self, stage: str, network: str) -> dict:
        with safe_open(self._existing(stage, network), "pt") as file:
            return json.loads(file.metadata()["history"])

    def load_result(self, stage: str, network: str, into: nn.Module) -> nn.Module:
        """Fills a network with what a stage made; in float32 and for evaluation."""
        with safe_open(self._existing(stage, network), "pt") as file:
            into.load_state_dict({name: file.get_tensor(name).float() for name in file.keys()})
        return into.eval().requires_grad_(False)

    def cached(self, name: str, device: torch.device, make: Callable[[], Any]) -> Any:
        """What `make` returns, tensors or a tuple of them; made once. The name has to say what they were made of."""
        path = self.checkpoints / f"{name}.pt"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(make(), path.with_suffix(".part"))
            os.replace(path.with_suffix(".part"), path)
        return torch.load(path, map_location=device, weights_only=True)

    def _existing(self, stage: str, network: str) -> Path:
        path = self.result(stage, network)
        if not path.exists():
            raise SystemExit(f"Expected {path}, which `python -m train.{stage}` writes; run that stage first.")
        return path


def halved(value: torch.Tensor) -> torch.Tensor:
    """Float16, unless that would lose the value: integers, and numbers beyond its range, stay."""
    if not value.is_floating_point():
        return value
    half = value.half()
    if not torch.isfinite(half).all():
        raise ValueError(f"Expected weights within float16's range but received one of {value.abs().max().item():g}.")
    return half


def fingerprint(*files: Path) -> str:
    """Of the weights that earlier stages left."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
