"""What every training stage shares: its command line, clock, checkpoints and log."""

import argparse
import contextlib
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from .precision import Precision
from .sizes import SIZES, Size
from .workspace import Workspace

SAVE_EVERY_S = 120  # by the clock on the wall: a training that shares its core must not lose hours
_LOG_EVERY_STEPS = 25
_WARM_UP_STEPS = 100


@dataclass(frozen=True)
class Options:
    workspace: Workspace
    size: Size
    minutes: float  # of the whole stage, resumed runs together; on a CPU, of processor time of all threads together
    stop_after: float  # minutes of this run
    device: torch.device
    seed: int
    precision: Precision

    def autocast(self) -> contextlib.AbstractContextManager:
        return self.precision.autocast()


def read_options(stage: str, description: str | None, argv: list[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(prog=f"python -m train.{stage}", description=description)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; a stage goes on where it stood")
    parser.add_argument("--size", choices=SIZES, default="gpu")
    parser.add_argument(
        "--minutes",
        type=float,
        help="of training in all, over resumed runs, those of all CPU threads added up (default: see sizes.py)",
    )
    parser.add_argument("--stop-after", type=float, default=math.inf, help="minutes of this run")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    size = SIZES[args.size]
    minutes = size.minutes[stage] if args.minutes is None else args.minutes
    # Each stage draws other numbers, and each seed others again.
    seed = args.seed * 1000 + sum(stage.encode())
    torch.manual_seed(seed)
    device = torch.device(args.device)
    return Options(Workspace(args.out), size, minutes, args.stop_after, device, seed, Precision(device))


class Training:
    """Trains until the stage's minutes are over, or this run's; saves every other minute and at the end.

    The learning rate follows the clock, not a number of steps: a slow machine makes fewer steps, but finishes as settled.
    """

    def __init__(
        self,
        stage: str,
        options: Options,
        networks: dict[str, nn.Module],
        *,
        rate: float,
        weight_decay: float = 0.0,
        companions: nn.Module | None = None,
        averaging: float | None = None,
    ) -> None:
        """
        networks: what the stage is for; each becomes a result
        companions: trained along, and not kept (the class centres of a classification)
        averaging: decay per step of an exponential moving average of the weights, which then is the result
        """
        self.stage, self.options, self.networks = stage, options, networks
        self._all = nn.ModuleDict({**networks, **({} if companions is None else {"companions": companions})})
        self._all.to(options.device).train()
        decayed = [p for p in self._all.parameters() if p.ndim > 1]
        plain = [p for p in self._all.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
        fused = options.device.type == "cuda"
        self._optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=fused)
        self._rate, self._averaging = rate, averaging
        # What shares the machine must not shorten a training on the CPU: its clock stands while others have the cores.
        self._clock = time.process_time if options.device.type == "cpu" else time.monotonic
        self.history: dict = {"elapsed": 0.0, "steps": 0, "seed": options.seed, "log": []}
        self._since_start = 0
        self._average: dict[str, dict[str, torch.Tensor]] | None = None
        self._resume()
        if averaging is not None and self._average is None:
            self._average = {name: _copy(network) for name, network in networks.items()}

    def run(self, step: Callable[[float], dict[str, torch.Tensor]]) -> None:
        """
        step: from the progress of the stage, 0 to 1, to named losses; `loss` is the one to minimise, and the others are
          for the log. It is called at least once, unless the stage is complete.
        """
        total, limit = self.options.minutes * 60, self.options.stop_after * 60
        before = self.history["elapsed"]
        if before >= total:
            print(f"{self.stage}: complete after {before / 60:.1f} min; a longer --minutes trains on")
            return
        self._choose_precision(lambda: step(before / total)["loss"].backward())
        started, saved = self._clock(), time.monotonic()
        sums, counted = {}, 0
        while True:
            for group in self._optimizer.param_groups:
                group["lr"] = self._rate * self._schedule(min(1.0, self.history["elapsed"] / total))
            losses = step(min(1.0, self.history["elapsed"] / total))
            self._optimizer.zero_grad(set_to_none=True)
            losses["loss"].backward()
            nn.utils.clip_grad_norm_(self._all.parameters(), 1.0)
            self._optimizer.step()
            self._follow()
            self.history["steps"] += 1
            self._since_start += 1
            # Kept on the device, so that no step waits for its numbers.
            sums = {name: sums.get(name, 0.0) + value.detach() for name, value in losses.items()}
            counted += 1
            now = self._clock()
            self.history["elapsed"] = before + now - started
            over = self.history["elapsed"] >= total or now - started >= limit
            if counted == _LOG_EVERY_STEPS or over:
                self._log({name: float(value) / counted for name, value in sums.items()})
                sums, counted = {}, 0
            if over or time.monotonic() - saved > SAVE_EVERY_S:
                self.save()
                saved = time.monotonic()
            if over:
                done = self.history["elapsed"]
                print(f"{self.stage}: {self.history['steps']} steps, {done / 60:.1f} of {self.options.minutes:g} min")
                return

    def _choose_precision(self, step: Callable[[], None]) -> None:
        """Leaves no trace in what is drawn and learnt."""
        drawn = torch.get_rng_state()
        self.options.precision.choose(step)
        torch.set_rng_state(drawn)
        self._optimizer.zero_grad(set_to_none=True)

    def _schedule(self, progress: float) -> float:
        """A cosine, after a warm-up that a fresh optimizer needs."""
        return min(1.0, (self._since_start + 1) / _WARM_UP_STEPS) * (
            0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
        )

    def _follow(self) -> None:
        if self._average is None or self._averaging is None:
            return
        decay = min(self._averaging, (1 + self.history["steps"]) / (10 + self.history["steps"]))
        for name, network in self.networks.items():
            average, state = self._average[name], network.state_dict()
            floats = [key for key in average if average[key].is_floating_point()]
            torch._foreach_lerp_([average[key] for key in floats], [state[key] for key in floats], 1 - decay)

    def _log(self, means: dict[str, float]) -> None:
        entry = {"step": self.history["steps"], "minutes": round(self.history["elapsed"] / 60, 3)}
        entry |= {name: float(f"{value:.5g}") for name, value in means.items()}
        if not all(math.isfinite(value) for value in means.values()):
            raise SystemExit(f"Expected finite losses in stage {self.stage} but received {entry}.")
        self.history["log"].append(entry)
        # What the result's header keeps: the whole course, thinned out evenly when it grows.
        if len(self.history["log"]) > 400:
            self.history["log"] = self.history["log"][1::2]
        print(json.dumps(entry), flush=True)

    def save(self) -> None:
        w = self.options.workspace
        w.checkpoints.mkdir(parents=True, exist_ok=True)
        path = w.checkpoints / f"{self.stage}.pt"
        state = {
            "all": self._all.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self._average,
            "history": self.history,
        }
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)
        for name, network in self.networks.items():
            w.save_result(
                self.stage, name, network.state_dict() if self._average is None else self._average[name], self.history
            )

    def _resume(self) -> None:
        w, device = self.options.workspace, self.options.device
        path = w.checkpoints / f"{self.stage}.pt"
        if path.exists():
            state = torch.load(path, map_location=device, weights_only=True)
            self._all.load_state_dict(state["all"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._average, self.history = state["average"], state["history"]
        elif all(w.result(self.stage, name).exists() for name in self.networks):
            for name, network in self.networks.items():
                w.load_result(self.stage, name, network)
                self.history = w.read_history(self.stage, name)
            self._all.train().requires_grad_(True)
        # A run that goes on must not draw again what the first one drew.
        torch.manual_seed(self.options.seed + 1_000_000 * self.history["steps"])


def _copy(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
