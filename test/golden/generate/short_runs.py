"""Records schedulers/short_runs: runs of DPM-Solver++ on both sides of 15 steps, from which on diffusers lets its third order reach the end.

    pip install torch diffusers
    python test/golden/generate/short_runs.py

The loop, its stand-in for the network and the initial noise are those of schedulers/schedulers.
"""
import json
import math
from pathlib import Path

import diffusers
import torch
from diffusers import DPMSolverMultistepScheduler
from safetensors.torch import load_file, save_file

GOLDEN = Path(__file__).resolve().parent.parent
CONFIG = json.loads((GOLDEN / "tiny-sd/scheduler/scheduler_config.json").read_text())

tensors, cases = {}, []
for order in (2, 3):
    for steps in (14, 15):
        name = f"dpmpp_{order}m_{steps}"
        scheduler = DPMSolverMultistepScheduler.from_config(CONFIG, solver_order=order)
        scheduler.set_timesteps(steps)
        x = load_file(GOLDEN / "schedulers/schedulers.safetensors")["shared/x_T"] * scheduler.init_noise_sigma
        for t in scheduler.timesteps:
            eps = torch.tanh(0.5 * scheduler.scale_model_input(x, t) + 0.1 * math.sin(t.item() / 100))
            x = scheduler.step(eps, t, x).prev_sample
        tensors[f"{name}/final"] = x
        tensors[f"{name}/timesteps"] = scheduler.timesteps
        cases.append({"name": name, "order": order, "steps": steps, "tensors": {f: f"{name}/{f}" for f in ("final", "timesteps")}})

out = GOLDEN / "schedulers/short_runs"
save_file(tensors, f"{out}.safetensors")
upstream = f"diffusers {diffusers.__version__}: DPMSolverMultistepScheduler in float32"
Path(f"{out}.json").write_text(json.dumps({"title": "DPM-Solver++ around 15 steps", "upstream": upstream, "cases": cases}, indent=1) + "\n")
