"""Adds to nets/unet_debug.json and nets/vae_debug.json how accurate each recorded result is: upstream's float32 run against float64.

    pip install torch diffusers
    python test/golden/generate/intermediates.py
"""
import json
from pathlib import Path

import diffusers.models.embeddings as embeddings
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file

GOLDEN = Path(__file__).resolve().parent.parent
torch.set_grad_enabled(False)
torch.set_num_threads(1)


class Double:
    """Stands for `torch` inside a module of upstream's that names float32: it then means float64."""

    def __getattr__(self, name):
        return torch.float64 if name == "float32" else getattr(torch, name)


def results(model, order, run):
    modules, found = dict(model.named_modules()), {}
    hooks = [
        modules[name].register_forward_hook(lambda m, a, out, name=name: found.__setitem__(name, out[0] if isinstance(out, tuple) else out))
        for name in order
    ]
    run(model)
    for hook in hooks:
        hook.remove()
    return found


def record(name, model, run):
    path = GOLDEN / "nets" / f"{name}.json"
    description, stored = json.loads(path.read_text()), load_file(path.with_suffix(".safetensors"))
    (case,) = description["cases"]
    inputs = {field: stored[case["tensors"][field]] for field in case["tensors"]}
    single = results(model.float(), description["order"], lambda m: run(m, case, inputs, torch.float32))
    embeddings.torch = Double()
    double = results(model.double(), description["order"], lambda m: run(m, case, inputs, torch.float64))
    embeddings.torch = torch
    case["accuracies"] = {}
    for tap in description["order"]:
        error, largest = (single[tap] - double[tap]).abs().max().item(), double[tap].abs().max().item()
        # 20 times the error, as in the other files, but no less than 20 units of the last place of the largest value.
        atol = float(f"{20 * max(error, 2**-24 * max(largest, 1)):.1g}")
        assert (inputs[tap] - single[tap]).abs().max().item() <= atol, tap
        case["accuracies"][tap] = {"f32_vs_f64_max_abs": error, "atol": atol}
        print(name, tap, largest, error, atol)
    path.write_text(json.dumps(description, indent=1, ensure_ascii=False) + "\n")


def decode(vae, case, inputs, dtype):
    vae.decode(inputs["latents"].to(dtype) / vae.config.scaling_factor)


def predict(unet, case, inputs, dtype):
    unet(inputs["sample"].to(dtype), case["timestep"], inputs["encoder_hidden_states"].to(dtype))


record("vae_debug", AutoencoderKL.from_pretrained(GOLDEN / "tiny-sd/vae"), decode)
record("unet_debug", UNet2DConditionModel.from_pretrained(GOLDEN / "tiny-sd/arc2face"), predict)
