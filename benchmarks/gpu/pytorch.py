"""Times Stable Diffusion's UNet in PyTorch, in fp16, eager and compiled, on the weights of a bundle.

    python pytorch.py <bundle> [--rows 2 16] [--runs 50] [--seconds 150]
    python pytorch.py <bundle> --answers <folder>

With --answers it times nothing, but compares what our engines computed (engines/main.cc wrote it) with PyTorch's own fp32:
the engines are half precision, as the module is that is timed, so both may be wrong, but ours not by more than a small
multiple of PyTorch's error. Prints lines of JSON (report.js). Compiling takes a minute for each number of rows: what the
seconds do not allow is left out, and said.
"""

import argparse
import json
import math
import struct
import sys
import time
from pathlib import Path

import torch

TYPES = {"F16": torch.float16, "F32": torch.float32, "BF16": torch.bfloat16}
WARM_UPS = 5
# Both sum in fp16 but in other orders. A wrong weight, layer or transposition is off by the size of the values.
TOLERATED = 4.0


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """https://github.com/huggingface/safetensors#format"""
    data = torch.from_file(str(path), shared=False, size=path.stat().st_size, dtype=torch.uint8)
    (size,) = struct.unpack("<Q", bytes(data[:8].tolist()))
    header = json.loads(bytes(data[8 : 8 + size].tolist()))
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        # Copied, because a tensor's type asks for an alignment that its place in the file need not have.
        tensors[name] = data[begin:end].clone().view(TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def make_unet(bundle: Path) -> tuple[torch.nn.Module, str]:
    """The module in fp32 on the CPU, and where it is from."""
    config = json.loads((bundle / "arc2face/config.json").read_text())
    try:
        import diffusers

        module = diffusers.UNet2DConditionModel.from_config(config)
        origin = f"diffusers {diffusers.__version__}"
    except ImportError:
        from unet import UNet

        module = UNet(config)
        origin = "benchmarks/gpu/unet.py"
    module.load_state_dict(read_safetensors(bundle / "arc2face/diffusion_pytorch_model.safetensors"))
    return module.eval().requires_grad_(False).float(), origin


def evaluate(module, sample, timestep, hidden):
    result = module(sample, timestep, hidden)
    return result if isinstance(result, torch.Tensor) else result.sample


def read_floats(path: Path, shape: list[int], device) -> torch.Tensor:
    data = torch.from_file(str(path), shared=False, size=path.stat().st_size // 4, dtype=torch.float32)
    return data.clone().reshape(shape).to(device)


def compare(module, answers: Path, device) -> dict:
    """The errors of our engine and of PyTorch's fp16 against PyTorch's fp32, relative to the largest value."""
    shapes = json.loads((answers / "shapes.json").read_text())
    given = {name: read_floats(answers / f"{name}.f32", shapes[name], device) for name in shapes}
    ours = given.pop("eps")
    inputs = (given["sample"], given["timestep"], given["encoder_hidden_states"])
    exact = evaluate(module.to(device), *inputs)
    half = evaluate(module.half(), *(one.half() if one.dim() > 1 else one for one in inputs)).float()
    scale = exact.abs().max().item()

    def error(values):
        return (values - exact).abs().max().item() / scale

    return {"rows": exact.shape[0], "ours": error(ours), "pytorch": error(half)}


def measure(run, runs: int, device) -> list[float]:
    """Milliseconds of each run, by the GPU's own clock where there is one."""
    for _ in range(min(WARM_UPS, runs)):
        run()
    if device.type != "cuda":
        times = []
        for _ in range(runs):
            started = time.perf_counter()
            run()
            times.append((time.perf_counter() - started) * 1e3)
        return times
    events = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(runs)]
    torch.cuda.synchronize()
    for begin, end in events:
        begin.record()
        run()
        end.record()
    torch.cuda.synchronize()
    return [begin.elapsed_time(end) for begin, end in events]


def say(**what) -> None:
    """At once: what comes next may fail, or be stopped."""
    print(json.dumps(what), flush=True)


def time_unet(module, config: dict, options, device) -> None:
    deadline = time.monotonic() + options.seconds
    module = module.half().to(device).to(memory_format=torch.channels_last)
    side, size = config["sample_size"], config["cross_attention_dim"]

    def inputs(rows):
        random = torch.Generator().manual_seed(rows)
        sample = torch.randn(rows, config["in_channels"], side, side, generator=random)
        hidden = torch.randn(rows, 77, size, generator=random)
        timestep = torch.full((rows,), 500.0, device=device)
        sample = sample.half().to(device, memory_format=torch.channels_last)
        return sample, timestep, hidden.half().to(device)

    for rows in options.rows:
        given = inputs(rows)
        times = measure(lambda given=given: evaluate(module, *given), options.runs, device)
        say(name="PyTorch's UNet, eager", rows=rows, unit="ms", values=times)
    if device.type == "cuda":
        say(name="PyTorch's peak of GPU memory, eager", unit="MiB", values=[torch.cuda.max_memory_allocated() / 2**20])
    left_out = []
    for rows in options.rows:
        name = f"torch.compile at {rows} rows"
        if deadline - time.monotonic() < options.seconds / 3:
            left_out.append({"what": name, "why": "the time was up"})
            continue
        try:
            # CUDA graphs, as our steps are.
            torch.compiler.reset()
            compiled = torch.compile(module, mode="reduce-overhead", dynamic=False)
            given = inputs(rows)
            started = time.monotonic()
            evaluate(compiled, *given)
            say(name="compiling PyTorch's UNet", rows=rows, unit="s", values=[time.monotonic() - started])
            run = lambda compiled=compiled, given=given: evaluate(compiled, *given)  # noqa: E731
            say(name="PyTorch's UNet, torch.compile", rows=rows, unit="ms", values=measure(run, options.runs, device))
        except Exception as error:  # the compiler needs a C compiler, Triton, … of the machine
            why = (str(error).splitlines() or [""])[0]
            left_out.append({"what": name, "why": f"{type(error).__name__}: {why}"})
    say(leftOut=left_out)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[2, 16])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--seconds", type=float, default=150)
    options = parser.parse_args()
    # What the comparison calls fp32 has to be it.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    with torch.inference_mode():
        module, origin = make_unet(options.bundle)
        say(torch=torch.__version__, cuda=torch.version.cuda, device=name, module=origin)
        if options.answers is None:
            config = json.loads((options.bundle / "arc2face/config.json").read_text())
            time_unet(module, config, options, device)
            return
        difference = compare(module, options.answers, device)
    # JSON has no NaN.
    shown = {key: value if math.isfinite(value) else None for key, value in difference.items()}
    say(difference=shown)
    # NaN fails.
    if not difference["ours"] <= TOLERATED * max(difference["pytorch"], 2**-11):
        sys.exit(f"The engine's answers are wrong: {difference}")


if __name__ == "__main__":
    main()
