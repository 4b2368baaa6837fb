"""The exported painter with one of the exported adapters, for the evaluation: each is another way to predict the noise."""

import copy
from pathlib import Path

import numpy as np
import torch
from diffusers import ControlNetModel
from safetensors.torch import load_file

from .export_adapters import CONTROLNET, EXPRESSION, LCM, REFERENCE
from .networks.expression_adapter import ExpressionAdapter
from .networks.lora import Lora
from .networks.reference_bank import ReferenceBank
from .portraits import Painter, Predictor


def _of_both_halves(values: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
    """What is known of each portrait, of a batch that guidance may have doubled."""
    return values.repeat(len(noisy) // len(values), *(1 for _ in values.shape[1:]))


class Adapted:
    """Each method gives the `predict` of a Painter."""

    def __init__(self, painter: Painter, bundle: Path, device: torch.device) -> None:
        self._painter, self._bundle, self._device = painter, bundle, device

    def few_steps(self) -> Predictor:
        """The LCM-LoRA's, for diffusers' LCMScheduler and no guidance."""
        unet = copy.deepcopy(self._painter.unet)
        weights = {name: value.float() for name, value in load_file(self._bundle / LCM).items()}
        rank = int(next(value for name, value in weights.items() if name.endswith(".alpha")))
        Lora(unet, rank).to(self._device).load_state_dict(weights)
        return lambda noisy, t, conditioning: unet(noisy, t, conditioning).sample

    def posed(self, normals: np.ndarray) -> Predictor:
        """normals: uint8 [N, S, S, 3], of the head that is to be followed"""
        how = {"torch_dtype": torch.float32, "low_cpu_mem_usage": False}
        controlnet = ControlNetModel.from_pretrained(self._bundle / CONTROLNET, **how).to(self._device).eval()
        maps = torch.from_numpy(normals).to(self._device).permute(0, 3, 1, 2).float() / 255

        def predict(noisy: torch.Tensor, t: torch.Tensor, conditioning: torch.Tensor) -> torch.Tensor:
            given = _of_both_halves(maps, noisy)
            down, middle = controlnet(noisy, t, conditioning, controlnet_cond=given, return_dict=False)
            residuals = {"down_block_additional_residuals": down, "mid_block_additional_residual": middle}
            return self._painter.unet(noisy, t, conditioning, **residuals).sample

        return predict

    def expressing(self, numbers: np.ndarray) -> Predictor:
        """numbers: float32 [N, 55]"""
        unet = copy.deepcopy(self._painter.unet)
        file = torch.load(self._bundle / EXPRESSION, map_location=self._device, weights_only=True)
        adapter = ExpressionAdapter(unet).to(self._device)
        adapter.load_state_dict({f"{part}.{key}": value.float() for part in file for key, value in file[part].items()})
        given = torch.from_numpy(numbers).to(self._device)

        def predict(noisy: torch.Tensor, t: torch.Tensor, conditioning: torch.Tensor) -> torch.Tensor:
            guided = len(noisy) > len(given)
            adapter.show(torch.cat([torch.zeros_like(given), given]) if guided else given)
            return unet(noisy, t, conditioning).sample

        return predict

    def referring(self, references: torch.Tensor, scale: float) -> Predictor:
        """
        references: latents [N, 4, h, w] of the photos that are to be kept
        scale: of the reading UNet's LoRA
        """
        unet = copy.deepcopy(self._painter.unet)
        bank = ReferenceBank(unet)
        weights = {name: value.float() for name, value in load_file(self._bundle / REFERENCE).items()}
        rank = len(next(value for name, value in weights.items() if name.endswith(".lora.down.weight")))
        lora = Lora(unet, rank).to(self._device)
        with torch.no_grad():
            for name, path in lora.paths.items():
                addition = lora.get_submodule(name)
                addition.lora_down.weight.copy_(weights[f"unet.{path}.lora.down.weight"])
                addition.lora_up.weight.copy_(weights[f"unet.{path}.lora.up.weight"])
                addition.alpha.mul_(scale)
        written = False

        def predict(noisy: torch.Tensor, t: torch.Tensor, conditioning: torch.Tensor) -> torch.Tensor:
            nonlocal written
            count = len(references)
            if not written:  # once, with the person in both halves
                bank.write()
                lora.on = False
                unet(_of_both_halves(references, noisy), 0, _of_both_halves(conditioning[-count:], noisy))
                written = True
            lora.on = True
            bank.read(torch.arange(len(noisy), device=noisy.device) >= len(noisy) - count)
            return unet(noisy, t, conditioning).sample

        return predict
