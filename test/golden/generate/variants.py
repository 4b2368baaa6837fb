"""Records nets/variants: every network under configurations that the tiny bundle does not have, run by diffusers and transformers.

    pip install torch diffusers transformers
    python test/golden/generate/variants.py

Weights and inputs follow rules that a test can follow too, so that only outputs are stored:

* a weight is a row of a table of numbers in -0.1 … 0.1 (`table`), from `offset(name)` on; a norm's `weight` is 1 + those, and of
  others those whose names have the case's `faint` in them are a 64th of those: what norms then see is so small that their epsilon counts;
* a float input of n elements is `ramp(n)`.
"""
import json
import math
import zlib
from pathlib import Path

import diffusers
import diffusers.models.embeddings as embeddings
import numpy as np
import torch
import transformers
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

GOLDEN = Path(__file__).resolve().parent.parent
TABLE = 2**21
torch.set_grad_enabled(False)
torch.set_num_threads(1)

FAINT = "weights near zero"
FAINT_PROJECTIONS = "projections near zero"
five = {"block_out_channels": [8, 8, 16, 16, 16], "down_block_types": ["CrossAttnDownBlock2D"] * 5, "up_block_types": ["CrossAttnUpBlock2D"] * 5}
UNETS = [
    ("one layer per block", {"layers_per_block": 1}),
    ("three layers per block", {"layers_per_block": 3}),
    ("layers per block as a list", {"layers_per_block": [1, 2, 1, 3]}),
    ("heads as a list", {"attention_head_dim": [1, 2, 4, 8]}),
    ("heads under their later name", {"num_attention_heads": 4}),
    ("linear projections", {"use_linear_projection": True}),
    ("two transformer blocks", {"transformer_layers_per_block": 2}),
    ("two levels", {"block_out_channels": [16, 24], "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
                    "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"]}),
    ("one level", {"block_out_channels": [16], "down_block_types": ["CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D"]}),
    ("five levels", five),
    ("inpainting channels", {"in_channels": 9}),
    ("more outputs", {"out_channels": 8}),
    ("sines before cosines", {"flip_sin_to_cos": False, "freq_shift": 1}),
    ("a narrow conditioning", {"cross_attention_dim": 24}),
    ("other epsilon and groups", {"norm_eps": 0.01, "norm_num_groups": 4}),
    (FAINT, {}),
    (FAINT_PROJECTIONS, {}),
]
VAES = [
    ("one layer per block", {"layers_per_block": 1}),
    ("a scaling factor", {"scaling_factor": 0.5}),
    ("no convolutions around the latents", {"use_quant_conv": False, "use_post_quant_conv": False}),
    ("other latent channels", {"latent_channels": 16}),
    ("two levels", {"block_out_channels": [8, 16], "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2}),
    (FAINT, {}),
]
ENCODERS = [
    ("gelu", {"hidden_act": "gelu"}),
    ("two layers", {"num_hidden_layers": 2}),
    ("an identity as wide as the model", {"hidden_size": 512, "num_attention_heads": 8}),
    ("another epsilon", {"layer_norm_eps": 0.01}),
    (FAINT, {}),
]
CONTROLNETS = [
    ("other image convolutions", {"conditioning_embedding_out_channels": [8, 8, 16], "conditioning_channels": 1, "layers_per_block": 1}),
    (FAINT, {}),
]


def table():
    """Park and Miller's generator, from 1."""
    state, values = 1, np.empty(TABLE)
    for i in range(TABLE):
        state = state * 48271 % 0x7FFFFFFF
        values[i] = (state / 0x7FFFFFFF - 0.5) / 5
    return torch.from_numpy(values.astype(np.float32))


def offset(name):
    return zlib.crc32(name.encode()) % 2**20


def faint(title):
    """What the names of weights near zero have in them; none: no weight is."""
    return {FAINT: "", FAINT_PROJECTIONS: "proj_in"}.get(title)


def fill(model, title, numbers, prefix=""):
    for name, parameter in model.named_parameters():
        name = name.removeprefix(prefix)
        values = numbers[offset(name):][: parameter.numel()].reshape(parameter.shape)
        norm = "norm" in name and name.endswith(".weight")
        parameter.copy_(1 + values if norm else values / 64 if faint(title) is not None and faint(title) in name else values)
    return model.eval()


def ramp(*shape):
    n = torch.arange(math.prod(shape), dtype=torch.float64)
    return (n * 37 % 101 / 50 - 1).float().reshape(shape)


class Double:
    """Stands for `torch` inside a module of upstream's that names float32: it then means float64."""

    def __getattr__(self, name):
        return torch.float64 if name == "float32" else getattr(torch, name)


def both(model, run):
    """Outputs of `run` by name in float32, and how far those are from a float64 run of the same."""
    single = run(model.float(), torch.float32)
    embeddings.torch = Double()
    double = run(model.double(), torch.float64)
    embeddings.torch = torch
    error = max((single[key] - double[key]).abs().max().item() for key in single)
    largest = max(value.abs().max().item() for value in double.values())
    # 20 times the error, as in the other files, but no less than 20 units of the last place of the largest value.
    atol = float(f"{20 * max(error, 2**-24 * max(largest, 1)):.1g}")
    return single, {"max_abs_value": largest, "f32_vs_f64_max_abs": error, "atol": atol}


def main():
    numbers = table()
    tensors, cases = {}, []

    def case(kind, title, changes, outputs, accuracy):
        name = f"{kind}: {title}"
        keys = {field: f"{name}/{field}" for field in outputs}
        tensors.update({keys[field]: value.contiguous() for field, value in outputs.items()})
        cases.append({"name": name, "kind": kind, "changes": changes, "faint": faint(title), "tensors": keys, "accuracy": accuracy})

    def config(model, changes):
        return {**json.loads((GOLDEN / "tiny-sd" / model / "config.json").read_text()), **changes}

    for title, changes in UNETS:
        fields = config("arc2face", changes)
        # diffusers refuses the later name, which newer files have beside the older one.
        if "num_attention_heads" in changes:
            fields["attention_head_dim"] = fields.pop("num_attention_heads")
        net = fill(UNet2DConditionModel.from_config(fields), title, numbers)
        sample, context = ramp(2, fields["in_channels"], 9, 14), ramp(2, 5, fields["cross_attention_dim"])
        timestep = torch.tensor([999, 0.5])
        case("unet", title, changes, *both(net, lambda m, t: {"eps": m(sample.to(t), timestep.to(t), context.to(t)).sample}))

    for title, changes in VAES:
        fields = config("vae", changes)
        net = fill(AutoencoderKL.from_config(fields), title, numbers)
        scale = 2 ** (len(fields["block_out_channels"]) - 1)
        latents, image = ramp(1, fields["latent_channels"], 3, 5), ramp(1, 3, 3 * scale, 5 * scale)

        def run(m, t):
            found = m.encode(image.to(t)).latent_dist
            return {"image": m.decode(latents.to(t) / m.config.scaling_factor).sample, "mean": found.mean, "logvar": found.logvar}

        case("vae", title, changes, *both(net, run))

    ids = torch.tensor([[1, 2, 3, 4, 5, 6], [68, 0, 1, 2, 3, 4]])
    for title, changes in ENCODERS:
        settings = CLIPTextConfig(**{k: v for k, v in config("encoder", changes).items() if k not in ("architectures", "torch_dtype")})
        net = fill(CLIPTextModel(settings), title, numbers, "text_model.")
        identity = ramp(2, 512)

        def run(m, t):
            m = getattr(m, "text_model", m)
            rows = m.embeddings.token_embedding(ids).clone()
            # The first row alone has an identity, in the place of its token 3.
            rows[0, 3] = torch.nn.functional.pad(identity[0].to(t), (0, settings.hidden_size - 512))
            x = m.embeddings(inputs_embeds=rows)
            hidden = torch.triu(torch.full((6, 6), float("-inf"), dtype=t), 1)[None, None]
            x = m.encoder(inputs_embeds=x, attention_mask=hidden).last_hidden_state
            return {"hidden_states": m.final_layer_norm(x)}

        case("encoder", title, changes, *both(net, run))

    for title, changes in CONTROLNETS:
        fields = config("controlnet", changes)
        net = fill(ControlNetModel.from_config(fields), title, numbers)
        steps = 2 ** (len(fields["conditioning_embedding_out_channels"]) - 1)
        sample, context = ramp(1, 4, 6, 10), ramp(1, 3, fields["cross_attention_dim"])
        condition = ramp(1, fields["conditioning_channels"], 6 * steps, 10 * steps)

        def run(m, t):
            down, mid = m(sample.to(t), torch.tensor([500]), context.to(t), condition.to(t), return_dict=False)
            return {**{f"down_{i}": value for i, value in enumerate(down)}, "mid": mid}

        case("controlnet", title, changes, *both(net, run))

    out = GOLDEN / "nets" / "variants"
    save_file(tensors, f"{out}.safetensors")
    head = {
        "title": "networks of tiny-sd with some fields of their config.json changed",
        "upstream": f"diffusers {diffusers.__version__}, transformers {transformers.__version__}, torch {torch.__version__.split('+')[0]}: "
        "forward calls as in the other files of nets/; weights and inputs by the rules in generate/variants.py",
        "cases": cases,
    }
    Path(f"{out}.json").write_text(json.dumps(head, indent=1) + "\n")
    for one in cases:
        print(one["name"], one["accuracy"])


main()
